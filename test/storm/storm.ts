import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Journal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { AT_ONCE, StuckError, breath, stormClock, type StormClock } from './clock.ts';
import type { Rule } from './invariants.ts';
import type { Provider } from './providers.ts';
import { tellWithJournal } from './journal-story.ts';
import { neighborsOf, openShop } from './shop.ts';
import { tell, type Story } from './story.ts';
import type { GatewayEvent } from '../../src/index.ts';

/** Two minutes before the month ends in Hong Kong: a query that looks through the current month only will miss it. */
export const STARTS_AT_MS: number = Date.UTC(2026, 0, 31, 15, 58);

/** Whatever is still on its way when the last call has ended arrives within the hour. */
const EVERYTHING_ARRIVES_MS = 3_600_000;

/** Many payments side by side on one clock. */
export async function storm(
  seeds: readonly number[],
  providers: readonly Provider[],
  onEvent?: (event: GatewayEvent, atMs: number) => void,
  journal: JournalKind = 'none',
): Promise<readonly Story[]> {
  const clock = stormClock(STARTS_AT_MS);
  const stories: Story[] = [];
  const journals = await journalsOf(journal, clock);
  const told = new Set<number>();
  const begin = (story: Story): Promise<void> | undefined => {
    stories.push(story);
    return stories.length % AT_ONCE === 0 ? breath() : undefined;
  };
  for (const seed of seeds) {
    const kept = journals?.open();
    const neighbors = kept === undefined ? neighborsOf(seed, providers) : undefined;
    if (told.has(seed)) continue;
    if (kept !== undefined) await begin(tellWithJournal(seed, providers, clock, kept, onEvent));
    else if (neighbors === undefined) await begin(tell(seed, providers, clock, onEvent));
    else {
      const shop = openShop(neighbors, providers, clock, onEvent);
      for (const each of neighbors) {
        told.add(each);
        await begin(tell(each, providers, clock, onEvent, shop));
      }
    }
  }
  const ended = new Set<Story>();
  await untilStuck(clock.run(Promise.all(stories.map(story => story.done.then(() => ended.add(story))))));
  const end = clock.party({ of: 0, chance: () => 0 });
  await untilStuck(clock.run(new Promise<void>(resolve => void end.timer(EVERYTHING_ARRIVES_MS, resolve))));
  for (const story of stories) story.judgeTheEnd(ended.has(story));
  await journals?.close();
  // Those who shared a shop with one of them were there only for that.
  const asked = new Set(seeds);
  const wanted = stories.filter(({ seed }) => asked.has(seed));
  for (const [shop, { violations }] of new Map(wanted.map(story => [story.shop, story])))
    shop?.judgeTheEnd((rule, says) => says === undefined || violations.push({ rule, says }));
  return wanted;
}

/** What the payments of a storm are kept in. `none`: each gateway object remembers by itself. */
export type JournalKind = 'none' | 'memory' | 'sqlite';

/** A journal for each payment. */
async function journalsOf(
  kind: JournalKind,
  clock: StormClock,
): Promise<{ open(): Journal; close(): Promise<void> } | undefined> {
  if (kind === 'none') return undefined;
  const time = clock.party({ of: 0, chance: () => 0 });
  if (kind === 'memory') return { open: () => memoryJournal({ clock: time }), close: () => Promise.resolve() };
  const { sqliteJournal } = await import('../../src/journal/sqlite.ts');
  const folder = mkdtempSync(join(tmpdir(), 'tillpaid-storm-'));
  const open: Journal[] = [];
  return {
    open() {
      const journal = sqliteJournal(join(folder, `${open.length}.db`), { clock: time, synchronous: 'NORMAL' });
      open.push(journal);
      return journal;
    },
    async close() {
      await Promise.all(open.map(({ store }) => store.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Who is stuck is told by those who have not ended. */
async function untilStuck(running: Promise<void>): Promise<void> {
  try {
    await running;
  } catch (error) {
    if (!(error instanceof StuckError)) throw error;
  }
}

/** What came of many stories: numbers, and what was found. */
export interface Report {
  payments: number;
  requests: number;
  /** How calls ended, by provider: `settle: succeeded`. */
  readonly endings: Record<string, number>;
  /** Payments by provider. */
  readonly providers: Record<string, number>;
  /** Tickets that could not find out, by why that is right. */
  readonly leftOpen: Record<string, number>;
  /** What shops with many open payments have seen, and how many shops there were. */
  readonly shops: Record<string, number>;
  readonly found: Found[];
}

export interface Found {
  readonly seed: number;
  readonly provider: string;
  readonly scene: string;
  readonly rule: Rule;
  readonly says: string;
}

export const emptyReport = (): Report => ({
  payments: 0,
  requests: 0,
  endings: {},
  providers: {},
  leftOpen: {},
  shops: {},
  found: [],
});

export function report(stories: readonly Story[]): Report {
  const sum = emptyReport();
  for (const shop of new Set(stories.map(story => story.shop))) {
    if (shop === undefined) continue;
    count(sum.shops, 'shops');
    for (const [fact, times] of Object.entries(shop.facts)) count(sum.shops, fact, times);
  }
  for (const { seed, provider, scene, line, endings, violations, leftOpen } of stories) {
    sum.payments++;
    sum.requests += line.requests;
    count(sum.providers, provider);
    for (const { ending } of endings) count(sum.endings, ending.outcome);
    if (leftOpen !== undefined) count(sum.leftOpen, `${provider}: ${leftOpen}`);
    sum.found.push(...violations.map(violation => ({ seed, provider, scene, ...violation })));
  }
  return sum;
}

export function addTo(sum: Report, { payments, requests, endings, providers, leftOpen, shops, found }: Report): void {
  sum.payments += payments;
  sum.requests += requests;
  sum.found.push(...found);
  for (const [into, from] of [
    [sum.endings, endings],
    [sum.providers, providers],
    [sum.leftOpen, leftOpen],
    [sum.shops, shops],
  ] as const) {
    for (const [name, times] of Object.entries(from)) count(into, name, times);
  }
}

function count(into: Record<string, number>, name: string, times = 1): void {
  into[name] = (into[name] ?? 0) + times;
}
