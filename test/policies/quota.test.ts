import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRetryQuotas } from '../../src/engine/quota.ts';
import { isInputError } from '../../src/core/errors.ts';
import { circuit, type CircuitOptions } from '../../src/policies/circuit.ts';
import { layeredPolicy, mergePolicy, defaultPolicy, type Policy } from '../../src/policies/policy.ts';
import { defaultQuota } from '../../src/policies/quota.ts';

describe('the retry quota', () => {
  it('has AWS’s numbers by default', () => {
    expect(defaultPolicy.retry.quota).toEqual({ tokens: 500, perRetry: 5, perTimeout: 10, perSuccess: 1 });
  });

  it('pays for a hundred re-sends, or for fifty after timeouts, while none is answered', () => {
    for (const [afterTimeout, most] of [
      [false, 100],
      [true, 50],
    ] as const) {
      const told: number[] = [];
      const quotas = createRetryQuotas(defaultQuota, (_operation, tokens) => told.push(tokens));
      let paid = 0;
      while (quotas.canPay('a', afterTimeout) && paid < 1000) {
        quotas.take('a', afterTimeout);
        paid++;
      }
      expect([paid, told]).toEqual([most, [0]]);
      expect(quotas.canPay('b', afterTimeout)).toBe(true);
    }
  });

  it('is told as used up once, and once more only when it has been half full between', () => {
    const told: string[] = [];
    const quotas = createRetryQuotas({ tokens: 10, perRetry: 5, perTimeout: 10, perSuccess: 1 }, operation =>
      told.push(operation),
    );
    const use = (): void => {
      quotas.take('a', false);
      quotas.take('a', false);
    };
    use();
    quotas.giveBack('a', 4);
    quotas.take('a', false);
    expect(told).toEqual(['a']);
    for (let success = 0; success < 10; success++) quotas.succeeded('a', 0);
    use();
    expect(told).toEqual(['a', 'a']);
  });

  it('never holds more than it began with nor less than nothing, and permits no more re-sends than tokens and successes pay for', () => {
    const action = fc.constantFrom('retry', 'timeout', 'success', 'drop', 'first');
    fc.assert(
      fc.property(fc.array(action, { maxLength: 400 }), fc.integer({ min: 10, max: 60 }), (actions, tokens) => {
        const policy = { tokens, perRetry: 5, perTimeout: 10, perSuccess: 1 };
        const quotas = createRetryQuotas(policy, () => undefined);
        const onWire: number[] = [];
        let left = tokens;
        for (const each of actions) {
          if (each === 'first') {
            quotas.succeeded('a', 0);
            left = Math.min(tokens, left + 1);
          } else if (each === 'success' || each === 'drop') {
            const paid = onWire.pop();
            if (paid === undefined) continue;
            if (each === 'success') quotas.succeeded('a', paid);
            else quotas.giveBack('a', paid);
            left = Math.min(tokens, left + paid);
          } else {
            const isTimeout = each === 'timeout';
            expect(quotas.canPay('a', isTimeout)).toBe(left >= (isTimeout ? 10 : 5));
            if (!quotas.canPay('a', isTimeout)) continue;
            const paid = quotas.take('a', isTimeout);
            left -= paid;
            onWire.push(paid);
          }
          expect(left).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});

describe('policy.retry.quota and policy.circuit', () => {
  it('are laid over each other, and switched off by false', () => {
    const merged = (...policies: Policy[]) => policies.reduce(mergePolicy, defaultPolicy);
    expect(merged({ retry: { quota: { tokens: 50 } } }, { retry: { quota: { perRetry: 2 } } }).retry.quota).toEqual({
      ...defaultQuota,
      tokens: 50,
      perRetry: 2,
    });
    expect(merged({ retry: { quota: false } }, { retry: { attempts: 2 } }).retry.quota).toBe(false);
    expect(merged({ retry: { quota: false } }, { retry: { quota: { tokens: 20 } } }).retry.quota).toEqual({
      ...defaultQuota,
      tokens: 20,
    });
    expect(merged().circuit).toBeUndefined();
    const own = circuit({ failures: 3 });
    expect(merged({ circuit: own }, { retry: { attempts: 2 } }).circuit).toBe(own);
    expect(merged({ circuit: own }, { circuit: false }).circuit).toBeUndefined();
  });

  it.each<readonly [string, unknown, RegExp]>([
    ['a misspelt number', { retry: { quota: { token: 5 } } }, /there is no retry\.quota\.token\. Known: tokens, /],
    ['no number', { retry: { quota: { tokens: '5' } } }, /retry\.quota\.tokens must be a whole number, 1 or more/],
    ['a store that never pays', { retry: { quota: { tokens: 9 } } }, /tokens \(9\) would never pay for .* 10/],
    ['true', { retry: { quota: true } }, /retry\.quota must be an object/],
    ['plain numbers', { circuit: { failures: 3 } }, /circuit must be circuit\(\), or false/],
    ['true', { circuit: true }, /circuit must be circuit\(\), or false/],
  ])('are refused where they cannot be meant: %s', (_name, policy, message) => {
    let thrown: unknown;
    try {
      layeredPolicy(undefined, policy as Policy);
    } catch (error) {
      thrown = error;
    }
    expect(isInputError(thrown)).toBe(true);
    expect((thrown as Error).message).toMatch(message);
  });

  it.each<readonly [string, Policy]>([
    ['a circuit', { circuit: circuit() }],
    ['none', { circuit: false }],
    ['no quota', { retry: { quota: false } }],
    ['a quota', { retry: { quota: {} } }],
  ])('are refused on one call, since all of them share them: %s', (_name, policy) => {
    expect(() => layeredPolicy(undefined, undefined, policy)).toThrow(/give them to createGateway/);
  });
});

describe('circuit()', () => {
  it('is ten failures within half a minute, and half a minute of nothing, by default', () => {
    expect(circuit()).toMatchObject({ failures: 10, withinMs: 30_000, openForMs: 30_000 });
  });

  it.each<readonly [string, unknown, RegExp]>([
    ['half a failure', { failures: 0.5 }, /circuit: failures must be a whole number, 1 or more; got 0\.5/],
    ['a text', { withinMs: '5s' }, /circuit: withinMs must be a number of milliseconds/],
    ['no time', { openForMs: 0 }, /circuit: openForMs must be more than 0 milliseconds/],
    ['a misspelt field', { openFor: 5 }, /circuit: there is no option "openFor"/],
  ])('refuses what cannot be meant: %s', (_name, options, message) => {
    expect(() => circuit(options as CircuitOptions)).toThrow(message);
  });
});
