import pLimit from 'p-limit';
import { orAbort, type Clock } from '../../clock.ts';
import type { Settlement } from '../../core/settlement.ts';
import { errorText } from '../../core/error-text.ts';
import {
  changed,
  held,
  isDeliverable,
  isOpenState,
  parkedContent,
  withFailure,
  withoutDelivery,
} from '../row-content.ts';
import type { DeliveryTerms } from '../row-content.ts';
import type { RowKeeper } from './row-keeper.ts';
import type { Claim } from './claims.ts';
import type { Delivery, JournalStore, Row, RowContent } from '../store.ts';
import type { Tally } from './tally.ts';

/** What `onSettled` gets beside the settlement. */
export interface DeliveryContext {
  /** The same however often it is delivered: keep it beside what you do, and do it once. */
  readonly deliveryId: string;
  /** The open transaction of the journal's database, with `transaction: true`; else `undefined`. */
  readonly db: unknown;
  /** Aborts when the handler's time is over: then it has failed. */
  readonly signal: AbortSignal;
}

export type OnSettled = (settlement: Settlement, context: DeliveryContext) => unknown;

export interface CourierParts {
  readonly store: JournalStore;
  readonly clock: Clock;
  readonly keeper: RowKeeper;
  readonly onSettled: OnSettled | undefined;
  readonly terms: DeliveryTerms;
  readonly transaction: boolean;
  readonly handlerTimeoutMs: number;
  readonly concurrency: number;
  /** No delivery begins after it aborts. */
  readonly stopping: AbortSignal;
  /** Nothing is waited for after it aborts. */
  readonly ended: AbortSignal;
  readonly report: Tally['report'];
  readonly onStoreError: (during: string, error: unknown, retryInMs: number) => void;
}

/** Brings settlements to `onSettled`, and marks them as taken. */
export interface Courier {
  /** More rows may wait for a handler. */
  hasRoom(): boolean;
  /** In about how many milliseconds there is, going by how long handlers take now. */
  roomInMs(): number;
  /** Makes the deliveries of a row that its holder has, and gives it back. */
  deliver(row: Row, claim: Claim): Promise<void>;
}

/** The row was changed by somebody else while its handler ran, in whose transaction it was to be marked. */
const changedElsewhere = new Error('The row was changed meanwhile.');

export function createCourier(parts: CourierParts): Courier {
  const { clock, keeper, terms, stopping, ended } = parts;
  const lane = pLimit(parts.concurrency);
  const mayGoOn = (row: RowContent): boolean => !stopping.aborted && isDeliverable(row, terms, clock.now());

  const inOrder = async (row: Row, claim: Claim): Promise<void> => {
    let now: Row | undefined = row;
    // What was given back is not ours, even if its next delivery is due by now.
    while (now?.holder === claim.holder && mayGoOn(now)) {
      const [first] = now.data.deliveries;
      // Beyond its lease somebody else may be delivering it.
      if (first === undefined || claim.leftMs() === 0) return;
      now = await deliverOne(parts, now, first, claim);
    }
    if (now?.holder === claim.holder) await keeper.giveBack(now, claim);
  };
  let usualMs = 0;
  let lastEndMs = clock.now();
  const timed = async (row: Row, claim: Claim): Promise<void> => {
    const startMs = clock.now();
    if (lane.activeCount === 1) lastEndMs = startMs;
    await inOrder(row, claim).finally(() => {
      lastEndMs = clock.now();
      usualMs += (lastEndMs - startMs - usualMs) / 10;
    });
  };
  return {
    roomInMs() {
      const eachMs = Math.max(usualMs, clock.now() - lastEndMs);
      const waitMs = Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, MOST_WAITING * eachMs));
      return Math.ceil(waitMs * (1 + clock.random()));
    },
    hasRoom: () => lane.activeCount + lane.pendingCount < MOST_WAITING * parts.concurrency,
    async deliver(row, claim) {
      await orAbort(
        lane(() => timed(row, claim)),
        ended,
      );
    },
  };
}

/** For each handler that may run. */
const MOST_WAITING = 10;
const SHORTEST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;

/** @returns the row as it is then, or `undefined` where it is not this worker's any more */
async function deliverOne(parts: CourierParts, row: Row, delivery: Delivery, claim: Claim): Promise<Row | undefined> {
  const { clock, keeper, terms, report } = parts;
  const next = (content: RowContent): RowContent => {
    const isNext = !parts.stopping.aborted && isDeliverable(content, terms, clock.now());
    return isNext ? held(content, claim.holder, clock.now()) : keeper.asGivenBack(row, content);
  };
  const taken = (content: RowContent): RowContent => next(withoutDelivery(content, delivery.id));
  try {
    const marked = parts.transaction
      ? await inTransaction(parts, row, delivery, taken)
      : await callHandler(parts, delivery, undefined).then(() => keeper.change(row, taken, claim));
    report({ type: 'delivered', id: row.id, deliveryId: delivery.id }, row);
    return marked;
  } catch (error) {
    if (parts.ended.aborted) throw error;
    if (error === changedElsewhere) return keeper.lookAgain(row, claim);
    if (error instanceof NotBegun) return notBegun(parts, row, claim, error.cause);
    return failed(parts, row, delivery, claim, error);
  }
}

/** Handler and mark are one: both are there, or neither. */
async function inTransaction(
  parts: CourierParts,
  row: Row,
  delivery: Delivery,
  taken: (content: RowContent) => RowContent,
): Promise<Row> {
  const { store, ended } = parts;
  const handler = { isCalled: false };
  const work = store.transaction(async db => {
    handler.isCalled = true;
    await callHandler(parts, delivery, db);
    const set = taken(row);
    const [isMade] = await store.update([{ row, set }], db);
    if (isMade !== true) throw changedElsewhere;
    return changed(row, set, row.fence + 1);
  });
  try {
    return await orAbort(work, ended);
  } catch (error) {
    throw handler.isCalled ? error : new NotBegun('The journal gave no transaction.', { cause: error });
  }
}

/** It is no fault of the handler's. */
class NotBegun extends Error {}

/** @throws what the handler does, or that its time is over */
async function callHandler(
  { onSettled, clock, handlerTimeoutMs, ended }: CourierParts,
  { id, settlement }: Delivery,
  db: unknown,
): Promise<void> {
  const control = new AbortController();
  const cancel = clock.timer(handlerTimeoutMs, () =>
    control.abort(new Error(`onSettled took longer than ${handlerTimeoutMs} ms`)),
  );
  const end = (): void => control.abort(ended.reason);
  ended.addEventListener('abort', end);
  // What the handler does to its settlement is its own.
  const call = new Promise(resolve =>
    resolve(onSettled?.(structuredClone(settlement), { deliveryId: id, db, signal: control.signal })),
  );
  try {
    await orAbort(call, control.signal);
  } finally {
    cancel();
    ended.removeEventListener('abort', end);
  }
}

const BUSY_MS = 5000;

/** It comes again soon. */
function notBegun(
  { clock, keeper, onStoreError }: CourierParts,
  row: Row,
  claim: Claim,
  error: unknown,
): Promise<Row | undefined> {
  const retryInMs = Math.ceil(BUSY_MS * (0.5 + clock.random()));
  onStoreError('transaction', error, retryInMs);
  const soon = (content: RowContent): RowContent =>
    keeper.asGivenBack(row, { ...content, data: { ...content.data, deliverFromMs: clock.now() + retryInMs } });
  return keeper.change(row, soon, claim);
}

async function failed(
  { clock, keeper, terms, report }: CourierParts,
  row: Row,
  { id: deliveryId }: Delivery,
  claim: Claim,
  error: unknown,
): Promise<Row | undefined> {
  const message = errorText(error);
  const chance = clock.random();
  const asFailed = (content: RowContent): RowContent => {
    // It was taken after all: the database did what it then had no time to say.
    if (!content.data.deliveries.some(({ id }) => id === deliveryId)) return keeper.asGivenBack(row, content);
    const counted = withFailure(content, clock.now(), chance);
    const { failures } = counted.data;
    return failures >= terms.maxDeliveries && !isOpenState(counted.state)
      ? parkedContent(
          counted,
          `onSettled failed ${failures} times in a row, the last time with ${message}.`,
          'Mend the handler, then journal.redrive(id): all that was to be delivered is still there.',
          clock.now(),
        )
      : keeper.asGivenBack(row, counted);
  };
  report({ type: 'delivery-failed', id: row.id, deliveryId, failures: row.data.failures + 1, message }, row);
  return keeper.change(row, asFailed, claim);
}
