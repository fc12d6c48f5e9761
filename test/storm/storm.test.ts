import { beforeAll, describe, expect, it } from 'vitest';
import { type Adapter } from '../../src/index.ts';
import { expired, rejected, type Operation } from '../../src/kit/index.ts';
import { rules } from './invariants.ts';
import { findProviders, type Provider } from './providers.ts';
import { report, storm, type Report } from './storm.ts';

const seeds = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);

let providers: readonly Provider[];
/** The rare ones more often, so that few payments meet them all. */
let evenly: readonly Provider[];
let found: Report;

beforeAll(async () => {
  providers = await findProviders();
  evenly = providers.map(provider => ({ ...provider, weight: Math.sqrt(provider.weight) }));
  found = report(await storm(seeds(1, 600), evenly));
}, 60_000);

describe('a small storm (npm run storm makes a large one)', () => {
  it.each(Object.entries(rules))('%s: %s', rule => {
    const broken = found.found.filter(each => each.rule === rule);
    expect(broken.map(({ seed, provider, scene, says }) => `seed ${seed}, ${provider} ${scene}: ${says}`)).toEqual([]);
  });

  it('meets every provider and every way a payment can end', () => {
    expect(Object.keys(found.providers).sort()).toEqual(providers.map(({ name }) => name).sort());
    expect(Object.keys(found.endings)).toEqual(
      expect.arrayContaining([
        'succeeded',
        'failed',
        'created',
        'expired',
        'rejected',
        'absent',
        'unsent',
        'unresolved',
        'aborted',
      ]),
    );
  });

  it('fills shops with many open payments that share their queries and a circuit', () => {
    expect(Object.keys(found.shops)).toEqual(expect.arrayContaining(['shops', 'shared queries', 'circuit open']));
  });

  it('blows the same for one payment alone as among others', async () => {
    const together = await storm(seeds(601, 20), evenly);
    for (const story of together) {
      const [alone] = await storm([story.seed], evenly);
      expect(alone?.endings.map(({ call, ending }) => [call, ending.outcome, ending.verdict?.code])).toEqual(
        story.endings.map(({ call, ending }) => [call, ending.outcome, ending.verdict?.code]),
      );
      expect(alone?.line.requests).toBe(story.line.requests);
    }
  }, 60_000);
});

it('breaks no rule with a journal whose processes die (npm run storm -- --journal memory)', async () => {
  const found = report(await storm(seeds(1, 12), evenly, undefined, 'memory'));
  expect(found.payments).toBe(12);
  expect(found.found).toEqual([]);
}, 120_000);

/** A provider whose adapter is wrong about something. */
const sabotaged = (name: string, change: (adapter: Adapter) => Partial<Adapter>): Provider[] =>
  providers
    .filter(provider => provider.name === name)
    .map(provider => ({
      ...provider,
      open: (seed, isVariant) => {
        const account = provider.open(seed, isVariant);
        return { ...account, adapter: { ...account.adapter, ...change(account.adapter) } };
      },
    }));

const withOperations = ({ operations }: Adapter, change: (operation: Operation) => object): Partial<Adapter> => ({
  operations: Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [name, { ...operation, ...change(operation) }]),
  ),
});

describe('a storm finds an adapter that', () => {
  it.each<[string, string, (adapter: Adapter) => Partial<Adapter>, keyof typeof rules]>([
    [
      'says that a second send is harmless when it is not',
      'qfpay',
      adapter =>
        withOperations(adapter, ({ effect }) =>
          effect === 'write' ? { sameReference: 'replays', query: undefined } : {},
        ),
      'bookedAtMostOnce',
    ],
    [
      'takes a system error for a refusal',
      'zalopay',
      adapter => withOperations(adapter, ({ codes }) => ({ codes: { ...(codes as object), '2/-500': rejected() } })),
      'overIsNeverPaidLater',
    ],
    [
      'takes "not found" for a final word',
      'zalopay',
      adapter => withOperations(adapter, ({ codes }) => ({ codes: { ...(codes as object), '2/-101': expired() } })),
      'paidIsNeverCalledOver',
    ],
    [
      'takes an order for a payment',
      'uqpay',
      adapter =>
        withOperations(adapter, ({ name, codes }) =>
          name === 'payment.create' ? { codes: createdIsPaid(codes) } : {},
        ),
      'successIsTrue',
    ],
  ])(
    '%s',
    async (_title, name, change, rule) => {
      // Some thirty payments at a time: it need not blow on once it has found what it was to find.
      const broken: string[] = [];
      for (let from = 1; from <= 121 && !broken.includes(rule); from += 30) {
        broken.push(...report(await storm(seeds(from, 30), sabotaged(name, change))).found.map(each => each.rule));
      }
      expect(broken).toContain(rule);
    },
    60_000,
  );
});

const createdIsPaid = (codes: object): object =>
  Object.fromEntries(
    Object.entries(codes).map(([name, row]: [string, object]) => [
      name,
      'outcome' in row && row.outcome === 'created' ? { ...row, outcome: 'succeeded' } : row,
    ]),
  );
