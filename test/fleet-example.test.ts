import { describe, expect, it } from 'vitest';
import { main, transactions } from '../examples/fleet.ts';
import { testDatabase } from './testing/postgres-database.ts';

const database = await testDatabase(import.meta.url);

describe.skipIf(database === undefined)('examples/fleet.ts', () => {
  it('gives each order’s money back once, whatever library the transaction is of', async () => {
    const lines = await main(database?.url ?? '');
    expect(lines).toEqual(
      Object.keys(transactions)
        .sort()
        .map(library => `REFUND-${library}: succeeded; sends 1, money given back 1 time`),
    );
  });
});
