import { describe, expect, it } from 'vitest';
import type { WriteOperation } from '../../src/core/operation.ts';
import { steps, type Adapter } from '../../src/index.ts';
import { pollRequired } from '../../src/kit/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, reset, said, state, json } from '../testing/bench.ts';

/** What a provider states is told at once, and what nobody can be asked about is not asked for minutes. */

const charge = { order: 'A1', amount: 100 };
const policy = { poll: { backoff: steps([1500, 2000]), deadlineMs: 120_000 } };

/** The invented gateway, whose charge has more to say. */
function talkative(more: Partial<WriteOperation>, options: Parameters<typeof acme>[0] = {}): Adapter<AcmeFields> {
  const plain = acme(options);
  const operation = { ...plain.operations['payment.charge'], ...more } as Adapter['operations'][string];
  const query = {
    ...plain.operations['payment.query'],
    codes: {
      ...(plain.operations['payment.query']?.codes as object),
      stuck: pollRequired('declined', { failedWhenUnchangedForMs: 10_000 }),
    },
  } as Adapter['operations'][string];
  return {
    ...plain,
    operations: { ...plain.operations, 'payment.charge': operation, 'payment.query': query },
    read: exchange => ({
      ...(plain.read(exchange) as { names: string[] }),
      refuses: (exchange.body as { refuses?: boolean } | null)?.refuses,
    }),
  };
}

describe('a charge', () => {
  it('whose own answer refuses it in an unknown code is failed within seconds, once the gateway twice knows no such order', async () => {
    const { gateway, clock } = bench({
      adapter: talkative({}),
      policy,
      sends: [said('F_NEW', { refuses: true })],
      polls: [state('none')],
    });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({
      outcome: 'failed',
      settledBy: 'query',
      polls: 2,
      elapsedMs: 3500,
      verdict: { code: 'F_NEW', reason: 'declined', listed: false },
    });
  });

  it('that is refused so after a send that may have arrived is asked about, and not believed to have failed', async () => {
    const options = {
      adapter: talkative({ chargeableForMs: () => 60_000 }, { sameReference: 'replays' }),
      policy,
      sends: [reset(), said('F_NEW', { refuses: true })],
      polls: [state('none')],
    };
    const { gateway, clock } = bench(options);
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'unresolved' });
  });

  it('that a proxy answers in the gateway’s words is not believed to have failed', async () => {
    const { gateway, clock } = bench({
      adapter: talkative({}),
      policy,
      sends: [() => json({ code: 'F_NEW', refuses: true }, { status: 503 })],
      polls: [state('none')],
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'unresolved' });
  });

  it('that stays at one stated decline is failed ten seconds later', async () => {
    const { gateway, clock } = bench({
      adapter: talkative({}),
      policy,
      sends: [said('PENDING')],
      polls: [state('stuck', { order: 'A1' })],
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'failed',
      settledBy: 'query',
      elapsedMs: 11_500,
      verdict: { code: 'stuck', reason: 'declined' },
    });
  });

  it('that somebody stands at the till for is waited for as long as its operation says, and its ticket as long as ever', async () => {
    const adapter = talkative({ deadlineMs: 60_000 }, { policy: { poll: { absentAfterMs: 300_000 } } });
    const { gateway, clock } = bench({ adapter, sends: [said('PENDING')], polls: [state('pending')] });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'unresolved', elapsedMs: 60_000 });
    expect(await clock.run(gateway.untilSettled(settlement.ticket))).toMatchObject({ elapsedMs: 360_000 });
    const own = { policy: { poll: { absentAfterMs: 150_000 } } };
    expect(await clock.run(gateway.settle('payment.charge', { ...charge, order: 'A2' }, own))).toMatchObject({
      elapsedMs: 210_000,
    });
  });

  it('that was lost is recovered within seconds where the gateway replays, as long as its code lives', async () => {
    const adapter = talkative({ chargeableForMs: () => 60_000 }, { sameReference: 'replays' });
    const { gateway, clock, sends } = bench({
      adapter,
      policy,
      sends: [reset(), said('PAID')],
      polls: [state('none'), state('paid')],
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 2,
      elapsedMs: 3000,
    });
    expect(new Set(sends.map(({ body }) => body)).size).toBe(1);

    const dead = bench({
      adapter: talkative({ chargeableForMs: () => 1000 }, { sameReference: 'replays' }),
      policy,
      sends: [reset(), said('PAID')],
      polls: [state('none')],
    });
    expect(await dead.clock.run(dead.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      attempts: 1,
    });
  });

  it('whose query lacks what the gateway insists on is left to a notice at the first refusal', async () => {
    const adapter = acme();
    const query = {
      operation: 'payment.query' as const,
      fields: () => ({ order: 'A1' }),
      incomplete: ({ reference }: { reference: Record<string, string> }) => reference['id'] === undefined,
    };
    const blind = {
      ...adapter,
      operations: {
        ...adapter.operations,
        'payment.charge': { ...adapter.operations['payment.charge'], query } as Adapter['operations'][string],
      },
    };
    const { gateway, clock } = bench({ adapter: blind, policy, sends: [reset()], polls: [state('REFUSED')] });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      polls: 1,
      elapsedMs: 1500,
      verdict: { code: 'REFUSED', advice: expect.stringContaining('receive') as string },
    });

    const named = bench({ adapter: blind, policy, sends: [said('PENDING', { id: '7' })], polls: [state('REFUSED')] });
    expect(await named.clock.run(named.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      polls: 3,
    });
  });
});

describe('an unresolved settlement', () => {
  it('keeps the write’s own code and message beside the query’s', async () => {
    const adapter = talkative({});
    const { gateway, clock } = bench({
      adapter: {
        ...adapter,
        read: exchange => ({ ...(adapter.read(exchange) as { names: string[] }), message: 'as it said' }),
      },
      policy,
      sends: [said('PENDING')],
      polls: [state('none')],
    });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      verdict: { code: 'none' },
      ownVerdict: { code: 'PENDING', message: 'as it said' },
    });
  });

  it('has no second word where the write’s own is the last, or was never heard', async () => {
    const own = bench({ policy, sends: [said('PAID')] });
    expect(await own.clock.run(own.gateway.settle('payment.charge', charge))).not.toHaveProperty('ownVerdict');
    const lost = bench({ policy, sends: [reset()], polls: [state('pending')] });
    expect(await lost.clock.run(lost.gateway.settle('payment.charge', charge))).not.toHaveProperty('ownVerdict');
  });
});
