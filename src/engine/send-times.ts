import type { Subject } from '../core/subject.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Mark, ProviderClock } from './provider-clock.ts';

/** When a payment's sends left, by the provider's clock: what was made before them is not theirs (doctrine 13). */
export class SendTimes {
  readonly #clock: ProviderClock;
  readonly #openedAt: Mark;
  readonly #sentBefore: Mark | undefined;
  #first: Mark | undefined;
  #last: Mark | undefined;

  /** @param ticket as it was given: when it was opened, and when the last send before had left */
  constructor(clock: ProviderClock, { openedAt, lastSentAt }: Ticket) {
    this.#clock = clock;
    this.#openedAt = clock.markOf(Date.parse(openedAt));
    this.#sentBefore = lastSentAt === undefined ? undefined : clock.markOf(Date.parse(lastSentAt));
  }

  /** A send leaves now. */
  leave(): void {
    this.#last = this.#clock.mark();
    this.#first ??= this.#last;
  }

  /** @param since `opened`: earlier sends are not ruled out from when the ticket was opened; `nothing`: from any time */
  span(since: 'first-send' | 'opened' | 'nothing'): NonNullable<Subject['sends']> {
    const opened = since === 'nothing' ? undefined : this.#openedAt;
    const first = since === 'first-send' ? (this.#first ?? opened) : opened;
    const last = this.#last ?? this.#sentBefore;
    const notBeforeMs = first && this.#clock.at(first)?.fromMs;
    const leftByMs = last && this.#clock.at(last)?.toMs;
    return { ...(notBeforeMs !== undefined && { notBeforeMs }), ...(leftByMs !== undefined && { leftByMs }) };
  }
}
