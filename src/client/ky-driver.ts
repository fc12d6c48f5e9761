import {
  isResendRefusedError,
  isSettledError,
  isUnresolvedError,
  ResendRefusedError,
  SettledError,
  UnresolvedError,
} from '../core/errors.ts';
import { isWrite } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import type { BaseFetch } from '../engine/base-fetch.ts';
import { carryOut } from '../engine/carry-out.ts';
import type { Intention } from '../engine/intention.ts';
import { remember } from '../engine/results.ts';
import { responseOf } from '../engine/wire.ts';

/**
 * Drives one intention by ky's retry engine, which goes on only by what is returned and thrown: an answer that settles
 * it is returned, everything else is thrown, and between two sends ky asks `proceed`.
 */
export class KyDriver {
  readonly #intention: Intention;
  readonly #recorded: Promise<Settlement | undefined> | undefined;
  #sending: Promise<void> | undefined;

  /**
   * @param signal the caller's abort
   * @param recorded settles when a journal knows how it ended, before the caller does, to what stands then. Default:
   * there is no journal
   */
  constructor(intention: Intention, signal: AbortSignal | undefined, recorded: Promise<Settlement> | undefined) {
    this.#intention = intention;
    this.#recorded = recorded?.catch(() => undefined);
    intention.stopOn(signal);
  }

  /** Nothing more is to be done for it. */
  get over(): boolean {
    return this.#intention.over;
  }

  /** No caller waits for it any more. */
  stop(): void {
    this.#intention.stop();
  }

  /**
   * The gate: one send, if there is a permit for it. Returns the answer that settles the request.
   *
   * @throws {ResendRefusedError} without a permit; nothing is sent
   * @throws {UnresolvedError} when the answer settles nothing: `proceed` says what comes next
   */
  async send(headers: Headers, fetch: BaseFetch): Promise<Response> {
    const intention = this.#intention;
    if (intention.next?.type !== 'send') {
      intention.refuseResend();
      throw this.#resendRefused();
    }
    const sending = intention.send({ headers, fetch });
    this.#sending = sending.catch(() => undefined);
    await sending;
    if (intention.settlement !== undefined) return this.#finish(intention.settlement);
    throw new UnresolvedError(intention.ticket);
  }

  /**
   * Waits and asks until there is a permit to send (`undefined`), or the intention is settled (a response).
   *
   * @throws {SettledError} {UnresolvedError} when it is settled without an answer the caller may read as success
   */
  async proceed(): Promise<Response | undefined> {
    const intention = this.#intention;
    // A timeout of ky's or of the caller's may have given up on a send that is still on the wire: only its end decides.
    await this.#sending;
    if (intention.stopped !== undefined) throw intention.stopped.reason;
    // Only two sends at once could find none: the second one has no permit, and waits for nothing.
    if (intention.next === undefined) throw this.#resendRefused();
    intention.arrive();
    if (intention.settlement !== undefined) return this.#finish(intention.settlement);
    if (intention.next.type === 'send') return undefined;
    // It may be long: the frame of this function does not wait for it.
    return new Promise<void>((resolve, reject) => {
      intention.ended.then(() => resolve(), reject);
      carryOut(intention, false, resolve);
    }).then(() => (intention.settlement === undefined ? undefined : this.#finish(intention.settlement)));
  }

  /**
   * A hook asked for one more send of what is settled already. A question may be asked again, as often as the policy
   * allows.
   *
   * @throws {ResendRefusedError} for a write
   * @param error what is thrown when there are no attempts left
   */
  askedAgain(error: unknown): void {
    if (isWrite(this.#intention.operation)) {
      this.#intention.refuseResend();
      throw this.#resendRefused();
    }
    if (!this.#intention.sendAgain()) throw error;
  }

  /** What the caller gets when `error` ended it from outside: once a send may have landed, an open payment. */
  errorFor(error: unknown): unknown {
    const isOurs = isSettledError(error) || isUnresolvedError(error) || isResendRefusedError(error);
    if (isOurs || !this.#intention.exposed) return error;
    return new UnresolvedError(this.#intention.ticket, this.#intention.unresolved(error), { cause: error });
  }

  #resendRefused(): ResendRefusedError {
    return new ResendRefusedError(this.#intention.ticket, this.#intention.settlement);
  }

  #finish(settlement: Settlement): Response | Promise<Response> {
    return this.#recorded === undefined
      ? this.#responseFor(settlement)
      : this.#recorded.then(recorded => this.#responseFor(recorded ?? settlement));
  }

  #responseFor(settlement: Settlement): Response {
    const { operation, answers, cause: lost } = this.#intention;
    const { outcome, settledBy, verdict, ticket } = settlement;
    const answer =
      settledBy === 'answer'
        ? answers.own
        : settledBy === 'query' && outcome === 'succeeded'
          ? answers.status
          : undefined;
    if (answer !== undefined)
      return remember(responseOf(answer), { verdict, ticket: isWrite(operation) ? ticket : undefined });
    // A read that got no answer ends as it would without us.
    if (!isWrite(operation)) throw lost;
    const cause = settlement.cause === undefined ? undefined : { cause: settlement.cause };
    throw outcome === 'unresolved'
      ? new UnresolvedError(ticket, settlement, cause)
      : new SettledError(settlement, cause);
  }
}
