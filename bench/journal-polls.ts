import { fork } from 'node:child_process';
import { once } from 'node:events';
import pLimit from 'p-limit';
import type { OpenPayment } from 'tillpaid';
import { createWorker, type Row, type RowData } from 'tillpaid/journal';
import { openShop, POLL_EVERY_MS, TEMPLATE } from './journal-shop.ts';
import type { OpenStore, Postgres, PostgresDatabase } from './journal-stores.ts';
import { printTable } from './table.ts';

/** Payments that are paid at their fourth status query, and due again at once: so workers never rest. */
const POLLS_EACH = 4;
const BATCH = 100;
const AT_ONCE = 100;
/** Before the first round there are fewer, so that none pays for what the others find ready. */
const counts = {
  short: { payments: 500, rounds: 1, warmUp: 100 },
  full: { payments: 1000, rounds: 2, warmUp: 300 },
};
type Counts = (typeof counts)['full'];

export interface Polled {
  readonly polls: number;
  readonly elapsedMs: number;
  readonly cpuUs: number;
  readonly statements: number;
  readonly databaseMs: number;
}

interface Cost {
  readonly statements: number;
  readonly databaseMs: number;
}

/** What `work` costs, from its begin to its end. */
async function measure(
  cost: () => Promise<Cost | undefined>,
  polls: () => number,
  work: () => Promise<void>,
): Promise<Polled> {
  const before = await cost();
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await work();
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  const after = await cost();
  return {
    polls: polls(),
    elapsedMs,
    cpuUs: user + system,
    statements: (after?.statements ?? 0) - (before?.statements ?? 0),
    databaseMs: (after?.databaseMs ?? 0) - (before?.databaseMs ?? 0),
  };
}

interface Following {
  readonly payments: number;
  readonly pollsEach: number;
  /** It ends when so many were delivered. Default: all. */
  readonly until?: number;
  readonly base?: string | undefined;
}

/** A worker follows so many payments to their ends, and delivers them. */
export async function followAll(
  open: OpenStore,
  row: Row,
  { payments, pollsEach, until = payments, base }: Following,
): Promise<Polled & { readonly name: string }> {
  const store = await open();
  const { journal } = store;
  await store.fill(row, payments, Date.now() - 2 * payments);
  const shop = openShop('lost', pollsEach, base);
  let delivered = 0;
  const all = Promise.withResolvers<undefined>();
  const worker = createWorker({
    gateways: [shop.open({ journal })],
    journal,
    onSettled() {
      if (++delivered === until) all.resolve(undefined);
    },
    ...{ ratePerSecond: 100_000, batchSize: BATCH, concurrency: AT_ONCE },
  });
  const polled = await measure(store.cost, shop.polls, async () => {
    worker.start();
    await all.promise;
    await worker.stop();
  });
  await store.end();
  return { name: store.name, ...polled };
}

interface Claimed {
  readonly id: string;
  readonly fence: number;
  readonly data: string;
}

/** The least that a fleet needs: rows of its own with a time, claimed in batches by SKIP LOCKED, and stored in batches. */
const yardstickTables = `
  CREATE TABLE payments (
    id text PRIMARY KEY, state text NOT NULL, next_at timestamptz NOT NULL, lease_until timestamptz NOT NULL,
    fence integer NOT NULL, data json NOT NULL
  );
  CREATE INDEX payments_due ON payments (next_at) WHERE state = 'open'`;
const claim = `
  UPDATE payments SET lease_until = now() + interval '30 s', fence = fence + 1
  WHERE id IN (
    SELECT id FROM payments WHERE state = 'open' AND next_at <= now() AND lease_until < now()
    ORDER BY next_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
  ) RETURNING id, fence, data::text AS data`;
const keep = `
  UPDATE payments p SET state = i.state, next_at = now() + i.due_in_ms * interval '1 ms', lease_until = '-infinity',
    fence = p.fence + 1, data = i.data::json
  FROM json_to_recordset($1::text::json) AS i (id text, fence integer, state text, due_in_ms integer, data text)
  WHERE p.id = i.id AND p.fence = i.fence`;

async function claimLoop(
  { pool, cost }: PostgresDatabase,
  row: Row,
  { payments, base }: { payments: number; base: string | undefined },
): Promise<Polled> {
  const shop = openShop('lost', POLLS_EACH, base);
  const gateway = shop.open();
  await pool.query(yardstickTables);
  await pool.query(
    `INSERT INTO payments SELECT number, 'open', now(), '-infinity', 1, replace($1, '${TEMPLATE}', number)::json
     FROM generate_series(1, ${payments}) i, LATERAL (SELECT 'ORDER-' || lpad(i::text, 8, '0') AS number) n`,
    [JSON.stringify(row.data)],
  );
  const limit = pLimit(AT_ONCE);
  let statements = 0;
  const ask = async (values: unknown[], text: string): Promise<Claimed[]> => {
    statements++;
    return (await pool.query<Claimed>(text, values)).rows;
  };
  let settled = 0;
  const step = async ({ id, fence, data }: Claimed): Promise<object> => {
    const stored = JSON.parse(data) as RowData;
    const { done, open, dueInMs = 0 } = await gateway.step(stored.open ?? stored.ticket);
    if (done !== undefined) settled++;
    const next: { open?: OpenPayment; settlement?: unknown } = { ...stored, ...(open ?? { settlement: done }) };
    return {
      id,
      fence,
      state: done === undefined ? 'open' : 'settled',
      due_in_ms: dueInMs,
      data: JSON.stringify(next),
    };
  };
  return measure(
    async () => ({ ...(await cost()), statements }),
    shop.polls,
    async () => {
      while (settled < payments) {
        const claimed = await ask([], claim);
        if (claimed.length === 0) await new Promise(resolve => setTimeout(resolve, POLL_EVERY_MS / 4));
        else await ask([JSON.stringify(await Promise.all(claimed.map(each => limit(step, each))))], keep);
      }
    },
  );
}

const sum = (all: readonly Polled[]): Polled =>
  all.reduce((one, other) => ({
    polls: one.polls + other.polls,
    elapsedMs: one.elapsedMs + other.elapsedMs,
    cpuUs: one.cpuUs + other.cpuUs,
    statements: one.statements + other.statements,
    databaseMs: one.databaseMs + other.databaseMs,
  }));

const perCpuSecond = ({ polls, cpuUs }: Polled): number => (1e6 * polls) / cpuUs;

/** In a process of its own, so that its work is not counted. */
async function openGateway(): Promise<{ base: string; stop(): void }> {
  const child = fork(new URL('journal-gateway.ts', import.meta.url), [`${POLLS_EACH}`]);
  const [port] = (await once(child, 'message')) as [number];
  return { base: `http://127.0.0.1:${port}`, stop: () => void child.kill() };
}

/** Side by side, round by round: what else the machine does falls on all. */
async function sideBySide(
  stores: readonly OpenStore[],
  postgres: Postgres | undefined,
  row: Row,
  { base, ...count }: Counts & { base: string | undefined },
): Promise<void> {
  const measured = new Map<string, Polled[]>();
  const add = (name: string, polled: Polled): void => void measured.set(name, [...(measured.get(name) ?? []), polled]);
  for (let round = -1; round < count.rounds; round++) {
    const payments = round < 0 ? count.warmUp : count.payments;
    for (const open of stores) {
      const { name, ...polled } = await followAll(open, row, { payments, pollsEach: POLLS_EACH, base });
      if (round >= 0) add(name, polled);
    }
    if (postgres === undefined) continue;
    const database = await postgres.database(16);
    const polled = await claimLoop(database, row, { payments, base });
    if (round >= 0) add(YARDSTICK, polled);
    await database.end();
  }
  const beside = measured.get(YARDSTICK);
  const lines = [...measured].map(([name, each]) => line(name, sum(each), beside && sum(beside)));
  const head = ['statements/poll', 'database us/poll', 'CPU us/poll', 'polls/CPU s', 'yardstick/this', 'polls/s'];
  printTable(['', ...head], lines);
}

const YARDSTICK = 'yardstick: SKIP LOCKED';

export async function printPolls(
  stores: readonly OpenStore[],
  postgres: Postgres | undefined,
  row: Row,
  isFull: boolean,
): Promise<void> {
  const count = isFull ? counts.full : counts.short;
  const payments = `${count.payments.toLocaleString('en')} open payments of ${POLLS_EACH} status queries each, one worker`;
  console.log(`\n${payments}, fetch in memory\n`);
  await sideBySide(stores, postgres, row, { ...count, base: undefined });
  const gateway = await openGateway();
  console.log(`\nThe same, the gateway behind HTTP\n`);
  await sideBySide(stores.slice(-1), postgres, row, { ...count, base: gateway.base });
  gateway.stop();
}

const line = (name: string, polled: Polled, beside: Polled | undefined): string[] => [
  name,
  (polled.statements / polled.polls).toFixed(2),
  ((1000 * polled.databaseMs) / polled.polls).toFixed(0),
  (polled.cpuUs / polled.polls).toFixed(0),
  perCpuSecond(polled).toFixed(0),
  beside === undefined ? '' : (perCpuSecond(beside) / perCpuSecond(polled)).toFixed(2),
  ((1000 * polled.polls) / polled.elapsedMs).toFixed(0),
];
