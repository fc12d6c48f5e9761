import fc from 'fast-check';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import '../../src/client/cancel-at-deadline.ts';
import { constant, createGateway, isInputError, type Settlement } from '../../src/index.ts';
import { lives, manualClock, simulateGateway, type FaultName, type LedgerEntry } from '../../src/testing/index.ts';
import { findProviders, numberOf, type Provider } from '../storm/providers.ts';

/** The cancel at the deadline against every provider's simulator: who pays when, and what is lost on the way. */

const DEADLINE_MS = 20_000;
const WITHIN_MS = 30_000;
const policy = {
  poll: { backoff: constant(5000), deadlineMs: DEADLINE_MS, cancelAtDeadline: true, cancelWithinMs: WITHIN_MS },
};

const providers = await findProviders();

/** Payments of each provider that can be canceled. */
const payments = providers.flatMap(provider =>
  Object.entries(provider.scenes).flatMap(([scene, { operation, after }]) => {
    const write = provider.open(1, false).adapter.operations[operation];
    return after === undefined && write !== undefined && 'cancel' in write ? [{ provider, scene }] : [];
  }),
);

interface Played {
  readonly settlement: Settlement;
  readonly entry: LedgerEntry | undefined;
  readonly cancels: number;
}

async function play(
  provider: Provider,
  sceneName: string,
  seed: number,
  given: { paidAtMs?: number; onCancel?: FaultName[]; onQuery?: FaultName[] },
): Promise<Played> {
  const scene = provider.scenes[sceneName];
  if (scene === undefined) throw new Error(`${provider.name} has no ${sceneName}.`);
  const { adapter, voice } = provider.open(seed, false);
  const clock = manualClock();
  const simulator = simulateGateway({ voice, clock });
  const reference = numberOf(provider.name, seed);
  const cancels = Object.values(adapter.operations).flatMap(each =>
    'follows' in each && each.follows === 'cancel' ? [each.name] : [],
  );
  const life = given.paidAtMs === undefined ? lives.open() : lives.paidAfter(given.paidAtMs);
  simulator.script(reference, {
    life,
    onQuery: given.onQuery ?? [],
    on: Object.fromEntries(cancels.map(name => [name, given.onCancel ?? []])),
  });
  const gateway = createGateway({
    adapter,
    client: ky.create({ fetch: (input, init) => simulator.fetch(input, init) }),
    ...{ clock, policy, fetchSendsOnce: true },
  });
  const fields = scene.fields({ reference, minor: 1234, of: { reference: '', providerId: '' } });
  const made = await clock.run(gateway.settle(scene.operation as never, fields as never));
  const settlement = made.outcome === 'created' ? await clock.run(gateway.untilSettled(made.ticket, { policy })) : made;
  return {
    settlement,
    entry: simulator.ledger.payment(reference),
    cancels: simulator.requests.filter(({ operation }) => operation !== undefined && cancels.includes(operation))
      .length,
  };
}

const off: readonly string[] = ['canceled', 'expired', 'failed', 'refunded'];

describe('every provider that has a cancel', () => {
  it('is known, and those are all', () => {
    expect(payments.map(({ provider: { name }, scene }) => `${name} ${scene}`).sort()).toEqual([
      'ifortepay card',
      'ifortepay otp',
      'ifortepay qris',
      'ifortepay wallet',
      'qfpay charge',
      'qfpay order',
      'rebell charge',
      'rebell order',
      'uqpay order',
      'uqpay order-with-method',
      'zalopay charge',
      'zalopay order',
      'zalopay scan',
    ]);
  });

  it.each(payments)('$provider.name $scene: what nobody pays is canceled once, and said by the query', async ({
    provider,
    scene,
  }) => {
    const { settlement, entry, cancels } = await play(provider, scene, 2, {});
    expect([entry?.state, cancels]).toEqual(['canceled', 1]);
    expect(settlement.cancel?.standing).toBe('accepted');
    // Where the query has no word for it, it stays open, and the advice says so.
    expect([...off, 'unresolved']).toContain(settlement.outcome);
    expect(settlement.settledBy).not.toBe('answer');
  });

  it.each(
    payments,
  )('$provider.name $scene: whatever is lost, and whenever it is paid, no end contradicts the ledger', async ({
    provider,
    scene,
  }) => {
    const lost = fc.constantFrom<FaultName>(
      'none',
      'reset-before-booking',
      'reset-after-booking',
      'system-error',
      '503-before-booking',
      'maintenance',
      'hang-after-booking',
    );
    const asked = fc.constantFrom<FaultName>('none', 'none', 'none', 'reset-before-booking', 'system-error', 'garbage');
    const story = fc.record({
      paidAtMs: fc.option(fc.constantFrom(100, 19_999, 20_000, 20_001, 22_000, 29_000, 31_000, 44_000), {
        nil: undefined,
      }),
      onCancel: fc.array(lost, { minLength: 1, maxLength: 3 }),
      onQuery: fc.array(asked, { maxLength: 8 }),
      seed: fc.integer({ min: 1, max: 400 }),
    });
    await fc.assert(
      fc.asyncProperty(story, async ({ seed, paidAtMs, ...faults }) => {
        const { settlement, entry, cancels } = await play(provider, scene, seed, {
          ...faults,
          ...(paidAtMs !== undefined && { paidAtMs }),
        });
        const { outcome, cancel } = settlement;
        if (outcome === 'succeeded') expect(entry?.state).toBe('paid');
        if (off.includes(outcome)) expect(entry?.state).not.toBe('paid');
        if (cancel === undefined) expect(cancels).toBe(0);
        // Only what was not processed is sent again.
        const landed = faults.onCancel.slice(0, cancels).filter(name => name !== 'maintenance');
        expect(landed.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 25 },
    );
  });

  it('refuses it for a virtual account, which nothing cancels', async () => {
    const provider = providers.find(({ name }) => name === 'ifortepay');
    const { adapter } = provider?.open(1, false) ?? {};
    if (adapter === undefined) throw new Error('There is no ifortepay.');
    const gateway = createGateway({ adapter, clock: manualClock() });
    const error: unknown = await gateway
      .settle('va.create' as never, { trxId: 'T1' } as never, { policy })
      .catch((reason: unknown) => reason);
    expect(isInputError(error)).toBe(true);
  });
});
