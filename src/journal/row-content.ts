import type { Row, RowContent, RowData, RowState } from './store.ts';

/** Nothing has said how it ended: it is sent, or asked about. */
export const isOpenState = (state: RowState): boolean =>
  state === 'intended' || state === 'leaving' || state === 'open';

/** Taking it up may need an exchange with the gateway. What was only intended, and not prepared, was never sent. */
export const needsExchange = ({ state, data }: RowContent): boolean =>
  state === 'leaving' || state === 'open' || (state === 'intended' && data.prepared !== undefined);

export const contentOf = ({ state, holder, dueAtMs, names, data }: RowContent): RowContent => ({
  ...{ state, holder, dueAtMs, names, data },
});

/** The row after a change of it was made. */
export const changed = (row: Row, content: RowContent, fence: number): Row => ({ ...row, ...content, fence });

/** One delivery less: `onSettled` has taken it. */
export function withoutDelivery(content: RowContent, id: string): RowContent {
  const { deliverFromMs: _over, ...rest } = content.data;
  const deliveries = rest.deliveries.filter(each => each.id !== id);
  const isDone = content.state === 'settled' && deliveries.length === 0;
  return { ...content, state: isDone ? 'delivered' : content.state, data: { ...rest, deliveries, failures: 0 } };
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 10 * 60_000;

/** `onSettled` has failed once more: it is tried again after a pause, which grows. */
export function withFailure(content: RowContent, nowMs: number, chance: number): RowContent {
  const failures = content.data.failures + 1;
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
  const deliverFromMs = Math.ceil(nowMs + pauseMs * (0.75 + chance / 4));
  return { ...content, data: { ...content.data, failures, deliverFromMs } };
}

/** Nothing more is done for it until a person has looked at it. What it has to deliver stays. */
export function parkedContent(content: RowContent, reason: string, advice: string, atMs: number): RowContent {
  const parked = { reason, advice, atMs, from: content.state };
  return { ...content, state: 'parked', dueAtMs: undefined, holder: undefined, data: { ...content.data, parked } };
}

/** What a person has redriven after its time is asked about for so long. */
const ASKED_AGAIN_MS = 10 * 60_000;

/** A person has looked at it: it goes on where it was, at once. A prepared write is never sent after its time. */
export function redriven(content: RowContent, nowMs: number): RowContent {
  const { parked, deliverFromMs: _over, prepared, open, followUntilMs = nowMs, ...rest } = content.data;
  const state = parked?.from ?? content.state;
  const isSendable = prepared !== undefined && prepared.sendUntilMs > nowMs;
  const isFollowed = followUntilMs > nowMs;
  const data: RowData = {
    ...rest,
    failures: 0,
    followUntilMs: isFollowed ? followUntilMs : nowMs + ASKED_AGAIN_MS,
    ...(isSendable && { prepared }),
    // It ends with the time that is over.
    ...(isFollowed && open !== undefined && { open }),
  };
  return { ...content, state, holder: undefined, dueAtMs: nowMs, data };
}

/** Only so much that its number is not used again. */
export function archivedContent(content: RowContent): RowContent {
  const { version, adapterVersion, key, ticket, digest, entry, delivered, told } = content.data;
  const data: RowData = {
    ...{ version, adapterVersion, key, ticket, delivered, deliveries: [], failures: 0 },
    ...(digest !== undefined && { digest }),
    ...(entry !== undefined && { entry }),
    ...(told !== undefined && { told }),
  };
  return { state: 'archived', holder: undefined, dueAtMs: undefined, names: content.names, data };
}

/** How a worker treats what is to be delivered. */
export interface DeliveryTerms {
  /** It has an `onSettled`. */
  readonly delivers: boolean;
  readonly maxDeliveries: number;
  /** How long a worker without `onSettled` leaves a settled row to those that have one. */
  readonly leaveForMs: (id: string) => number;
}

/** A delivery that has failed so often is not tried again before the payment has ended; it is still followed. */
const isGivenUp = ({ state, data }: RowContent, { maxDeliveries }: DeliveryTerms): boolean =>
  isOpenState(state) && data.failures >= maxDeliveries;

/** Whether its next delivery is to be made now. */
export const isDeliverable = (content: RowContent, terms: DeliveryTerms, nowMs: number): boolean =>
  terms.delivers &&
  content.state !== 'parked' &&
  content.data.deliveries.length > 0 &&
  (content.data.deliverFromMs ?? 0) <= nowMs &&
  !isGivenUp(content, terms);

/** Kept by its holder, for its deliveries; should he end, it is due when it would be anyway. */
export const held = (content: RowContent, holder: string, nowMs: number): RowContent => ({
  ...content,
  holder,
  dueAtMs: isOpenState(content.state) ? (content.dueAtMs ?? nowMs) : nowMs,
});

/** What is given back, so that any worker can take it when it is due. */
export function givenBack(row: Pick<Row, 'id'>, content: RowContent, terms: DeliveryTerms, nowMs: number): RowContent {
  const { state, data } = content;
  if (state === 'settled' && data.deliveries.length === 0)
    return { ...content, state: 'delivered', holder: undefined, dueAtMs: undefined };
  return { ...content, holder: undefined, dueAtMs: dueAt(row, content, terms, nowMs) };
}

function dueAt({ id }: Pick<Row, 'id'>, content: RowContent, terms: DeliveryTerms, nowMs: number): number | undefined {
  const { state, data, dueAtMs } = content;
  if (state === 'parked') return undefined;
  const nextMs = isOpenState(state) ? dueAtMs : undefined;
  if (data.deliveries.length === 0 || isGivenUp(content, terms)) return nextMs;
  if (terms.delivers) return Math.min(nextMs ?? Infinity, data.deliverFromMs ?? nowMs);
  return isOpenState(state) ? nextMs : nowMs + terms.leaveForMs(id);
}
