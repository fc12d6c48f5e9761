import { describe, expect, it } from 'vitest';
import { constant, isSettledError, isUnresolvedError, type Settlement } from '../../src/index.ts';
import { authorized, refunded } from '../../src/kit/index.ts';
import { unlikeItsType } from '../settlement-shape.ts';
import { acme } from '../testing/acme.ts';
import { bench, refused, reset, said, state, type Step } from '../testing/bench.ts';

const policy = {
  retry: { attempts: 2, backoff: constant(100) },
  poll: { backoff: constant(1000), deadlineMs: 6000, absentAfterMs: 2000 },
};

/** Ends by its own answer, or before one. */
const final: Record<string, Step> = {
  paid: said('PAID', { id: 'G1' }),
  created: said('CREATED', { id: 'G1' }),
  held: said('HELD'),
  busy: said('BUSY'),
  declined: said('DECLINED'),
  refused: said('REFUSED'),
  duplicate: said('DUPLICATE'),
  'not sent': refused(),
  'told to wait too long': () => Response.json({ code: 'BUSY' }, { status: 429, headers: { 'retry-after': '9999' } }),
};

/** Is asked about. */
const open: Record<string, Step> = {
  pending: said('PENDING', { id: 'G1' }),
  unlisted: said('NOVEL'),
  html: () => new Response('<html>', { status: 502 }),
  lost: reset(),
};

const polls: Record<string, Step> = {
  paid: state('paid', { id: 'G1' }),
  open: state('open', { id: 'G1' }),
  pending: state('pending'),
  declined: state('declined'),
  failed: state('failed'),
  canceled: state('canceled'),
  expired: state('expired'),
  refunded: state('refunded'),
  held: state('held'),
  'not found': state('none'),
  refused: state('REFUSED'),
  lost: reset(),
};

/** Acme, with holds and refunds, which answers a second send with the first one's result. */
const adapter = (sameReference: 'unknown' | 'replays'): ReturnType<typeof acme> => {
  const known = acme({ sameReference });
  const more = { HELD: authorized(), held: authorized(), refunded: refunded() };
  return {
    ...known,
    operations: Object.fromEntries(
      Object.entries(known.operations).map(([name, operation]) => [
        name,
        { ...operation, codes: { ...(operation.codes as object), ...more } },
      ]),
    ),
  };
};

/** What can be asked about. */
const orders = ['payment.charge', 'payment.create', 'payment.cancel'] as const;
const writes = [...orders, 'payout.create'] as const;
type Write = (typeof writes)[number];
const fields = { order: 'A1', amount: 100 };

/** By settle, again by settle, by the drop-in, and by following what is left. */
async function endings(
  name: Write,
  send: Step,
  poll: Step,
  sameReference: 'unknown' | 'replays',
): Promise<Settlement[]> {
  const script = { sends: [send], polls: [poll], policy, adapter: adapter(sameReference) };
  const b = bench(script);
  const first = await b.clock.run(b.gateway.settle(name, fields));
  const again = await b.clock.run(b.gateway.settle(name, fields));
  const follower = bench(script);
  const followed =
    name === 'payout.create' ? [] : [await follower.clock.run(follower.gateway.untilSettled(first.ticket))];
  const other = bench(script);
  const path = other.gateway.adapter.operations[name]?.path.slice(1) ?? '';
  const thrown: unknown = await other.clock
    .run(other.gateway.client.post(path, { json: fields, throwHttpErrors: false }))
    .catch((error: unknown) => error);
  const told = isSettledError(thrown) || isUnresolvedError(thrown) ? thrown.settlement : undefined;
  return [first, again, ...followed, ...(told === undefined ? [] : [told])];
}

describe('every settlement has the shape that its type says', () => {
  const met = new Map<string, Set<string>>();
  const check = async (name: Write, send: Step, poll: Step, sameReference: 'unknown' | 'replays'): Promise<void> => {
    for (const settlement of await endings(name, send, poll, sameReference)) {
      expect(unlikeItsType(settlement)).toBeUndefined();
      met.set(settlement.outcome, (met.get(settlement.outcome) ?? new Set()).add(settlement.settledBy));
    }
  };

  it.each(Object.entries(final))('a send that is %s', async (_title, send) => {
    await Promise.all(writes.map(name => check(name, send, state('pending'), 'unknown')));
  });

  it.each(
    Object.keys(open).flatMap(send => Object.keys(polls).map(poll => [send, poll] as const)),
  )('a send that is %s, and queries that say %s', async (send, poll) => {
    const steps = [open[send] ?? reset(), polls[poll] ?? reset()] as const;
    const asked = send === 'lost' ? orders : orders.slice(0, 1);
    await Promise.all([
      ...asked.map(name => check(name, ...steps, 'unknown')),
      ...(send === 'lost' ? asked.map(name => check(name, ...steps, 'replays')) : []),
    ]);
  });

  it('and every outcome was met, by each of the words that may settle it', () => {
    const by = Object.fromEntries([...met].map(([outcome, words]) => [outcome, [...words].sort()]));
    // What a webhook settles, the storm holds to its shape.
    expect(by).toEqual({
      succeeded: ['answer', 'query'],
      failed: ['answer', 'query'],
      canceled: ['query'],
      expired: ['query'],
      refunded: ['query'],
      authorized: ['answer', 'query'],
      created: ['answer', 'query'],
      rejected: ['answer'],
      absent: ['query'],
      unresolved: ['none'],
      unsent: ['none'],
    });
  });
});

it('the check finds what is not as its type says', async () => {
  const b = bench({ sends: [said('PAID')] });
  const paid = await b.clock.run(b.gateway.settle('payment.charge', fields));
  expect(unlikeItsType(paid)).toBeUndefined();
  const wrong: [object, RegExp][] = [
    [{ outcome: 'unsent' }, /^unsent by answer/],
    [{ settledBy: 'none' }, /^succeeded by none/],
    [{ verdict: { ...paid.verdict, kind: 'retryable' } }, /a verdict that is retryable/],
    [{ verdict: { ...paid.verdict, outcome: 'failed' } }, /a verdict that says failed/],
    [{ otherVerdict: paid.verdict }, /with otherVerdict/],
    [{ request: {} }, /with request for all to see/],
    [{ body: undefined, ticket: undefined }, /without ticket/],
  ];
  for (const [change, message] of wrong) expect(unlikeItsType({ ...paid, ...change })).toMatch(message);
});
