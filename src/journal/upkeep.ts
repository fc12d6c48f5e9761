import type { Clock } from '../clock.ts';
import { aFlag, checkOptions, type Checks } from '../core/check-options.ts';
import { InputError } from '../core/errors.ts';
import { archivedContent, contentOf, redriven } from './row-content.ts';
import type { JournalStore, Row, RowContent, RowFilter, RowState } from './store.ts';
import { summaryOf, type RowSummary } from './summary.ts';

/** What a person does with the rows of a journal. */

export interface Age {
  /** Only rows that have not changed for so long. Milliseconds. */
  readonly olderThanMs: number;
}

const states: readonly RowState[] = [
  ...(['intended', 'leaving', 'open', 'settled', 'delivered', 'archived', 'unsent', 'parked'] as const),
];

const aText = { expects: 'a text', accepts: (value: unknown) => typeof value === 'string' };
const aTime = {
  expects: 'a number of milliseconds, 0 or more',
  accepts: (value: unknown) => typeof value === 'number' && value >= 0 && Number.isFinite(value),
};
const oneOf = (names: readonly string[]): { expects: string; accepts: (value: unknown) => boolean } => ({
  expects: `one of ${names.join(', ')}`,
  accepts: value => typeof value === 'string' && names.includes(value),
});

const filterChecks: Checks<RowFilter> = {
  state: oneOf(states),
  account: aText,
  limit: {
    expects: 'a whole number, 1 or more',
    accepts: value => Number.isSafeInteger(value) && (value as number) >= 1,
  },
  openedBeforeMs: aTime,
};

export async function list(store: JournalStore, filter: RowFilter = {}): Promise<RowSummary[]> {
  checkOptions('journal.list', filter, filterChecks);
  return (await store.list(filter)).map(summaryOf);
}

/** Every row, the newest first, however many there are. */
export async function* each(store: JournalStore, filter: Omit<RowFilter, 'limit'> = {}): AsyncGenerator<RowSummary> {
  checkOptions('journal.each', filter, filterChecks);
  for await (const page of pagesOf(store, filter)) yield* page.map(summaryOf);
}

/** So many of an account's newest rows tell what its numbers are called. */
const SAMPLE = 50;

export async function find(store: JournalStore, number: string): Promise<RowSummary[]> {
  if (typeof (number as unknown) !== 'string' || number === '')
    throw new InputError('journal.find: pass a number of the merchant’s or the provider’s, or the id of a row.');
  const byId = await store.get(number);
  if (byId !== undefined) return [summaryOf(byId)];
  const found = new Map<string, Row>();
  for (const account of new Set((await store.counts()).map(each => each.account))) {
    const newest = await store.list({ account, limit: SAMPLE });
    const names = new Set(newest.flatMap(({ data }) => Object.keys(data.ticket.reference)));
    const meant = [...names].map(name => JSON.stringify([name, number]));
    for (const row of await store.find(account, meant)) found.set(row.id, row);
  }
  return [...found.values()].map(summaryOf);
}

export async function redrive(
  store: JournalStore,
  clock: Pick<Clock, 'now'>,
  which: string | { readonly account?: string },
): Promise<number> {
  const anew = (row: Row): RowContent => redriven(contentOf(row), clock.now());
  if (typeof which !== 'string') {
    if ((which as unknown) === undefined)
      throw new InputError('journal.redrive: pass the id of a row, or { account }.');
    checkOptions('journal.redrive', which, { account: aText });
    return changeAll(store, { state: 'parked', ...which }, () => true, anew);
  }
  return changeOne(store, 'journal.redrive', which, ['parked'], anew);
}

/**
 * @param why what speaks against it, to be said of the row
 * @throws {InputError} for a row that is not there, in another state, in use, or changed meanwhile
 */
async function changeOne(
  store: JournalStore,
  who: string,
  id: string,
  from: readonly RowState[],
  to: (row: Row) => RowContent,
  why: (row: Row) => string | undefined = () => undefined,
): Promise<1> {
  const row = await store.get(id);
  if (row === undefined) throw new InputError(`${who}: there is no row ${id}. See journal.list().`);
  if (!from.includes(row.state))
    throw new InputError(`${who}: the row ${id} is ${row.state}, and not ${from.join(' or ')}.`);
  if (row.isHeld) throw new InputError(`${who}: a process is busy with the row ${id}. Look at it again.`);
  const against = why(row);
  if (against !== undefined) throw new InputError(`${who}: the row ${id} ${against}`);
  const [isMade] = await store.update([{ row, set: to(row) }]);
  if (isMade !== true) throw new InputError(`${who}: the row ${id} has just changed. Look at it again.`);
  return 1;
}

export interface ToArchive extends Age {
  /**
   * Those too that have something to deliver, which is then gone, what is `unsent` included. Default `false`: they stay
   * as they are.
   */
  readonly undelivered?: boolean;
}

/** From where what is parked had not ended: a person has found out how it did, and what it had to deliver is old. */
const notEnded: readonly (RowState | undefined)[] = ['leaving', 'open'];

function undeliveredIn({ state, data }: Row): string | undefined {
  const isOld = state === 'parked' && notEnded.includes(data.parked?.from);
  return isOld || data.deliveries.length === 0
    ? undefined
    : 'has something that onSettled has still to take. Let a worker deliver it, or pass { undelivered: true }.';
}

export async function archive(
  store: JournalStore,
  clock: Pick<Clock, 'now'>,
  which: ToArchive | string,
  options: Pick<ToArchive, 'undelivered'> = {},
): Promise<number> {
  const who = 'journal.archive';
  const archived = (row: Row): RowContent => archivedContent(contentOf(row));
  if (typeof which === 'string') {
    checkOptions(who, options, { undelivered: aFlag });
    const why = options.undelivered === true ? undefined : undeliveredIn;
    return changeOne(store, who, which, ['settled', 'delivered', 'parked', 'unsent'], archived, why);
  }
  checkAge(who, which, { undelivered: aFlag });
  const { undelivered = false } = which;
  const beforeMs = clock.now() - which.olderThanMs;
  const isOld = ({ changedAtMs, isHeld, data }: Row): boolean =>
    changedAtMs < beforeMs && !isHeld && (undelivered || data.deliveries.length === 0);
  let rows = 0;
  for (const state of ['settled', 'delivered'] as const)
    rows += await changeAll(store, { state, openedBeforeMs: beforeMs }, isOld, archived);
  // The others can be purged as they are.
  const waits = (row: Row): boolean => isOld(row) && row.data.deliveries.length > 0;
  if (undelivered) rows += await changeAll(store, { state: 'unsent', openedBeforeMs: beforeMs }, waits, archived);
  return rows;
}

/** What may be open, or has something to deliver, is not to be deleted. What is parked is archived first, by a person. */
export type Purgeable = Extract<RowState, 'delivered' | 'archived' | 'unsent'>;
const purgeable: readonly Purgeable[] = ['delivered', 'archived', 'unsent'];

export async function purge(
  store: JournalStore,
  clock: Pick<Clock, 'now'>,
  which: Age & { readonly state: Purgeable },
): Promise<number> {
  checkAge('journal.purge', which, { state: oneOf(purgeable) });
  if ((which.state as unknown) === undefined) throw new InputError('journal.purge: state is missing.');
  return store.purge(which.state, clock.now() - which.olderThanMs);
}

/** @throws {InputError} */
function checkAge(who: string, age: Age, more: Parameters<typeof checkOptions>[2]): void {
  if ((age as unknown) === undefined || (age as unknown) === null)
    throw new InputError(`${who}: say how old, such as { olderThanMs: 30 * 24 * 60 * 60_000 }.`);
  checkOptions(who, age, { olderThanMs: aTime, ...more });
  if ((age.olderThanMs as unknown) === undefined) throw new InputError(`${who}: olderThanMs is missing.`);
}

/** Those that somebody else changes meanwhile stay as they are then. */
async function changeAll(
  store: JournalStore,
  filter: RowFilter,
  isMeant: (row: Row) => boolean,
  to: (row: Row) => RowContent,
): Promise<number> {
  let count = 0;
  for await (const page of pagesOf(store, filter)) {
    const changes = page.filter(isMeant).map(row => ({ row, set: to(row) }));
    const made = changes.length === 0 ? [] : await store.update(changes);
    count += made.filter(Boolean).length;
  }
  return count;
}

const PAGE = 500;

/** Every row once, also where more than a page were opened in one millisecond, and while rows leave the list. */
async function* pagesOf(store: JournalStore, filter: RowFilter): AsyncGenerator<Row[]> {
  let limit = PAGE;
  let { openedBeforeMs } = filter;
  let seen = new Set<string>();
  for (;;) {
    const page = await store.list({ ...filter, limit, ...(openedBeforeMs !== undefined && { openedBeforeMs }) });
    const last = page.at(-1);
    const fresh = page.filter(({ id }) => !seen.has(id));
    if (fresh.length > 0) yield fresh;
    if (last === undefined || page.length < limit) return;
    if (fresh.length === 0) limit *= 2;
    openedBeforeMs = last.openedAtMs + 1;
    seen = new Set([...seen, ...page.filter(({ openedAtMs }) => openedAtMs === last.openedAtMs).map(({ id }) => id)]);
  }
}
