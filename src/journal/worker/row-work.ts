import { orAbort, type Clock } from '../../clock.ts';
import { createLimiter, type Limiter } from '../../engine/limiter.ts';
import type { Courier } from './courier.ts';
import type { Desk } from '../desk/desk.ts';
import { errorText } from '../../core/error-text.ts';
import type { Claim } from './claims.ts';
import { held, isDeliverable, isOpenState, needsExchange, type DeliveryTerms } from '../row-content.ts';
import { createNewerRows, type NewerRows } from './newer-rows.ts';
import type { RowKeeper } from './row-keeper.ts';
import { createSlots } from './slots.ts';
import type { Row, RowContent } from '../store.ts';
import { isNewer } from '../desk/upgrade.ts';
import type { Tally } from './tally.ts';

/** One account that a worker serves. */
export interface Served {
  readonly desk: Desk;
  /** A lane of its own: a gateway that hangs holds up no other. */
  readonly lane: Limiter;
  readonly slot: () => number;
  readonly newer: NewerRows;
  /** How many of its rows wait for an exchange, or are in one. */
  waiting: number;
}

export const served = (desk: Desk, clock: Clock, concurrency: number, ratePerSecond: number): Served => ({
  desk,
  lane: createLimiter({ concurrency }, clock),
  slot: createSlots(clock, ratePerSecond),
  newer: createNewerRows(clock),
  waiting: 0,
});

export interface RowWorkParts {
  readonly clock: Clock;
  readonly terms: DeliveryTerms;
  readonly keeper: RowKeeper;
  readonly courier: Courier;
  /** No exchange begins after it aborts. */
  readonly stopping: AbortSignal;
  /** Nothing is waited for after it aborts. */
  readonly ended: AbortSignal;
  readonly report: Tally['report'];
  readonly onAsked: () => void;
}

/** All that is done with a row that was taken. @param mayAsk it has a permit for an exchange, or needs none */
export async function workOn(
  parts: RowWorkParts,
  account: Served,
  row: Row,
  claim: Claim,
  mayAsk: boolean,
): Promise<void> {
  const { keeper, report } = parts;
  if (isNewer(row, account.desk.adapterVersion)) {
    const { version, adapterVersion } = row.data;
    report({ type: 'newer', id: row.id, version, adapterVersion });
    await keeper.change(row, content => account.newer.leave(content), claim);
  } else if (!isOpenState(row.state)) await deliver(parts, row, claim);
  else if (mayAsk) await takeUp(parts, account, row, claim);
  else await deliver(parts, { ...row, dueAtMs: account.slot() }, claim);
}

/** It is left alone for a while. */
const later = (content: RowContent, clock: Clock): RowContent => ({
  ...content,
  holder: undefined,
  dueAtMs: Math.ceil(clock.now() + 30_000 * (1 + clock.random())),
});

async function deliver(parts: RowWorkParts, row: Row, claim: Claim): Promise<void> {
  const { clock, terms, keeper, courier } = parts;
  if (!isDeliverable(row, terms, clock.now())) await keeper.giveBack(row, claim);
  else if (courier.hasRoom()) await courier.deliver(row, claim);
  else await putOff(parts, row, claim);
}

/** The handlers have enough to do: what waits for them is not taken over and over. */
async function putOff({ clock, keeper, courier }: RowWorkParts, row: Row, claim: Claim): Promise<void> {
  const nowMs = clock.now();
  const { state, dueAtMs: ownMs = 0 } = row;
  // An open one is asked about at its own time.
  const dueAtMs = isOpenState(state) && ownMs > nowMs ? ownMs : nowMs + courier.roomInMs();
  await keeper.change(row, content => ({ ...content, holder: undefined, dueAtMs }), claim);
}

async function takeUp(parts: RowWorkParts, account: Served, row: Row, claim: Claim): Promise<void> {
  const { clock, terms, keeper, stopping, report } = parts;
  let content: RowContent | 'stopped' | 'not ours' | undefined;
  account.waiting++;
  try {
    content = await exchange(parts, account, row, claim);
  } catch (error) {
    if (parts.ended.aborted) throw error;
    report({ type: 'fault', id: row.id, message: errorText(error) }, row);
    await keeper.change(row, found => later(found, clock), claim);
    return;
  } finally {
    account.waiting--;
  }
  if (content === 'not ours') return;
  // The gateway has it now; else it began nothing, and it is tried again.
  if (content === undefined) {
    await keeper.unlessTaken(row, found => later(found, clock), claim);
    return;
  }
  if (content === 'stopped') {
    await keeper.giveBack(row, claim);
    return;
  }
  const isNext = !stopping.aborted && claim.leftMs() > 0 && isDeliverable(content, terms, clock.now());
  // What the gateway said is stored before anybody hears of it.
  const now = await keeper.set(
    row,
    isNext ? held(content, claim.holder, clock.now()) : keeper.asGivenBack(row, content),
  );
  if (now === undefined) await keeper.lookAgain(row, claim);
  else if (isNext) await deliver(parts, now, claim);
}

const exchange = (
  { stopping, ended, onAsked }: RowWorkParts,
  { desk, lane }: Served,
  row: Row,
  claim: Claim,
): Promise<RowContent | 'stopped' | 'not ours' | undefined> =>
  lane.run({ lane: 'read', urgency: 'background', signal: ended }, async () => {
    if (stopping.aborted) return 'stopped';
    // It was paused for longer than its lease: somebody else may have the row.
    if (claim.leftMs() === 0) return 'not ours';
    if (needsExchange(row)) onAsked();
    return orAbort(desk.takeUp(row, { leftMs: () => claim.leftMs(), signal: ended }), ended);
  });
