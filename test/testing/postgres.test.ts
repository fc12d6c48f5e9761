import { describe, expect, it } from 'vitest';
import { testDatabase } from './postgres-database.ts';

const database = await testDatabase(import.meta.url);

describe.skipIf(database === undefined)('PostgreSQL in tests', () => {
  it('is a database of the test file alone', async () => {
    const { rows } = (await database?.pool().query('SELECT count(*)::int AS tables FROM pg_stat_user_tables')) ?? {};
    expect(rows).toEqual([{ tables: 0 }]);
  });
});
