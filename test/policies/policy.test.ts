import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInputError } from '../../src/core/errors.ts';
import { constant, steps } from '../../src/policies/backoff.ts';
import {
  checkEffect,
  checkResend,
  defaultPolicy,
  layeredPolicy,
  mergePolicy,
  type Policy,
  type ResolvedPolicy,
} from '../../src/policies/policy.ts';

const merge = (...policies: (Policy | undefined)[]): ResolvedPolicy =>
  policies.reduce<ResolvedPolicy>(mergePolicy, defaultPolicy);

describe('the default policy', () => {
  it('is three sends, two minutes of polling, and no belief in absence', () => {
    expect(defaultPolicy).toMatchObject({
      retry: { attempts: 3, maxRetryAfterMs: 60_000 },
      poll: { deadlineMs: 120_000, resendWhenAbsent: false },
      limit: { concurrency: 32 },
    });
    expect(defaultPolicy.poll.absentAfterMs).toBeUndefined();
    expect(defaultPolicy.attemptTimeoutMs).toBeUndefined();
    expect(String(defaultPolicy.retry.backoff)).toBe('exponential 500, 1000, 2000, 4000, 8000, …');
    expect(String(defaultPolicy.poll.backoff)).toBe('growing 3000, 2390, 2701, 3052, 3449, …, each up to 20 % shorter');
  });
});

describe('merging: call over gateway over adapter over core', () => {
  const slow = constant(9000);

  it('goes group by group and field by field', () => {
    const merged = merge(
      { retry: { attempts: 5 } },
      { poll: { backoff: slow } },
      { retry: { maxRetryAfterMs: 1 }, attemptTimeoutMs: 700 },
    );
    expect(merged).toEqual({
      retry: { ...defaultPolicy.retry, attempts: 5, maxRetryAfterMs: 1 },
      poll: { ...defaultPolicy.poll, backoff: slow },
      limit: defaultPolicy.limit,
      attemptTimeoutMs: 700,
    });
  });

  it('lets the later one win', () => {
    expect(
      merge({ retry: { attempts: 5 }, attemptTimeoutMs: 1 }, { retry: { attempts: 2 }, attemptTimeoutMs: 2 }),
    ).toMatchObject({ retry: { attempts: 2 }, attemptTimeoutMs: 2 });
  });

  it('takes what is undefined for not given', () => {
    const given: Policy = {
      retry: { attempts: 5 },
      poll: { absentAfterMs: 7 },
      limit: { concurrency: 1 },
      attemptTimeoutMs: 3,
    };
    const nothing = {
      retry: { attempts: undefined },
      poll: { absentAfterMs: undefined, backoff: undefined },
      limit: undefined,
      attemptTimeoutMs: undefined,
    } as unknown as Policy;
    expect(merge(given, nothing)).toEqual(merge(given));
    expect(merge(given, undefined, {})).toEqual(merge(given));
  });

  it('changes neither of the two', () => {
    const before = JSON.stringify(defaultPolicy);
    const over: Policy = { retry: { attempts: 9 } };
    merge(over);
    expect([JSON.stringify(defaultPolicy), JSON.stringify(over)]).toEqual([before, '{"retry":{"attempts":9}}']);
  });

  it('does the same in two steps as in one, whatever the fields', () => {
    const ms = fc.nat();
    const policies: fc.Arbitrary<Policy> = fc.record(
      {
        retry: fc.record(
          { attempts: fc.integer({ min: 1, max: 9 }), backoff: ms.map(constant), maxRetryAfterMs: ms },
          { requiredKeys: [] },
        ),
        poll: fc.record(
          {
            backoff: ms.map(delayMs => steps([delayMs])),
            deadlineMs: ms,
            absentAfterMs: ms,
            resendWhenAbsent: fc.boolean(),
          },
          { requiredKeys: [] },
        ),
        limit: fc.record({ concurrency: fc.integer({ min: 1, max: 99 }) }, { requiredKeys: [] }),
        attemptTimeoutMs: ms,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(policies, policies, (one, two) => {
        const both: Policy = {
          ...one,
          ...two,
          retry: { ...one.retry, ...two.retry },
          poll: { ...one.poll, ...two.poll },
          limit: { ...one.limit, ...two.limit },
        };
        expect(merge(one, two)).toEqual(merge(both));
      }),
    );
  });
});

describe('what a policy may say', () => {
  it.each<Policy>([
    { retry: { attempts: 1 } },
    { retry: { attempts: Infinity } },
    { retry: { maxRetryAfterMs: 0 } },
    { poll: { deadlineMs: 0 } },
    { poll: { deadlineMs: Infinity } },
    { poll: { absentAfterMs: 0, resendWhenAbsent: true } },
    { limit: { concurrency: Infinity } },
    { retry: { backoff: { ...constant(1), delayMs: () => 5 } } },
  ])('%o', policy => {
    expect(() => merge(policy)).not.toThrow();
  });
});

describe('a policy that cannot be meant is refused, and the message names the field', () => {
  const durations = [-1, Number.NaN, -Infinity, '1000', null, true, {}];
  const counts = [0, -1, 1.5, Number.NaN, '3', null, true];
  const cases: [string, unknown[]][] = [
    ['retry.maxRetryAfterMs', durations],
    ['poll.deadlineMs', durations],
    ['poll.absentAfterMs', durations],
    ['retry.attempts', counts],
    ['limit.concurrency', counts],
    ['poll.resendWhenAbsent', ['true', 1, 0, null]],
    ['retry.backoff', [1000, [1000], 'exponential', null, {}, { delayMs: 5, maxMs: 5 }, { delayMs: () => 5 }, () => 5]],
    ['poll.backoff', [1000, null, {}]],
  ];

  it.each(
    cases.flatMap(([where, values]) => values.map(value => [where, value] as const)),
  )('%s: %j', (where, value) => {
    const [group = '', name = ''] = where.split('.');
    expectRefusal({ [group]: { [name]: value } }, new RegExp(`^policy: ${where.replace('.', '\\.')} must be`));
  });

  it.each(durations)('attemptTimeoutMs: %j', value =>
    expectRefusal({ attemptTimeoutMs: value }, /^policy: attemptTimeoutMs must be/));

  it.each<[string, object, RegExp]>([
    [
      'a group',
      { retries: { attempts: 3 } },
      /there is no group "retries"\. Known: retry, poll, limit, attemptTimeoutMs/,
    ],
    [
      'a field of retry',
      { retry: { atempts: 3 } },
      /there is no retry\.atempts\. Known: attempts, backoff, maxRetryAfterMs/,
    ],
    ['a field of poll', { poll: { deadline: 3 } }, /there is no poll\.deadline\. Known: backoff, deadlineMs/],
    ['a field of limit', { limit: { max: 3 } }, /there is no limit\.max/],
    ['a field of another group', { retry: { deadlineMs: 3 } }, /there is no retry\.deadlineMs/],
    ['an inherited name', { retry: { toString: 3 } }, /there is no retry\.toString/],
    ['an inherited group', { constructor: {} }, /there is no group "constructor"/],
    ['a prototype', JSON.parse('{"__proto__":{"attempts":9}}') as object, /there is no group "__proto__"/],
  ])('misspelt: %s', (_what, policy, message) => expectRefusal(policy, message));

  it.each([3, 'fast', true, null])('a group that is %j', value => {
    for (const group of ['retry', 'poll', 'limit'])
      expectRefusal({ [group]: value }, new RegExp(`^policy: ${group} must be an object`));
  });

  it.each([null, 'fast', 3, true, [{ attempts: 3 }]])('a policy that is %j', policy =>
    expectRefusal(policy, /^policy: /));
});

describe('what nobody set is made to fit', () => {
  const absent: Policy = { poll: { absentAfterMs: 300_000 } };

  it('a deadline that would come before absence can be concluded comes a minute after it, whoever believes in absence', () => {
    expect(layeredPolicy(absent).poll.deadlineMs).toBe(360_000);
    expect(layeredPolicy({ poll: { absentAfterMs: 300_000, deadlineMs: 60_000 } }).poll.deadlineMs).toBe(360_000);
    expect(layeredPolicy(undefined, absent).poll.deadlineMs).toBe(360_000);
    expect(layeredPolicy({ poll: { absentAfterMs: 900_000, deadlineMs: 960_000 } }).poll.deadlineMs).toBe(960_000);
    expect(layeredPolicy({ poll: { deadlineMs: 60_000 } }, absent).poll.deadlineMs).toBe(360_000);
  });

  it('the user’s own deadline stays as it is, also where it ends the belief of an adapter or of a gateway', () => {
    expect(layeredPolicy(absent, { poll: { deadlineMs: 5000 } }).poll.deadlineMs).toBe(5000);
    expect(layeredPolicy({}, absent, { poll: { deadlineMs: 5000 } }).poll.deadlineMs).toBe(5000);
  });

  it('an order’s own life comes before every deadline but the user’s', () => {
    expect(layeredPolicy({ poll: { deadlineMs: 5000 } }).poll.followsOrder).toBe(true);
    expect(layeredPolicy({}, { poll: { deadlineMs: 5000 } }, {}).poll.followsOrder).toBe(false);
  });

  it('a deadline of the till cuts off nothing that the user has set about deadlines or absence', () => {
    expect(layeredPolicy(absent, { retry: { attempts: 2 } }).poll.mayEndEarly).toBe(true);
    for (const poll of [
      { deadlineMs: 5000 },
      { absentAfterMs: 5000 },
      { absentAfterMs: 5000, resendWhenAbsent: true },
    ]) {
      expect(layeredPolicy(absent, { poll }).poll.mayEndEarly).toBe(false);
      expect(layeredPolicy(absent, {}, { poll }).poll.mayEndEarly).toBe(false);
    }
  });

  it('the pace is the user’s, or the adapter’s stretched, or the core’s with an early first question about a charge', () => {
    const own = { poll: { backoff: constant(1000) } };
    expect(layeredPolicy({}).poll).toMatchObject({ stretches: true, firstOfChargeMs: 1500 });
    expect(layeredPolicy(own).poll).toMatchObject({ stretches: true, backoff: own.poll.backoff });
    expect(layeredPolicy(own).poll.firstOfChargeMs).toBeUndefined();
    expect(layeredPolicy({}, own).poll.stretches).toBe(false);
  });
});

describe('a policy that could never act is refused', () => {
  it('an absence later than the deadline beside it', () => {
    const never: Policy = { poll: { absentAfterMs: 300_000, deadlineMs: 60_000 } };
    expectRefusal(
      never,
      /^policy: poll\.absentAfterMs \(300000\) has no effect, since poll\.deadlineMs \(60000\)/,
      checkEffect,
    );
    expect(() => checkEffect({ poll: { absentAfterMs: 60_000, deadlineMs: 60_000 } })).not.toThrow();
    expect(() => checkEffect({ poll: { absentAfterMs: 60_000 } })).not.toThrow();
  });

  it('a limit for one call, since all of them share it', () => {
    expectRefusal({ limit: { concurrency: 2 } }, /limit has no effect on one call.*createGateway/, policy =>
      layeredPolicy({}, {}, policy),
    );
    expect(layeredPolicy({}, { limit: { concurrency: 2 } }).limit.concurrency).toBe(2);
  });

  it('a send upon absence, where the first send is the only one', () => {
    const never: Policy = { retry: { attempts: 1 }, poll: { resendWhenAbsent: true } };
    expectRefusal(
      never,
      /resendWhenAbsent has no effect, since retry\.attempts is 1, and the first send counts: make it 2/,
      checkResend,
    );
    for (const acts of [undefined, {}, { ...never, retry: { attempts: 2 } }, { retry: { attempts: 1 } }])
      expect(() => checkResend(acts)).not.toThrow();
  });

  it('a send upon absence, where nothing is ever called absent', () => {
    const never: Policy = { poll: { resendWhenAbsent: true } };
    expectRefusal(never, /resendWhenAbsent has no effect.*set poll\.absentAfterMs too/, policy =>
      layeredPolicy({}, policy),
    );
    expect(() => layeredPolicy({ poll: { absentAfterMs: 1000 } }, never)).not.toThrow();
  });
});

function expectRefusal(
  policy: unknown,
  message: RegExp,
  take: (policy: Policy) => unknown = given => mergePolicy(defaultPolicy, given),
): void {
  let thrown: unknown;
  try {
    take(policy as Policy);
  } catch (error) {
    thrown = error;
  }
  expect(isInputError(thrown)).toBe(true);
  expect((thrown as Error).message).toMatch(message);
}
