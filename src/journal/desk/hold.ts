import type { Clock } from '../../clock.ts';
import { circuitOpen } from '../../core/decide.ts';
import { InputError } from '../../core/errors.ts';
import type { Settlement } from '../../core/settlement.ts';
import type { Ticket } from '../../core/ticket.ts';
import type { Carried, Hold } from '../../engine/hold.ts';
import type { Registry } from '../../engine/registry.ts';
import { ended, leaving, leftPrepared, stopped } from './content.ts';
import type { DeskLease } from './desk-lease.ts';
import { isSameJson } from './same-json.ts';
import { contentOf } from '../row-content.ts';
import type { JournalStore, Row, RowContent } from '../store.ts';

/** What holds share, of one gateway object. */
export interface HoldParts {
  readonly store: JournalStore;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly lease: DeskLease;
  readonly leaseMs: number;
  /** A row as it is to be found from now on. */
  readonly named: (set: RowContent) => RowContent;
  /** What the journal knows of a row takes the place of what the registry does. */
  readonly restore: (row: Row) => void;
  /** What the gateway has said of a payment that another process goes on with. */
  readonly report: (key: string, keep: () => void) => Promise<void>;
  readonly onFailure: (ticket: Ticket) => void;
}

/** The lease covers an attempt, and so long beside it. */
const MARGIN_MS = 1000;

/** How often an end is written, before it is handed out all the same; the pause doubles each time. */
const MOST_WRITES = 6;
const FIRST_PAUSE_MS = 100;

/** Ends that no other process may overlook, whatever it does with the payment. */
const takesMoney: ReadonlySet<Settlement['outcome']> = new Set<Settlement['outcome']>([
  'succeeded',
  'authorized',
  'refunded',
]);

/** A row that this object holds, from before its first byte until its end is stored. */
export class RowHold implements Hold {
  readonly #parts: HoldParts;
  readonly #key: string;
  #row: Row;
  #isLost = false;
  #isLeft = false;
  /** Its loop has ended: nothing more leaves. */
  #isOver = false;
  /** Another process has stored something of it, such as a notice, and the loop does not know yet. */
  #hasNews = false;
  /** A loop has begun on it. */
  #isUsed = false;
  /** Of the lease, when `leaving` was about to be stored. */
  #gaps = 0;
  /** As it was before it was held. */
  readonly #before: RowContent;
  /** When the send is no longer wanted. Milliseconds since the epoch. */
  readonly #sendUntilMs: number | undefined;

  /**
   * @param before what the row is to be again where nothing begins on it
   * @param sendUntilMs of a write that a worker sends for a caller who has left
   */
  constructor(parts: HoldParts, key: string, row: Row, before: RowContent, sendUntilMs?: number) {
    this.#parts = parts;
    this.#key = key;
    this.#row = row;
    this.#before = before;
    this.#sendUntilMs = sendUntilMs;
    parts.lease.hold();
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  get isLeft(): boolean {
    return this.#isLeft;
  }

  #hasEnded(): boolean {
    return this.#isLost || this.#isOver;
  }

  get isUsed(): boolean {
    return this.#isUsed;
  }

  begin(): void {
    this.#isUsed = true;
  }

  async leaving(ticket: Ticket, forMs: number): Promise<boolean> {
    const { clock, lease, leaseMs, registry } = this.#parts;
    if (this.#hasEnded()) return false;
    if (this.#sendUntilMs !== undefined && clock.now() > this.#sendUntilMs)
      throw new InputError('The time until which this prepared write was to be sent has passed: it was not sent.');
    await lease.cover(forMs + MARGIN_MS);
    // Given up while the store took its time: the loop has ended, or is about to send once more.
    if (this.#hasEnded()) return false;
    if (this.#hasNews) {
      this.#hasNews = false;
      return false;
    }
    this.#gaps = lease.gaps;
    const entry = registry.entryOfLeaving(this.#key);
    return this.#update(this.#parts.named(leaving(this.#row, ticket, entry, clock.now() + leaseMs)));
  }

  async learnt(ticket: Ticket): Promise<boolean> {
    const { registry } = this.#parts;
    if (this.#hasEnded()) return false;
    const { state, dueAtMs } = this.#row;
    const entry = registry.entryOfLeaving(this.#key);
    const set = { ...leaving(this.#row, ticket, entry, 0), state, dueAtMs };
    try {
      // What else has changed the row counts before the next byte, and at the end.
      const isStored = await this.#update(this.#parts.named(set));
      if (!isStored) this.#hasNews = !this.#isLost;
      return isStored;
    } catch {
      // Its loop goes on; only a process that dies now forgets it.
      return false;
    }
  }

  mayLeave(forMs: number): boolean {
    const { lease } = this.#parts;
    // Renewed after it had ended, it does not say that nobody has taken the row over since.
    return !this.#isLost && lease.gaps === this.#gaps && lease.leftMs >= forMs;
  }

  async conclude(keep: () => void, loop: Carried, settlement: Settlement | undefined): Promise<void> {
    const { clock, lease, leaseMs, onFailure } = this.#parts;
    this.#isOver = true;
    keep();
    try {
      const untilMs = clock.now() + leaseMs;
      for (let write = 1, pauseMs = FIRST_PAUSE_MS; ; write++, pauseMs *= 2) {
        try {
          if (await this.#conclude(keep, loop, settlement)) return;
        } catch {
          // The caller waits for it no longer than others would.
          if (write >= MOST_WRITES || clock.now() >= untilMs) {
            void lease.tell(() => this.#concludeLate(keep, loop, settlement));
            return onFailure(loop.ticket);
          }
          await new Promise<void>(resolve => clock.timer(pauseMs, resolve));
        }
      }
    } finally {
      lease.drop();
    }
  }

  async #concludeLate(keep: () => void, loop: Carried, settlement: Settlement | undefined): Promise<void> {
    while (!(await this.#conclude(keep, loop, settlement)));
  }

  /** @returns whether nothing is left to be stored */
  async #conclude(keep: () => void, loop: Carried, settlement: Settlement | undefined): Promise<boolean> {
    const { registry, clock, report } = this.#parts;
    if (this.#isLost) {
      if (settlement !== undefined && takesMoney.has(settlement.outcome)) await report(this.#key, keep);
      return true;
    }
    if (this.#hasNews) {
      this.#hasNews = false;
      this.#merge(keep);
    }
    const entry = registry.entryOf(this.#key);
    const nowMs = clock.now();
    const isAwaited = this.#sendUntilMs === undefined;
    this.#isLeft = !isAwaited && isHeldBack(settlement) && isStillPrepared(this.#row);
    const set = this.#isLeft
      ? leftPrepared(this.#row, clock)
      : settlement === undefined
        ? stopped(this.#row, { ticket: loop.ticket, exposed: loop.exposed, isAwaited }, entry, nowMs)
        : ended(this.#row, settlement, entry, nowMs);
    if (await this.#update(this.#parts.named(set))) return true;
    // A notice came from another process: what it says is heeded, and what the loop has learnt is kept.
    this.#merge(keep);
    return false;
  }

  /** What another process has stored, and then what the loop has learnt. */
  #merge(keep: () => void): void {
    const { registry, restore } = this.#parts;
    if (this.isLost) return;
    restore(this.#row);
    keepBeside(registry, this.#key, keep);
  }

  /** Nothing begins on it: it is as it was, or as somebody else has made it meanwhile. */
  async giveBack(): Promise<void> {
    const { lease } = this.#parts;
    lease.drop();
    let set = this.#before;
    await lease.tell(async () => {
      while (!(await this.#update(set)) && !this.#isLost) set = { ...contentOf(this.#row), holder: undefined };
    });
  }

  /** @returns whether it was made; else the row is read again, and may be lost */
  async #update(set: RowContent): Promise<boolean> {
    const { store, lease } = this.#parts;
    if (this.#isLost) return false;
    const [isMade] = await store.update([{ row: this.#row, set }]);
    if (isMade === true) {
      this.#row = { ...this.#row, ...set, fence: this.#row.fence + 1 };
      return true;
    }
    const now = await store.get(this.#row.id);
    // An update whose answer was lost may have been made, and then nothing else has changed it since.
    const isOurs = now?.fence === this.#row.fence + 1 && isSameContent(now, set);
    // What is another's by now is never written over.
    if (now === undefined || (now.holder !== lease.holder && !isOurs)) this.#isLost = true;
    else this.#row = now;
    return isOurs;
  }
}

/** By the circuit, before its first byte. */
const isHeldBack = (settlement: Settlement | undefined): boolean =>
  settlement?.outcome === 'unsent' && settlement.verdict.code === circuitOpen.code;

const isStillPrepared = ({ state, data }: Row): boolean => state === 'intended' && data.prepared !== undefined;

const isSameContent = (one: RowContent, other: RowContent): boolean =>
  one.state === other.state &&
  one.holder === other.holder &&
  one.dueAtMs === other.dueAtMs &&
  isSameJson(one.data, other.data);

/** What is known by others, and then what a loop has learnt: a payment never goes backwards. */
export function keepBeside(registry: Registry, key: string, keep: () => void): void {
  const known = registry.entryOf(key);
  keep();
  if (known?.state === 'settled') registry.receiveVerdict(known.ticket, known.last.verdict, 'webhook');
  else if (known?.ticket.seen === true) registry.markSeen(known.ticket, 'webhook');
}
