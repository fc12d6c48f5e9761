import { describe, expect, it } from 'vitest';
import { constant, type Adapter } from '../../src/index.ts';
import { retryable } from '../../src/kit/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, json, refused, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

/** A machine token that was refused is renewed once: for one intention, and for each token. */

const charge = { order: 'A1', amount: 100 };
const policy = {
  retry: { attempts: 5, backoff: constant(100) },
  poll: { backoff: constant(1000), deadlineMs: 60_000 },
};

/**
 * Acme with tokens: `renewed` has one entry for each exchange that was signed, true when it was told to throw the old
 * token away.
 */
function withTokens(): { adapter: Adapter<AcmeFields>; renewed: boolean[] } {
  const renewed: boolean[] = [];
  const { operations, ...plain } = acme();
  const query = operations['payment.query'];
  const codes = {
    ...(query?.codes as object),
    TOKEN: retryable('authentication', { remedy: 'reauthenticate' as const }),
  };
  const adapter = {
    ...plain,
    operations: { ...operations, 'payment.query': { ...query, codes } },
    headers: ({ reauthenticate }: { reauthenticate: boolean }) => (renewed.push(reauthenticate), {}),
  } as Adapter<AcmeFields>;
  return { adapter, renewed };
}

function shop(sends: Step[], polls: Step[] = []): Bench & { readonly renewed: boolean[] } {
  const { adapter, renewed } = withTokens();
  return { ...bench({ adapter, sends, polls, policy }), renewed };
}

const start = Date.UTC(2026, 0, 1);

describe('a write whose token was refused', () => {
  it('is sent again at once with a new one, which the gateway had not processed', async () => {
    const { gateway, clock, sends, polls, renewed } = shop([said('TOKEN'), said('PAID')]);
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'answer',
      attempts: 2,
      elapsedMs: 0,
    });
    expect([sends.length, polls.length, renewed]).toEqual([2, 0, [false, true]]);
  });

  it('is rejected when the new one is refused too, whatever attempts are left', async () => {
    const { gateway, clock, renewed } = shop([said('TOKEN')]);
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'rejected',
      attempts: 2,
      verdict: { reason: 'authentication' },
    });
    expect(renewed).toEqual([false, true]);
  });

  it('is rejected also when something else came between the two refusals', async () => {
    const { gateway, clock, sends } = shop([said('TOKEN'), said('BUSY'), said('TOKEN'), said('PAID')]);
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'rejected',
      attempts: 3,
    });
    expect(sends.length).toBe(3);
  });

  it('waits as long as the gateway says before it comes again', async () => {
    const { gateway, clock, sends } = shop([
      () => json({ code: 'TOKEN' }, { status: 401, headers: { 'retry-after': '7' } }),
      said('PAID'),
    ]);
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 2,
    });
    expect(sends.map(({ atMs }) => atMs - start)).toEqual([0, 7000]);
  });

  it('is only asked about when an earlier send may have landed', async () => {
    const { gateway, clock, sends, polls } = shop([said('TOKEN')], [state('paid')]);
    const settlement = await clock.run(gateway.settle('payment.charge', charge, { mayHaveBeenSent: true }));
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'query', attempts: 0 });
    expect([sends.length, polls.length]).toEqual([0, 1]);
  });

  it('throws no token away that nobody has refused: not for a send that got no answer, nor for one that found the gateway busy', async () => {
    const { gateway, clock, renewed } = shop([said('TOKEN'), refused(), said('BUSY'), said('PAID')]);
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 4,
    });
    expect(renewed).toEqual([false, true, false, false]);
  });

  it('of the drop-in too', async () => {
    const { gateway, clock, sends, renewed } = shop([said('TOKEN'), said('PAID')]);
    expect(await clock.run(gateway.client.post('charge', { json: charge }).json())).toEqual({ code: 'PAID' });
    expect([sends.length, renewed]).toEqual([2, [false, true]]);
  });
});

describe('a status query whose token was refused', () => {
  it('is asked again at once with a new one', async () => {
    const { gateway, clock, polls, renewed } = shop([reset()], [state('TOKEN'), state('paid')]);
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 1,
      polls: 2,
    });
    expect(polls.map(({ atMs }) => atMs - start)).toEqual([1000, 1000]);
    expect(renewed).toEqual([false, false, true]);
  });

  it('that is refused with the new one too is a refused query: asked less often, and three times in a row', async () => {
    const { gateway, clock, polls, renewed } = shop([reset()], [state('TOKEN')]);
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      verdict: { kind: 'retryable', reason: 'authentication' },
      ticket: { reference: { order: 'A1' } },
    });
    expect(polls.length).toBeLessThanOrEqual(6);
    expect(renewed.filter(Boolean).length).toBeLessThanOrEqual(polls.length / 2);
  });

  it('may have the next token renewed as well, once it was answered in between', async () => {
    const { gateway, clock, renewed } = shop(
      [reset()],
      [state('TOKEN'), state('pending'), state('TOKEN'), state('paid')],
    );
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded', polls: 4 });
    expect(renewed).toEqual([false, false, true, false, true]);
  });

  it('throws no token away that nobody has refused', async () => {
    const { gateway, clock, renewed } = shop([reset()], [state('TOKEN'), reset(), state('paid')]);
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded', polls: 3 });
    expect(renewed).toEqual([false, false, true, false]);
  });
});
