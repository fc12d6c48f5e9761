import { callTime, soon, type Clock } from '../clock.ts';
import { isWrite, operationOf, type Operation } from '../core/operation.ts';
import type { NoticesEvent } from '../core/events.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import { keyOf } from '../engine/identity.ts';
import type { Intention } from '../engine/intention.ts';
import type { NoticeWatch } from '../engine/notices.ts';
import type { Adapter } from '../kit/adapter.ts';
import { isStale, noticesWithinMs, noTrust, withEnd, type NoticeTrust } from '../policies/notice-trust.ts';
import { keepNewest } from './keep-newest.ts';

/** A notice that comes so long after a query saw the end was on its way then. */
const LATE_MS = 15_000;
/** How many payments are remembered by what their notices told. */
const MOST_KNOWN = 10_000;
/** So many waits are looked at before others have their turn. */
const AT_ONCE = 1000;

export interface NoticeWatchParts {
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly loops: () => Iterable<Intention>;
  readonly inform: (event: NoticesEvent) => void;
}

/** An end that a query found, and whose notice has not come yet. */
interface Missing {
  readonly operation: string;
  readonly atMs: number;
}

/**
 * Notes of each payment of this gateway object whether its notice came: by operation, and only where it was paid, since
 * many providers notify nothing else. What a query found is a hit as well when its notice comes soon after.
 */
export class NoticeObserver implements NoticeWatch {
  readonly #parts: NoticeWatchParts;
  readonly #nowMs: () => number;
  readonly #trusts = new Map<string, NoticeTrust>();
  /** By the payments' keys, the oldest first. */
  readonly #missing = new Map<string, Missing>();
  /** Payments whose notice has come, and those of them whose notice a query has yet to confirm. */
  readonly #told = new Map<string, true>();
  readonly #unconfirmed = new Map<string, number>();

  constructor(parts: NoticeWatchParts) {
    this.#parts = parts;
    this.#nowMs = callTime(parts.clock);
  }

  withinMs(operation: string): number | undefined {
    const trust = this.#trusts.get(operation);
    if (trust === undefined) return undefined;
    const nowMs = this.#nowMs();
    this.#giveUpMissing(nowMs);
    if (isStale(trust, nowMs)) this.#keep(operation, noTrust);
    return noticesWithinMs(this.#trusts.get(operation) ?? noTrust, nowMs);
  }

  ended({ ticket, outcome, settledBy, polls, elapsedMs }: Settlement): void {
    if (outcome !== 'succeeded' || settledBy !== 'query') return;
    const key = this.#keyOf(ticket);
    if (key === undefined || this.#told.has(key)) return;
    const nowMs = this.#nowMs();
    const confirmed = this.#unconfirmed.get(key);
    if (confirmed !== undefined) return this.#hit(key, ticket, confirmed);
    // What the first query finds paid may have been paid, and notified, before anybody was there to hear.
    if (polls >= 2 || elapsedMs >= LATE_MS) this.#missing.set(key, { operation: ticket.operation, atMs: nowMs });
    this.#giveUpMissing(nowMs);
  }

  /**
   * A verified notice says that a payment is paid which this gateway object waits for, or has seen end.
   *
   * @param ticket the payment's own
   * @param isOpen it was open until now
   * @param confirm it is not believed until a query has confirmed it
   */
  told(ticket: Ticket, isOpen: boolean, confirm: boolean): void {
    const nowMs = this.#nowMs();
    this.#giveUpMissing(nowMs);
    const key = this.#keyOf(ticket);
    if (key === undefined || this.#told.has(key)) return;
    if (this.#missing.delete(key)) this.#hit(key, ticket, nowMs);
    else if (isOpen && !confirm) this.#hit(key, ticket, nowMs);
    else if (isOpen && !this.#unconfirmed.has(key)) {
      this.#unconfirmed.set(key, nowMs);
      keepNewest(this.#unconfirmed, MOST_KNOWN);
    }
  }

  #hit(key: string, { operation, openedAt }: Ticket, atMs: number): void {
    this.#unconfirmed.delete(key);
    this.#told.set(key, true);
    keepNewest(this.#told, MOST_KNOWN);
    const afterMs = Math.max(0, atMs - Date.parse(openedAt));
    this.#keep(operation, withEnd(this.#trusts.get(operation) ?? noTrust, { atMs, afterMs }));
  }

  /** What is still missing after that long has not come. */
  #giveUpMissing(nowMs: number): void {
    for (const [key, { operation, atMs }] of this.#missing) {
      if (nowMs - atMs < LATE_MS) break;
      this.#missing.delete(key);
      this.#keep(operation, withEnd(this.#trusts.get(operation) ?? noTrust, { atMs: nowMs }));
    }
  }

  #keep(operation: string, trust: NoticeTrust): void {
    const was = this.#trusts.get(operation)?.isTrusted === true;
    this.#trusts.set(operation, trust);
    if (was === trust.isTrusted) return;
    const { adapter, clock, inform } = this.#parts;
    inform({
      type: 'notices',
      at: new Date(clock.now()).toISOString(),
      elapsedMs: 0,
      gateway: adapter.name,
      operation,
      reference: {},
      trusted: trust.isTrusted,
      text: trust.isTrusted ? COME : STOPPED,
    });
    if (was) void this.#wake(operation);
  }

  /** What waits for a notice longer than usual waits as usual from here on. */
  async #wake(operation: string): Promise<void> {
    await soon();
    let count = 0;
    for (const loop of this.#parts.loops()) {
      if (loop.operation.name !== operation) continue;
      loop.doubtNotices();
      if (++count % AT_ONCE === 0) await soon();
    }
  }

  /** A charge in the call waits for no notice, and shows nothing. */
  #keyOf(ticket: Ticket): string | undefined {
    const operation: Operation = operationOf(this.#parts.adapter, ticket.operation);
    return ticket.charge === true || !isWrite(operation) ? undefined : keyOf(ticket, operation);
  }
}

const COME = 'The notices of the last payments have come: payments that wait for one are asked about rarely.';
const STOPPED =
  'Notices have not come that should have: payments are asked about at the usual pace. Look whether this process still receives them, and whether they pass verification.';
