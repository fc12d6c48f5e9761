import ky from 'ky';
import pg from 'pg';
import { fromDrizzle, fromKysely } from 'pg-boss';
import { createGateway, type Gateway } from 'tillpaid';
import { qfpay, type QfpayCredentials, type QfpayFields } from 'tillpaid/adapters/qfpay';
import { createWorker, type OnSettled, type Worker } from 'tillpaid/journal';
import { postgresJournal, type PostgresTransaction } from 'tillpaid/journal/postgres';
import { simulateGateway, type Simulator } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';

/**
 * A fleet on PostgreSQL: a refund is written beside your own row, in your transaction, and sent by a worker once that is
 * committed. Run it with the address of an empty database: `DATABASE_URL=postgres://… node examples/fleet.ts`.
 */
const account: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };

/**
 * Your transaction, by any library: what tillpaid needs of it is `executeSql(text, values)`, as in pg-boss, which has
 * `fromKysely`, `fromDrizzle`, `fromKnex` and `fromPrisma`. These three stand for the libraries, none of which is
 * installed here.
 */
export const transactions: Readonly<Record<string, (client: pg.ClientBase) => PostgresTransaction>> = {
  // pg itself, between BEGIN and COMMIT on one client.
  pg: client => ({ executeSql: (text, values) => client.query(text, values) }),
  // await kysely.transaction().execute(trx => … fromKysely(trx))
  kysely: client =>
    fromKysely({
      executeQuery: <R>(query: { readonly sql: string; readonly parameters: readonly unknown[] }) =>
        client.query<R & pg.QueryResultRow>(query.sql, [...query.parameters]),
    }),
  // await drizzle.transaction(tx => … fromDrizzle(tx, sql)), with `sql` of drizzle-orm
  drizzle: client => fromDrizzle({ execute: query => client.query(asStatement(query)) }, sql),
};

/** As much of drizzle-orm's `sql` as is used. */
const sql = Object.assign(
  (strings: TemplateStringsArray, ...values: unknown[]): pg.QueryConfig => ({
    text: strings.reduce((text, part, index) => `${text}$${index}${part}`),
    values,
  }),
  { param: (value: unknown): unknown => value },
);
const isStatement = (query: unknown): query is pg.QueryConfig =>
  typeof query === 'object' && query !== null && 'text' in query;
function asStatement(query: unknown): pg.QueryConfig {
  if (!isStatement(query)) throw new Error('That is no statement.');
  return query;
}

const isTransaction = (db: unknown): db is PostgresTransaction =>
  typeof db === 'object' && db !== null && 'executeSql' in db;

/** Your row and the mark that it was delivered are written in one transaction, and so exactly once. */
const onSettled: OnSettled = async ({ outcome, reference }, { db }) => {
  if (!isTransaction(db)) throw new Error('Start the worker with transaction: true.');
  await db.executeSql('UPDATE refunds SET state = $1 WHERE number = $2', [outcome, reference.merchant]);
};

/** Your row and the refund that it asks for: both are there, or neither. */
async function refund(
  { pool, gateway }: { pool: pg.Pool; gateway: Gateway<QfpayFields> },
  library: string,
  paidAs: string,
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const number = `REFUND-${library}`;
    await client.query("INSERT INTO refunds VALUES ($1, 'asked for')", [number]);
    const fields = { out_trade_no: number, syssn: paidAs, txamt: 12_50 };
    await gateway.prepare('refund.create', fields, { db: transactions[library]?.(client) });
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

/** Yours runs on as many machines as you like. */
function startWorker(pool: pg.Pool, simulated: Simulator): { worker: Worker; end: () => Promise<void> } {
  const journal = postgresJournal(pool);
  const client = ky.create({ fetch: simulated.fetch });
  const gateway = createGateway({ adapter: qfpay(account), client, journal });
  const worker = createWorker({ gateways: [gateway], journal, onSettled, transaction: true });
  worker.start();
  return {
    worker,
    async end() {
      await worker.stop();
      await journal.close();
    },
  };
}

export async function main(connectionString: string): Promise<string[]> {
  const simulated = simulateGateway({ voice: qfpayVoice(account) });
  const pool = new pg.Pool({ connectionString, options: '-c jit=off' });
  await pool.query('CREATE TABLE refunds (number text PRIMARY KEY, state text)');

  // The shop: it charges, and asks for refunds. It sends none of them.
  const journal = postgresJournal(pool);
  const gateway = createGateway({ adapter: qfpay(account), client: ky.create({ fetch: simulated.fetch }), journal });
  for (const library of Object.keys(transactions)) {
    const { reference } = await gateway.settle('payment.charge', {
      ...{ out_trade_no: `ORDER-${library}`, txamt: 12_50, txcurrcd: 'HKD', pay_type: '800108' },
      auth_code: '284957310466312987',
    });
    await refund({ pool, gateway }, library, reference.provider ?? '');
  }

  const fleet = [startWorker(pool, simulated), startWorker(pool, simulated)];
  const told = async (): Promise<string[]> => {
    const { rows } = await pool.query<{ number: string; state: string }>('SELECT * FROM refunds ORDER BY number');
    return rows.map(({ number, state }) => {
      const { sends = 0, bookings = 0 } = simulated.ledger.refund(number) ?? {};
      return `${number}: ${state}; sends ${sends}, money given back ${bookings} time`;
    });
  };
  let lines = await told();
  while (lines.some(line => line.includes('asked for'))) {
    await new Promise(resolve => setTimeout(resolve, 100));
    lines = await told();
  }
  await Promise.all(fleet.map(({ end }) => end()));
  await journal.close();
  await pool.end();
  return lines;
}

if (import.meta.main) console.log((await main(process.env['DATABASE_URL'] ?? '')).join('\n'));
