import { describe, it } from 'vitest';
import { postgresJournal } from '../../src/journal/postgres.ts';
import { journalContract } from '../../src/testing/index.ts';
import { testDatabase } from '../testing/postgres-database.ts';
import { databaseTime } from '../testing/postgres-time.ts';

const database = await testDatabase(import.meta.url);

describe.skipIf(database === undefined)('on PostgreSQL', () => {
  if (database === undefined) return;
  // Each has a pool of its own, as two processes have.
  const pools = [database.pool(), database.pool()] as const;
  const time = databaseTime(pools[0]);
  let opened = 0;

  journalContract(
    {
      name: 'postgres',
      open: () => postgresJournal(opened++ % 2 === 0 ? pools[0] : pools[1]).store,
      ...time,
      async userTransaction(work) {
        const client = await pools[0].connect();
        try {
          await client.query('BEGIN');
          await work({ executeSql: (text: string, values?: unknown[]) => client.query(text, values) });
          await client.query('COMMIT');
        } catch (error) {
          await client.query('ROLLBACK');
          throw error;
        } finally {
          client.release();
        }
      },
    },
    { describe, it },
  );
});
