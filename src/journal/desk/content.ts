import type { Clock } from '../../clock.ts';
import type { Settlement } from '../../core/settlement.ts';
import type { Ticket } from '../../core/ticket.ts';
import { numbersOf, type Operations } from '../../engine/identity.ts';
import { journaledEntry, journaledSettlement } from '../../engine/journaled.ts';
import type { Entry } from '../../engine/payment-store.ts';
import { contentOf } from '../row-content.ts';
import type { Delivery, Prepared, Row, RowContent, RowData, RowState } from '../store.ts';

/**
 * What a row holds after each thing that can happen to its write: plain functions, without a clock, a store, or a gateway.
 * What it goes by is for `named` to say.
 */

/** An order whose payer must act is looked at again after so long. */
const FIRST_LOOK_MS = 5000;

/** Following ends a day after the write was opened, or an hour after its order has ended. */
const FOLLOW_FOR_MS = 24 * 60 * 60_000;
const FOLLOW_BEYOND_MS = 60 * 60_000;

/** A row goes by what is known of its numbers by now. What another release has named keeps its names. */
export const named = (set: RowContent, operations: Operations): RowContent => ({
  ...set,
  names: numbersOf(operations, set.data.ticket) ?? set.names,
});

/** Nothing more is to be done until then, or ever. */
const atRest = ({ names }: Pick<RowContent, 'names'>, set: Omit<RowContent, 'holder' | 'names'>): RowContent => ({
  ...set,
  ...{ names, holder: undefined },
});

function followUntil({ expiresAt }: Ticket, nowMs: number): number {
  const overAtMs = expiresAt === undefined ? 0 : Date.parse(expiresAt) + FOLLOW_BEYOND_MS;
  return Math.max(nowMs + FOLLOW_FOR_MS, overAtMs);
}

interface Begun {
  readonly key: string;
  readonly ticket: Ticket;
  readonly digest: string;
  readonly adapterVersion: number;
  readonly holder: string | undefined;
  readonly dueAtMs: number;
  readonly nowMs: number;
}

/**
 * A write is about to be sent for the first time, or for a new try.
 *
 * @param maybeSent what is known of it, where an earlier run may have sent it
 * @param before the row, where there is one
 * @param prepared all that a worker needs to send it. Default: as before
 */
export function intended(
  { key, ticket, digest, adapterVersion, holder, dueAtMs, nowMs }: Begun,
  maybeSent: Entry | undefined,
  before: RowData | undefined,
  prepared: Prepared | undefined = before?.prepared,
): RowContent {
  const entry = maybeSent ?? before?.entry;
  return {
    state: maybeSent === undefined ? 'intended' : 'leaving',
    holder,
    dueAtMs,
    names: [],
    data: {
      version: 1,
      adapterVersion,
      key,
      ticket,
      digest,
      ...(entry !== undefined && { entry }),
      ...(prepared !== undefined && { prepared }),
      followUntilMs: followUntil(ticket, nowMs),
      deliveries: before?.deliveries ?? [],
      delivered: before?.delivered ?? 0,
      failures: before?.failures ?? 0,
    },
  };
}

/** A payment that was not begun here, and of which the gateway has said something. */
export function adopted(
  { id, key, adapterVersion, nowMs }: Pick<Begun, 'key' | 'adapterVersion' | 'nowMs'> & { readonly id: string },
  entry: Entry,
  ticket: Ticket,
  settlement: Settlement | undefined,
): RowContent {
  const bare: RowData = {
    ...{ version: 1, adapterVersion, key, ticket, followUntilMs: followUntil(ticket, nowMs) },
    ...{ deliveries: [], delivered: 0, failures: 0 },
    ...(entry.digest !== undefined && { digest: entry.digest }),
  };
  const known = withEntry(bare, entry);
  const data = settlement === undefined ? known : delivering(known, { id, openedAtMs: nowMs }, settlement);
  const state = (settlement && stateAfter[settlement.outcome]) ?? 'open';
  return atRest({ names: [] }, { state, dueAtMs: nowMs, data });
}

/** It may have been sent, and is about to be asked about. */
export const reopened = (row: Row, holder: string, dueAtMs: number): RowContent => ({
  state: 'open',
  holder,
  dueAtMs,
  names: row.names,
  data: without(row.data, 'parked'),
});

/** Its bytes are about to leave. */
export function leaving(row: Row, ticket: Ticket, entry: Entry | undefined, dueAtMs: number): RowContent {
  const { entry: _before, ...data } = withoutStale(without(row.data, 'parked', 'prepared', 'open'));
  return {
    state: 'leaving',
    holder: row.holder,
    dueAtMs,
    names: row.names,
    data: { ...data, ticket, ...(entry !== undefined && { entry: journaledEntry(entry) }) },
  };
}

/** Ends that say that nothing was done so far. */
const saysNothingDone: ReadonlySet<Settlement['outcome']> = new Set<Settlement['outcome']>([
  'unsent',
  'rejected',
  'absent',
]);

/** Nobody is told any more that nothing was done, once it may be done after all: how it ends is told then. */
function withoutStale(data: RowData): RowData {
  const deliveries = data.deliveries.filter(({ settlement }) => !saysNothingDone.has(settlement.outcome));
  if (deliveries.length === data.deliveries.length) return data;
  const { told: _told, ...rest } = data;
  return { ...rest, deliveries };
}

/** Ends that say where the row is then; all others leave it open. */
const stateAfter: Readonly<Partial<Record<Settlement['outcome'], RowState>>> = {
  succeeded: 'settled',
  failed: 'settled',
  canceled: 'settled',
  expired: 'settled',
  refunded: 'settled',
  authorized: 'settled',
  absent: 'settled',
  unsent: 'unsent',
  rejected: 'unsent',
};

/**
 * Its loop, or its step, has ended.
 *
 * @param entry what is known of the number by now
 */
export function ended(row: Row, settlement: Settlement, entry: Entry | undefined, nowMs: number): RowContent {
  const { outcome, ticket } = settlement;
  // What its loop did not find out, somebody else may have heard.
  const state =
    stateAfter[outcome] ?? (entry?.state === 'settled' ? stateAfter[entry.last.outcome] : undefined) ?? 'open';
  const data = delivering({ ...withEntry(row.data, entry), ticket }, row, settlement);
  if (state !== 'open')
    return atRest(row, {
      // What says nothing new was delivered before.
      state: state === 'settled' && data.deliveries.length === 0 ? 'delivered' : state,
      dueAtMs: dueFor(data, nowMs),
      data: without(data, 'open', 'prepared'),
    });
  const isCreated = outcome === 'created';
  // What is to be delivered is due now, and the next look comes after it.
  return atRest(row, {
    state,
    dueAtMs: isCreated && data.deliveries.length === 0 ? nowMs + FIRST_LOOK_MS : nowMs,
    data,
  });
}

/**
 * Its loop was stopped: by its caller, a hook, or another fault, and not by the gateway.
 *
 * @param isAwaited a caller knows: of a prepared write that a worker sends nobody does
 */
export function stopped(
  row: Row,
  { ticket, exposed, isAwaited }: { readonly ticket: Ticket; readonly exposed: boolean; readonly isAwaited: boolean },
  entry: Entry | undefined,
  nowMs: number,
): RowContent {
  const data = { ...withEntry(row.data, entry), ticket };
  if (exposed) return atRest(row, { state: 'open', dueAtMs: nowMs, data });
  const isTold = isAwaited && data.prepared === undefined;
  const known = isTold ? data : delivering(data, row, unsent(ticket));
  return atRest(row, { state: 'unsent', dueAtMs: dueFor(known, nowMs), data: without(known, 'prepared') });
}

/** What is held back by the circuit is looked at again after so long, or up to twice as long. */
const HELD_BACK_MS = 5000;

/** A prepared write is not sent now: the circuit holds it back. */
export const leftPrepared = (row: Row, clock: Clock): RowContent => ({
  ...contentOf(row),
  holder: undefined,
  dueAtMs: Math.ceil(clock.now() + HELD_BACK_MS * (1 + clock.random())),
});

/** A step found it still open. */
export const stillOpen = (
  row: Row,
  open: NonNullable<RowData['open']>,
  entry: Entry | undefined,
  dueAtMs: number,
): RowContent =>
  atRest(row, { state: 'open', dueAtMs, data: { ...withEntry(row.data, entry), ticket: open.ticket, open } });

/** What another source than its loop has said: a notice, a query of a caller's. */
export function changed(
  row: Row,
  entry: Entry,
  settlement: Settlement | undefined,
  { isNews, nowMs, ticket }: { readonly isNews: boolean; readonly nowMs: number; readonly ticket: Ticket },
): RowContent {
  const base = { ...withEntry(row.data, entry), ticket };
  const { holder, names } = row;
  if (settlement !== undefined) {
    const data = delivering(base, row, settlement);
    const isOpen = settlement.outcome === 'created';
    const state = isOpen
      ? 'open'
      : data.deliveries.length > 0
        ? 'settled'
        : row.state === 'archived'
          ? 'archived'
          : 'delivered';
    return { state, holder, names, dueAtMs: isOpen || data.deliveries.length > 0 ? nowMs : undefined, data };
  }
  const isWaiting = row.state === 'intended' || row.state === 'leaving' || row.state === 'open';
  // What was over, and is contradicted, is asked about again; so is what the gateway has, whoever has sent it.
  const isAsked = !isWaiting || (row.state === 'intended' && ticket.seen);
  const dueAtMs = isNews || !isWaiting ? nowMs : row.dueAtMs;
  // News wait for no pause that was decided before.
  const data = isNews ? without(base, 'parked', 'open') : without(base, 'parked');
  return { state: isAsked ? 'open' : row.state, holder, names, dueAtMs, data };
}

/** Due now, as long as there is something to deliver. */
export const dueFor = ({ deliveries }: RowData, nowMs: number): number | undefined =>
  deliveries.length > 0 ? nowMs : undefined;

/** One delivery more, where it says something new. */
function delivering(
  data: RowData,
  { id, openedAtMs }: Pick<Row, 'id' | 'openedAtMs'>,
  settlement: Settlement,
): RowData {
  const { outcome } = settlement;
  if (outcome === 'unresolved' || data.told === outcome) return data;
  const delivered = data.delivered + 1;
  // No row that has the number after this one was purged gives it again.
  const delivery: Delivery = { id: `${id} ${openedAtMs} ${delivered}`, settlement: journaledSettlement(settlement) };
  return { ...data, delivered, told: outcome, deliveries: [...data.deliveries, delivery] };
}

function withEntry(data: RowData, entry: Entry | undefined): RowData {
  const { entry: before, ...rest } = data;
  if (entry === undefined) return rest;
  // A process with another key cannot make the digest, and must not lose it.
  const { digest = before?.digest } = entry;
  return { ...rest, entry: journaledEntry({ ...entry, digest }) };
}

/** Without some of its optional parts. */
function without(data: RowData, ...names: readonly ('open' | 'prepared' | 'parked')[]): RowData {
  const kept = { ...data };
  for (const name of names) Reflect.deleteProperty(kept, name);
  return kept;
}

/** Nothing was sent, and who was to send it is gone. */
export function unsent(ticket: Ticket): Settlement {
  const [merchant = ''] = Object.values(ticket.reference);
  return {
    outcome: 'unsent',
    verdict: {
      kind: 'retryable',
      code: 'unsent',
      reason: 'unreachable',
      listed: false,
      advice: 'Who was to send it ended before the first byte left. The same may be sent again, under the same number.',
    },
    settledBy: 'none',
    ticket,
    reference: { merchant },
    ...{ attempts: 0, polls: 0, elapsedMs: 0, timeline: [] },
  };
}
