import type { Clock } from '../../clock.ts';
import { isInputError, isTicketError } from '../../core/errors.ts';
import type { Doors, Step } from '../../engine/durable.ts';
import { writeNamed } from '../../engine/identity.ts';
import type { Registry } from '../../engine/registry.ts';
import type { Adapter } from '../../kit/adapter.ts';
import type { Circuits } from '../../policies/circuit.ts';
import { dueFor, ended, leftPrepared, stillOpen, unsent, named } from './content.ts';
import { contentOf, parkedContent } from '../row-content.ts';
import type { Row, RowContent } from '../store.ts';
import { upgraded } from './upgrade.ts';

/** What taking up works with, of one gateway object. */
export interface TakeUpParts {
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly doors: Doors;
  /** Default: no send is held back. */
  readonly circuits?: Circuits | undefined;
  /** Reads into the registry what the journal knows of it. */
  readonly load: (row: Row) => Promise<void>;
  /** Begins to send a prepared write. Resolves to whether the row is this object's own from here on. */
  readonly send: (row: Row) => Promise<boolean>;
  /** Aborts when the worker was stopped and will wait no longer. */
  readonly signal: AbortSignal;
}

/** Who waits for a write looks at it at least every second. */
const GRACE_MS = 5000;

/** After an error that says nothing of the payment. */
const LATER_MS = 60_000;

/**
 * What a worker does with a row that it has taken: one status query at most, or the begin of the one send of a prepared
 * write. Resolves to what is to be stored; `undefined`: nothing, since the row is no longer the worker's.
 *
 * Never rejects for what the gateway, the network or the row does.
 */
export async function takeUp(parts: TakeUpParts, given: Row): Promise<RowContent | undefined> {
  const set = await takenUp(parts, given);
  return set && named(set, parts.adapter.operations);
}

async function takenUp(parts: TakeUpParts, given: Row): Promise<RowContent | undefined> {
  const nowMs = parts.clock.now();
  const row = upgraded(given, parts.adapter);
  if (row === undefined)
    return parkedContent(
      given,
      `It was stored by version ${given.data.adapterVersion} of the adapter.`,
      OTHER_RELEASE,
      nowMs,
    );
  switch (row.state) {
    case 'intended':
      return takeUpIntended(parts, row, nowMs);
    case 'leaving':
    case 'open':
      return takeUpOpen(parts, row, nowMs);
    default:
      // There is only something to deliver.
      return { ...row, holder: undefined, dueAtMs: dueFor(row.data, nowMs) };
  }
}

/** No byte has left: whoever was to send it has died, or it was prepared for a worker. */
async function takeUpIntended(parts: TakeUpParts, row: Row, nowMs: number): Promise<RowContent | undefined> {
  const { prepared, unsentFromMs } = row.data;
  if (prepared !== undefined && prepared.sendUntilMs >= nowMs) {
    // Held back, it is not unsent: its merchant has given it time.
    if (parts.circuits?.admits(row.data.ticket.operation) === false) return leftPrepared(row, parts.clock);
    if (await parts.send(row)) return undefined;
    // It has changed, or something else is busy with it: it is looked at again.
    return { ...contentOf(row), holder: undefined, dueAtMs: nowMs };
  }
  // Another caller may be waiting to send it: he comes first, before the merchant is told that it was not.
  const fromMs = unsentFromMs ?? (prepared === undefined ? nowMs + GRACE_MS : nowMs);
  if (fromMs > nowMs) return left(row, fromMs);
  return ended(row, unsent(row.data.ticket), row.data.entry, nowMs);
}

const left = (row: Row, unsentFromMs: number): RowContent => ({
  ...contentOf(row),
  holder: undefined,
  dueAtMs: unsentFromMs,
  data: { ...row.data, unsentFromMs },
});

async function takeUpOpen(parts: TakeUpParts, row: Row, nowMs: number): Promise<RowContent> {
  const { adapter, registry, doors, signal } = parts;
  const { ticket, key, open, followUntilMs = nowMs } = row.data;
  const operation = writeNamed(adapter.operations, ticket.operation);
  if (operation === undefined)
    return parkedContent(
      row,
      `${adapter.name} has no write ${ticket.operation} in this release.`,
      OTHER_RELEASE,
      nowMs,
    );
  if (operation.query === undefined)
    return parkedContent(
      row,
      'It may have been processed, and the provider has no way to ask about it.',
      LOOK_YOURSELF,
      nowMs,
    );
  const isLast = followUntilMs <= nowMs;
  const first = { signal, policy: { poll: { deadlineMs: Math.max(1, followUntilMs - nowMs) } } };
  let step: Step;
  try {
    await parts.load(row);
    const known = isLast ? undefined : open;
    step = await doors.step(known ?? ticket, known === undefined ? first : { signal }).catch((error: unknown) => {
      // What an earlier release has stored is followed anew; its deadline stays.
      if (known === undefined || !(isTicketError(error) || isInputError(error))) throw error;
      return doors.step(known.ticket, first);
    });
  } catch (error) {
    if (isTicketError(error) || isInputError(error)) return parkedContent(row, error.message, OTHER_RELEASE, nowMs);
    return { ...row, holder: undefined, dueAtMs: parts.clock.now() + LATER_MS };
  }
  // Whatever its time, it was asked about once.
  if (isLast && step.done === undefined)
    return parkedContent(
      row,
      'It was followed to the end of its time, and the gateway did not say how it ended.',
      LOOK_YOURSELF,
      parts.clock.now(),
    );
  return afterStep(parts, row, step, registry.entryOf(key));
}

function afterStep({ clock }: TakeUpParts, row: Row, step: Step, entry: Row['data']['entry']): RowContent {
  const nowMs = clock.now();
  if (step.done === undefined) return stillOpen(row, step.open, entry, nowMs + step.dueInMs);
  const { done } = step;
  if (done.outcome === 'unresolved') {
    const { code, advice = '' } = done.verdict;
    const found = { ...row, data: { ...row.data, ticket: done.ticket } };
    return parkedContent(
      found,
      `The gateway does not say how it ended (${code}). ${advice}`.trim(),
      LOOK_YOURSELF,
      nowMs,
    );
  }
  return ended(row, done, done.outcome === 'absent' ? absentIn(entry) : entry, nowMs);
}

/** The gateway has no such order: one more "not found" is then enough. */
const absentIn = (entry: Row['data']['entry']): Row['data']['entry'] =>
  entry?.state === 'open' ? { ...entry, absent: true } : entry;

const LOOK_YOURSELF =
  'Look it up at the provider by its number. Paid: tell your shop, and archive it. Not there: it may be sent again under the same number. redrive(id) asks once more.';

const OTHER_RELEASE =
  'Run a worker of the release that stored it, and then redrive(id); or look the payment up at the provider, and archive it.';
