import type { Database, PostgresTransaction } from './database.ts';
import { type Jobs, MOST_TURNS } from './jobs.ts';
import { AT_ONCE, type Changed, type DueAccount, jobOf, type RowTable } from './rows.ts';
import type { Change, Row, Turn } from '../store.ts';

/** What keeps rows and their jobs together. Of the two, the row is right. */
export interface Turns {
  /** @param db a transaction of ours */
  readonly update: (changes: readonly Change[], db?: PostgresTransaction) => Promise<boolean[]>;
  /** After rows were changed: each that is due once and that nobody has gets a job, and all others lose theirs. */
  readonly follow: (changed: readonly Changed[], db: PostgresTransaction) => Promise<void>;
  /** Rows whose holder has no lease are free, those that lack a job get one, and then turns are handed out. */
  readonly take: (turn: Turn) => Promise<Row[]>;
  /** @param isDead whether he has ended without a word: then his turns are counted */
  readonly free: (holder: string, isDead: boolean) => Promise<void>;
}

export interface Parts {
  readonly database: Database;
  readonly rows: RowTable;
  readonly jobs: Jobs;
}

export function turnsOf({ database, rows, jobs }: Parts): Turns {
  const follow: Turns['follow'] = async (changed, db) => {
    const isPrepared = ({ account }: Changed): boolean => jobs.isPrepared(account);
    const own = changed.filter(isPrepared);
    await jobs.remove(
      own.filter(each => each.isJobOver || each.dueAtMs !== undefined),
      db,
    );
    await jobs.add(own.flatMap(jobOf), db);
    const others = changed.filter(each => !isPrepared(each) && each.dueAtMs !== undefined);
    if (others.length > 0) await rows.unschedule(others.map(uidOf), db);
  };
  const turns: Turns = {
    follow,
    update: (changes, db) => update({ database, rows, jobs }, turns, changes, db),
    async take(turn) {
      for (const holder of await rows.deadHolders()) await turns.free(holder, true);
      const taken: Row[] = [];
      for (const due of await rows.dueAccounts(turn.accounts)) {
        const limit = turn.limit - taken.length;
        if (limit <= 0) break;
        taken.push(...(await takeOf({ database, rows, jobs }, turns, due, { ...turn, limit })));
      }
      return taken.sort((one, other) => other.openedAtMs - one.openedAtMs);
    },
    async free(holder, isDead) {
      for (const account of await rows.accountsOf(holder)) await jobs.prepare(account);
      const some = (): Promise<number> =>
        database.transaction(async db => {
          const freed = await rows.free(holder, !isDead, db);
          const isAgain = (each: (typeof freed)[number]): boolean =>
            isDead && each.hadJob && each.dueAtMs !== undefined && jobs.isPrepared(each.account);
          await jobs.fail(freed.filter(isAgain), db);
          const others = freed.filter(each => !isAgain(each));
          await follow(
            others.map(each => ({ ...each, isJobOver: each.hadJob })),
            db,
          );
          return freed.length;
        });
      while ((await some()) === AT_ONCE);
    },
  };
  return turns;
}

async function update(
  { database, rows }: Parts,
  { follow }: Turns,
  changes: readonly Change[],
  db?: PostgresTransaction,
): Promise<boolean[]> {
  const change = async (own: PostgresTransaction): Promise<boolean[]> => {
    const changed = await rows.update(changes, true, own);
    await follow(changed, own);
    return madeOf(changes, changed);
  };
  if (db !== undefined) return change(db);
  return changes.some(hasJob) ? database.transaction(change) : updateAlone(rows, changes);
}

/** No job is touched: see `take`. @param db the caller's own transaction */
export async function updateAlone(
  rows: RowTable,
  changes: readonly Change[],
  db?: PostgresTransaction,
): Promise<boolean[]> {
  return madeOf(changes, await rows.update(changes, false, db));
}

function madeOf(changes: readonly Change[], changed: readonly Changed[]): boolean[] {
  const made = new Set(changed.map(({ id, fence }) => `${fence - 1} ${id}`));
  return changes.map(({ row }) => made.delete(`${row.fence} ${row.id}`));
}

/** Whether it had a job, or will have one. */
const hasJob = ({ row, set }: Change): boolean =>
  row.turn !== undefined || (set.dueAtMs !== undefined && set.holder === undefined);

/** The turns of one account, and its rows with them. */
async function takeOf(parts: Parts, turns: Turns, due: DueAccount, turn: Turn): Promise<Row[]> {
  const { database, rows, jobs } = parts;
  const { account, lacksJobs, isLate } = due;
  await jobs.prepare(account);
  if (lacksJobs) await database.transaction(async db => turns.follow(await rows.schedule(account, db), db));
  const { uids, taken } = await database.transaction(async db => {
    const uids = await jobs.fetch(account, turn.limit, db);
    if (uids.length === 0) return { uids, taken: [] };
    const { taken, rest } = await rows.take(uids, turn.holder, db);
    const isTaken = new Set(taken.map(row => row.turn));
    await jobs.remove(
      uids.filter(uid => !isTaken.has(uid)).map(uid => ({ uid, account })),
      db,
    );
    await jobs.add(rest.flatMap(jobOf), db);
    return { uids, taken };
  });
  if (isLate && uids.length < turn.limit) await mend(parts, turns, account);
  return taken;
}

/** There are rows that have been due for long, and no turns of theirs: those were lost, or given up. */
async function mend({ database, rows, jobs }: Parts, turns: Turns, account: string): Promise<void> {
  await database.transaction(async db => {
    const given = await rows.waiting(await jobs.fetchDead(AT_ONCE, db), db);
    if (given.length > 0) await turns.update(given.map(parked), db);
    await jobs.add((await rows.late(account, db)).flatMap(jobOf), db);
  });
}

const parked = (row: Row): Change => ({
  row,
  set: {
    ...{ state: 'parked', holder: undefined, dueAtMs: undefined, names: row.names },
    data: {
      ...row.data,
      parked: {
        reason: `${MOST_TURNS} workers ended in the middle of it, one after the other.`,
        advice: 'Look into what ends them: their logs, their memory. Then have it looked at again: redrive.',
        ...{ atMs: row.changedAtMs, from: row.state },
      },
    },
  },
});

const uidOf = ({ uid }: Changed): string => uid;
