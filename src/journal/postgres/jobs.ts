import type { PgBoss } from 'pg-boss';
import { backgroundTimers } from '../../clock.ts';
import { InputError } from '../../core/errors.ts';
import { toHex } from '../../kit/bytes.ts';
import { digestOf, sha256 } from '../../kit/hashes.ts';
import type { Database, PostgresTransaction } from './database.ts';

/** When a row is to be looked at. One row has one job: they share their id. */
export interface Job {
  readonly uid: string;
  /** Each has a queue. */
  readonly account: string;
  readonly dueAtMs: number;
  readonly openedAtMs: number;
}

type Named = Pick<Job, 'uid' | 'account'>;

/**
 * Whose turn it is, and when, is pg-boss's: which jobs are due, that one of them is one worker's alone, what becomes of
 * it when he ends, and how often. `db` is the transaction in which our rows change.
 */
export interface Jobs {
  /** Makes an account's queue, if there is none. Not in a transaction: it takes a connection of its own. */
  readonly prepare: (account: string) => Promise<void>;
  /** Whether its queue is known: in a transaction only those can be used. */
  readonly isPrepared: (account: string) => boolean;
  /** Those that are there already stay as they are. */
  readonly add: (jobs: readonly Job[], db: PostgresTransaction) => Promise<void>;
  readonly remove: (jobs: readonly Named[], db: PostgresTransaction) => Promise<void>;
  /** Their worker is dead: their turn begins again, until that has happened too often. */
  readonly fail: (jobs: readonly Named[], db: PostgresTransaction) => Promise<void>;
  /** The turns of an account that are due, the newest payments first. @returns their ids */
  readonly fetch: (account: string, limit: number, db: PostgresTransaction) => Promise<string[]>;
  /** Those that were given up. @returns their ids */
  readonly fetchDead: (limit: number, db: PostgresTransaction) => Promise<string[]>;
  readonly stop: () => Promise<void>;
}

/** A turn ends with its worker's lease; this is for a worker that keeps his lease and never ends his turn. */
const LONGEST_TURN_S = 15 * 60;
/** So many workers may die in the middle of one turn, one after the other. */
export const MOST_TURNS = 10;
const DEAD = 'dead';
const LATEST_MS = Date.UTC(9999, 0);

/** @param onError what goes wrong in pg-boss's own maintenance */
export async function openJobs(database: Database, onError: (error: unknown) => void): Promise<Jobs> {
  const boss = await startBoss(database, onError);
  const queues = new Map<string, Promise<void>>();
  const prepared = new Set<string>();
  const { explain } = database;

  const makeQueue = async (account: string): Promise<void> => {
    // Also where there is one: so pg-boss knows it, and asks for it in no transaction of ours.
    await boss.createQueue(queueOf(account), {
      ...{ expireInSeconds: LONGEST_TURN_S, retryLimit: MOST_TURNS - 1, retryDelay: 0, deadLetter: DEAD },
    });
    prepared.add(account);
  };
  const prepare = (account: string): Promise<void> => {
    const known = queues.get(account);
    if (known !== undefined) return known;
    const made = explain(makeQueue(account));
    queues.set(account, made);
    made.catch(() => queues.delete(account));
    return made;
  };
  const byQueue = async <J extends Named>(
    jobs: readonly J[],
    work: (queue: string, jobs: J[]) => Promise<unknown>,
  ): Promise<void> => {
    for (const [account, own] of Map.groupBy(jobs, each => each.account)) await explain(work(queueOf(account), own));
  };

  const add: Jobs['add'] = (jobs, db) => byQueue(jobs, (queue, own) => boss.insert(queue, own.map(entryOf), { db }));
  const remove: Jobs['remove'] = (jobs, db) =>
    byQueue(jobs, (queue, own) => boss.deleteJob(queue, own.map(uidOf), { db }));
  return {
    prepare,
    isPrepared: account => prepared.has(account),
    add,
    remove,
    fail: (jobs, db) =>
      byQueue(jobs, (queue, own) => boss.fail(queue, own.map(uidOf), { message: 'its worker ended' }, { db })),
    async fetch(account, limit, db) {
      const jobs = await explain(boss.fetch(queueOf(account), { batchSize: limit, db }));
      return jobs.map(({ id }) => id);
    },
    async fetchDead(limit, db) {
      const jobs = await explain(boss.fetch(DEAD, { batchSize: limit, includeMetadata: true, db }));
      if (jobs.length > 0) await explain(boss.deleteJob(DEAD, jobs.map(idOf), { db }));
      return jobs.flatMap(({ sourceId }) => sourceId ?? []);
    },
    stop: () => boss.stop({ graceful: false, close: false }),
  };
}

async function startBoss({ raw, schema, name, explain }: Database, onError: (error: unknown) => void): Promise<PgBoss> {
  const { PgBoss } = await import('pg-boss').catch((cause: unknown) => {
    throw new InputError(
      `${name} needs the package pg-boss: npm install pg-boss pg, with "overrides": { "rrule-temporal": "2.2.7" } in package.json.`,
      { cause },
    );
  });
  const boss = new PgBoss({
    db: raw,
    schema: `${schema}_boss`,
    clock: backgroundTimers,
    // Nothing here is repeated by a calendar, waits for other jobs, or is to be seen in pg-boss's list of processes.
    ...{ schedule: false, flowIntervalSeconds: 86_400, registerInstance: false },
  });
  boss.on('error', onError);
  try {
    // Of several that make its tables at once, all but one may fail, and find them there when they begin again.
    await explain(boss.start().catch(() => boss.start()));
    await explain(boss.createQueue(DEAD, {}));
    return boss;
  } catch (error) {
    await boss.stop({ graceful: false, close: false }).catch(onError);
    throw error;
  }
}

/** Short, since every job and every index of jobs has it. */
const queueOf = (account: string): string => `account-${toHex(digestOf(sha256, account)).slice(0, 24)}`;

const entryOf = ({ uid, dueAtMs, openedAtMs }: Job): { id: string; startAfter: string; priority: number } => ({
  id: uid,
  startAfter: new Date(Math.max(0, Math.min(dueAtMs, LATEST_MS))).toISOString(),
  priority: priorityOf(openedAtMs),
});

/** The seconds since 1970, in pg-boss's 32 bits with a sign: right until 2106. */
const priorityOf = (openedAtMs: number): number =>
  Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), Math.floor(openedAtMs / 1000) - 2 ** 31));

const uidOf = ({ uid }: Named): string => uid;
const idOf = ({ id }: { id: string }): string => id;
