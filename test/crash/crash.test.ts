import { describe, expect, it } from 'vitest';
import { testDatabase } from '../testing/postgres-database.ts';
import { crash } from './director.ts';
import { postgresPremises, sqlitePremises, type Premises } from './place.ts';
import { twins } from './scenes.ts';
import type { Report } from './stage.ts';

/* A few processes only, and real time: `npm run crash` kills 300. */

const database = await testDatabase(import.meta.url);
const stores: [string, () => Promise<Premises>][] = [['SQLite', sqlitePremises]];
if (database !== undefined) stores.push(['PostgreSQL', () => postgresPremises(database.url)]);

const SEED = 11;
/** Processes are slow to start on a busy machine. */
const LONGEST_MS = 120_000;

async function on<T>(open: () => Promise<Premises>, play: (premises: Premises) => Promise<T>): Promise<T> {
  const premises = await open();
  try {
    return await play(premises);
  } finally {
    await premises.close();
  }
}

/** Each broken rule, with the whole story of its order. */
const broken = (report: Report): string[] =>
  report.violations.map(
    ({ rule, order, says }) => `${rule}: ${order}: ${says}\n${order === '-' ? '' : report.story(order)}`,
  );

describe.each(stores)('on %s', (_name, open) => {
  it(
    'nobody is charged twice or told a wrong end, and nothing is forgotten, whatever processes are killed',
    async () => {
      const run = await on(open, premises => crash({ seed: SEED, kills: 3, stopPercent: 0, premises }));
      expect(broken(run)).toEqual([]);
      expect([...run.kills.values()].reduce((sum, times) => sum + times, 0)).toBeGreaterThanOrEqual(3);
    },
    LONGEST_MS,
  );

  it(
    'each order is sent once, and the same is told, where two processes settle the same orders at once',
    async () => {
      const { report, told } = await on(open, premises => twins(SEED, premises, 6));
      expect(broken(report)).toEqual([]);
      expect(told.size).toBe(6);
      // One of them may have waited to the end of his time, and then he does not know.
      for (const [order, words] of told) {
        const known = words.filter(word => word !== 'unresolved');
        expect([order, new Set(known).size]).toEqual([order, known.length === 0 ? 0 : 1]);
      }
    },
    LONGEST_MS,
  );
});

it(
  'finds what a shop sends without a journal',
  async () => {
    const run = await on(sqlitePremises, premises =>
      crash({ seed: SEED, kills: 2, stopPercent: 0, premises, hasJournal: false }),
    );
    expect(run.violations.map(({ rule }) => rule)).toContain('rowFirst');
  },
  LONGEST_MS,
);
