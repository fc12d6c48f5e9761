import type { GatewayEvent } from '../core/events.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Verdict } from '../core/verdict.ts';
import type { StartingPayment } from '../policies/policy.ts';
import type { SettledWithin } from '../policies/settle-mix.ts';

/** A payment's polling, as its events tell of it. All times are milliseconds of its call, as in the events. */
interface Watched {
  /** When the call began, by the wall clock: it tells one call from another. */
  readonly startMs: number;
  /** When polling began; before the call, where it goes on from a ticket. */
  sinceMs: number | undefined;
  /** When it was asked about last. */
  askedMs: number;
  /** When the last query left that found it open. */
  openMs: number | undefined;
  /** When a notice told of its end. */
  noticedMs: number | undefined;
  lastMs: number;
  /** It was canceled from here, or a clock was set: it says nothing of how long payments take. */
  isSpoilt: boolean;
}

/** Aborted payments tell nothing of their end: they are let go after so long, once there is no more room. */
const MOST_WATCHED = 100_000;
const LET_GO_AFTER_MS = 60 * 60_000;
/** What began longer ago, and was not seen open here, is known to have settled some time in all those minutes. */
const FRESH_FOR_MS = 60_000;
/** Two calls that began closer together are one. */
const ONE_CALL_MS = 1000;

/** The ends that say when a payment has settled. */
const ends: ReadonlySet<Settlement['outcome']> = new Set<Settlement['outcome']>([
  ...(['succeeded', 'failed', 'canceled', 'expired', 'refunded', 'authorized'] as const),
]);

/** Makes samples of a gateway's events. */
export class Watch {
  readonly #watched = new Map<string, Watched>();

  /** @returns how long the payment took, once that is known as well as it will be */
  see(event: GatewayEvent, payment: StartingPayment): SettledWithin | undefined {
    const key = JSON.stringify([event.operation, Object.values(event.reference)[0], payment.openedAt]);
    const watched = this.#watched.get(key);
    const atMs = event.elapsedMs;
    const startMs = Date.parse(event.at) - atMs;
    if (event.type === 'settled') {
      this.#watched.delete(key);
      return watched && !isOtherCall(watched, startMs, atMs) ? sampleOf(watched, event, atMs) : undefined;
    }
    if (event.type === 'ticket' || event.type === 'send') {
      // Polling begins anew after each send.
      this.#keep(key, startMs, atMs, undefined);
      return undefined;
    }
    if (watched === undefined || isOtherCall(watched, startMs, atMs)) {
      // A ticket that is followed: its clock began when the last send left, as the schedule's does.
      if (event.type !== 'ask') return undefined;
      const sinceMs = Date.parse(payment.lastSentAt ?? payment.openedAt) - startMs;
      learn(this.#keep(key, startMs, atMs, sinceMs), event, atMs);
    } else learn(watched, event, atMs, startMs);
    return undefined;
  }

  #keep(key: string, startMs: number, lastMs: number, sinceMs: number | undefined): Watched {
    const watched: Watched = {
      ...{ startMs, sinceMs, lastMs, askedMs: lastMs },
      ...{ openMs: undefined, noticedMs: undefined, isSpoilt: false },
    };
    if (this.#watched.size >= MOST_WATCHED) {
      const [oldest] = this.#watched;
      if (oldest !== undefined && startMs - oldest[1].startMs > LET_GO_AFTER_MS) this.#watched.delete(oldest[0]);
    }
    // Whether it is watched does not depend on how long it takes: nothing is made out shorter, or longer, than it is.
    if (this.#watched.size < MOST_WATCHED || this.#watched.has(key)) this.#watched.set(key, watched);
    return watched;
  }
}

/** It was aborted, and is followed again. */
const isOtherCall = ({ startMs, lastMs }: Watched, otherMs: number, atMs: number): boolean =>
  atMs < lastMs && Math.abs(otherMs - startMs) > ONE_CALL_MS;

function learn(watched: Watched, event: GatewayEvent, atMs: number, startMs = watched.startMs): void {
  watched.lastMs = atMs;
  // The clock was set in between.
  if (Math.abs(startMs - watched.startMs) > ONE_CALL_MS) watched.isSpoilt = true;
  if (event.type === 'answer' || (event.type === 'lost' && event.of === 'send')) watched.sinceMs ??= atMs;
  else if (event.type === 'ask') watched.askedMs = atMs;
  else if (event.type === 'status' && isOpen(event.verdict)) watched.openMs = watched.askedMs;
  else if (event.type === 'notice' && event.verdict.kind === 'terminal') watched.noticedMs ??= atMs;
  else if (event.type === 'cancel') watched.isSpoilt = true;
}

/** The gateway has the order, and it is open. */
const isOpen = ({ kind, reason }: Verdict): boolean =>
  kind === 'poll-required' && reason !== 'not-found' && reason !== 'conflict' && reason !== 'unknown-outcome';

function sampleOf(
  { sinceMs, askedMs, openMs, noticedMs, isSpoilt }: Watched,
  { outcome, settledBy }: Pick<Settlement, 'outcome' | 'settledBy'>,
  atMs: number,
): SettledWithin | undefined {
  if (sinceMs === undefined || isSpoilt || settledBy === 'answer') return undefined;
  const afterMs = Math.max(0, (openMs ?? sinceMs) - sinceMs);
  if (outcome === 'unresolved') return openMs === undefined ? undefined : { afterMs, byMs: Infinity };
  if (!ends.has(outcome)) return undefined;
  // A notice tells when it came, though a query confirms it.
  const told = noticedMs ?? (settledBy === 'webhook' ? atMs : undefined);
  const byMs = (told ?? askedMs) - sinceMs;
  if (byMs < 0 || byMs < afterMs || (told === undefined && openMs === undefined && byMs > FRESH_FOR_MS))
    return undefined;
  return { afterMs: told === undefined ? afterMs : byMs, byMs };
}
