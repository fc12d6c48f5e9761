import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { circuit, constant, findTillpaidError, isSettledError, type Policy, type Settlement } from '../../src/index.ts';
import type { CircuitEvent } from '../../src/index.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { acme } from '../testing/acme.ts';
import { bench, hang, json, refused, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

const order = (name: string) => ({ order: name, amount: 100 });
const down: Step = () => json({}, { status: 503 });
const policy: Policy = {
  circuit: circuit({ failures: 3, withinMs: 60_000, openForMs: 20_000 }),
  retry: { attempts: 3, backoff: constant(100) },
  poll: { backoff: constant(1000), deadlineMs: 5000 },
};

const charge = ({ gateway, clock }: Bench, name: string): Promise<Settlement> =>
  clock.run(gateway.settle('payment.charge', order(name)));
const changes = ({ events }: Bench): CircuitEvent[] => events.filter(event => event.type === 'circuit');

/** Three charges that nobody has answered. */
async function broken(script: Parameters<typeof bench>[0] = {}): Promise<Bench> {
  const made = bench({ sends: [down], polls: [down], policy, ...script });
  for (const name of ['A1', 'A2', 'A3']) expect((await charge(made, name)).outcome).toBe('unresolved');
  return made;
}

describe('the circuit of a gateway', () => {
  it('opens after sends in a row that got no answer of the gateway’s, and then ends a new one as unsent, at once, without a byte', async () => {
    const made = await broken();
    expect(changes(made)).toMatchObject([
      {
        type: 'circuit',
        gateway: 'acme',
        operation: 'payment.charge',
        reference: {},
        state: 'open',
        code: 'http/503',
        failures: 3,
      },
    ]);
    const before = [made.sends.length, made.polls.length, made.clock.now()];
    const stored: unknown[] = [];
    const settlement = await made.clock.run(
      made.gateway.settle('payment.charge', order('B1'), { onTicket: ticket => stored.push(ticket) }),
    );
    expect(settlement).toMatchObject({
      outcome: 'unsent',
      settledBy: 'none',
      attempts: 0,
      verdict: { kind: 'retryable', code: 'circuit-open', reason: 'unavailable' },
      ticket: { reference: { order: 'B1' } },
    });
    expect(settlement.verdict.advice).toMatch(/until it is back. Nothing was done.*same reference/);
    expect([made.sends.length, made.polls.length, made.clock.now()]).toEqual(before);
    expect([stored, made.clock.pending]).toEqual([[], 0]);
  });

  it.each<readonly [string, Step]>([
    ['lost', reset()],
    ['not connected', refused()],
    ['timed out', hang],
    ['unreadable', () => new Response('<html>')],
    ['in maintenance, as it says', said('BUSY')],
  ])('counts a send that was %s', async (_name, step) => {
    const made = bench({ sends: [step], polls: [down], policy: { ...policy, retry: { attempts: 1 } } });
    for (const name of ['A1', 'A2', 'A3']) await charge(made, name);
    expect((await charge(made, 'B1')).verdict.code).toBe('circuit-open');
  });

  it.each([
    'DECLINED',
    'REFUSED',
    'PENDING',
    'DUPLICATE',
    'LIMITED',
  ])('takes %s for an answer of a gateway that works', async code => {
    const made = bench({ sends: [said(code)], polls: [state('declined')], policy });
    for (const name of ['A1', 'A2', 'A3', 'A4', 'A5']) await charge(made, name);
    expect([changes(made), made.sends.length >= 5]).toEqual([[], true]);
  });

  it('holds back one operation alone: a refund goes on while charges fail', async () => {
    const made = await broken({ sends: [down, down, down, said('PAID')] });
    const refund = made.gateway.settle('refund.create', { refund: 'R1' });
    expect((await made.clock.run(refund)).outcome).toBe('succeeded');
  });

  it('goes on asking about what is open, and half-opens by the first query that is answered again', async () => {
    const made = bench({
      sends: [down, down, down, said('PAID')],
      polls: [...Array.from({ length: 12 }, () => down), state('paid')],
      policy: { ...policy, poll: { backoff: constant(1000), deadlineMs: 60_000 } },
    });
    const open = ['A1', 'A2', 'A3'].map(name => made.gateway.settle('payment.charge', order(name)));
    const settled = await made.clock.run(Promise.all(open));
    expect(settled.map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect((await charge(made, 'B1')).outcome).toBe('succeeded');
    expect(changes(made).map(event => event.state)).toEqual(['open', 'half-open', 'closed']);
  });

  it('lets one send try after its time, where nothing is there to be asked about, and the others when that was answered', async () => {
    const made = await broken({ sends: [down, down, down, () => slow()] });
    const slow = async (): Promise<Response> => {
      await sleep(made.clock, 2000);
      return json({ code: 'PAID' });
    };
    expect((await charge(made, 'B0')).outcome).toBe('unsent');
    made.clock.advance(20_000);
    const trial = made.gateway.settle('payment.charge', order('B1'));
    await made.clock.untilQuiet();
    const other = made.gateway.settle('payment.charge', order('B2'));
    expect((await made.clock.run(other)).outcome).toBe('unsent');
    expect((await made.clock.run(trial)).outcome).toBe('succeeded');
    const settlement = await charge(made, 'B2');
    expect([settlement.outcome, settlement.repeated]).toEqual(['succeeded', undefined]);
    expect(changes(made).map(event => event.state)).toEqual(['open', 'half-open', 'closed']);
  });

  it('lets one of many through that come at the same moment', async () => {
    const made = await broken();
    made.clock.advance(20_000);
    const names = Array.from({ length: 50 }, (_, at) => `B${at}`);
    const ends = await made.clock.run(
      Promise.all(names.map(name => made.gateway.settle('payment.charge', order(name)))),
    );
    expect(ends.filter(({ outcome }) => outcome === 'unresolved')).toHaveLength(1);
    expect(ends.filter(({ outcome }) => outcome === 'unsent')).toHaveLength(49);
    expect(made.sends).toHaveLength(4);
  });

  it('stops those that stand in the queue when it opens, before a byte of theirs', async () => {
    const made = bench({
      sends: [hang],
      polls: [down],
      policy: {
        ...policy,
        poll: { ...policy.poll, deadlineMs: 120_000 },
        limit: { concurrency: 3 },
        attemptTimeoutMs: 10_000,
      },
    });
    const names = Array.from({ length: 40 }, (_, at) => `B${at}`);
    const ends = await made.clock.run(
      Promise.all(names.map(name => made.gateway.settle('payment.charge', order(name)))),
    );
    expect(made.sends.length).toBeLessThanOrEqual(6);
    expect(ends.filter(({ outcome }) => outcome === 'unsent').length).toBe(40 - made.sends.length);
    for (const { outcome, verdict } of ends) if (outcome === 'unsent') expect(verdict.code).toBe('circuit-open');
  });

  it('frees the trial when its caller leaves', async () => {
    const made = await broken({ sends: [down, down, down, hang, said('PAID')] });
    made.clock.advance(20_000);
    const controller = new AbortController();
    const trial = made.gateway.settle('payment.charge', order('B1'), { signal: controller.signal });
    const left = expect(trial).rejects.toThrow('gone');
    await made.clock.untilQuiet();
    controller.abort(new Error('gone'));
    await left;
    expect((await charge(made, 'B2')).outcome).toBe('succeeded');
  });

  it('never calls unsent, failed or rejected what may have landed, and asks about it when the same is wanted again', async () => {
    const made = await broken({ sends: [down], polls: [down] });
    const again = await charge(made, 'A1');
    expect([again.outcome, again.attempts]).toEqual(['unresolved', 0]);
    expect(made.sends).toHaveLength(3);
    expect(again.polls).toBeGreaterThan(0);
  });

  it('ends a write as unsent that was refused a connection, when a re-send is held back', async () => {
    const made = bench({
      sends: [refused()],
      polls: [down],
      policy: { ...policy, retry: { attempts: 9, backoff: constant(100) } },
    });
    const settlement = await charge(made, 'A1');
    expect(settlement).toMatchObject({ outcome: 'unsent', attempts: 3, verdict: { code: 'network/ECONNREFUSED' } });
    expect(settlement.verdict.advice).toMatch(/none leaves until it is back/);
  });

  it('sends the same number when it is back, as it would the first time', async () => {
    const made = await broken({ sends: [down, down, down, said('PAID')] });
    expect((await charge(made, 'B1')).outcome).toBe('unsent');
    made.clock.advance(20_000);
    expect(await charge(made, 'B1')).toMatchObject({ outcome: 'succeeded', attempts: 1 });
  });

  it('does not follow a wall clock that was set forward', async () => {
    const made = await broken();
    made.clock.stepWall(3_600_000);
    expect((await charge(made, 'B1')).outcome).toBe('unsent');
  });

  it('is not there unless it was asked for', async () => {
    const { circuit: _none, ...without } = policy;
    const made = await broken({ policy: without });
    expect([(await charge(made, 'B1')).outcome, changes(made)]).toEqual(['unresolved', []]);
  });

  it('tells a caller of the drop-in, and of fetch, by an error that no client takes for the network’s', async () => {
    const made = await broken();
    const { gateway, clock, sends } = made;
    const byClient = gateway.client.post('charge', { json: order('B1') }).json();
    const error: unknown = await clock.run(byClient).catch((thrown: unknown) => thrown);
    expect(isSettledError(error) && error.settlement.outcome).toBe('unsent');
    expect((error as Error).message).toContain('acme payment.charge B1 ended unsent (unavailable, code circuit-open)');
    const byFetch = gateway.fetch(`${gateway.adapter.baseUrl}/charge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(order('B2')),
    });
    const other: unknown = await clock.run(byFetch).catch((thrown: unknown) => thrown);
    expect(isSettledError(findTillpaidError(other))).toBe(true);
    expect([other instanceof TypeError, sends.length]).toEqual([false, 3]);
  });

  it('is no way around the hooks of the user’s client: what a hook sends again is held back too', async () => {
    const eager = (fetch: Bench['fetch']) =>
      ky.create({
        fetch: fetch as typeof globalThis.fetch,
        retry: { limit: 5, methods: ['post'], shouldRetry: () => true, delay: () => 0 },
        hooks: { beforeRetry: [({ request }) => new Request(request)] },
      });
    const made = await broken({ client: eager });
    const thrown = made.clock.run(made.gateway.client.post('charge', { json: order('B1') }).json());
    await expect(thrown).rejects.toSatisfy(isSettledError);
    expect(made.sends).toHaveLength(3);
  });
});

describe('the retry quota of a gateway', () => {
  const small: Policy = {
    retry: { attempts: 3, backoff: constant(100), quota: { tokens: 20 } },
    poll: { backoff: constant(1000), deadlineMs: 5000 },
  };

  it('stops re-sends once it is used up, and never a first send', async () => {
    const made = bench({ sends: [said('BUSY')], policy: small });
    const ends = [];
    for (const name of ['A1', 'A2', 'A3', 'A4']) ends.push(await charge(made, name));
    expect(ends.map(({ outcome, attempts }) => [outcome, attempts])).toEqual([
      ['rejected', 3],
      ['rejected', 3],
      ['rejected', 1],
      ['rejected', 1],
    ]);
    expect(ends[3]?.verdict).toMatchObject({ kind: 'retryable', code: 'BUSY' });
    expect(ends[3]?.verdict.advice).toMatch(/retry quota is used up.*same reference/);
    expect(made.events.filter(({ type }) => type === 'quota')).toMatchObject([
      { operation: 'payment.charge', reference: {}, tokens: 0 },
    ]);
  });

  it('ends as unsent what never left, and goes on asking about what may have landed', async () => {
    const quota = { tokens: 10, perRetry: 10, perTimeout: 10 };
    const never = bench({ sends: [refused()], policy: { ...small, retry: { ...small.retry, quota } } });
    await charge(never, 'A1');
    expect(await charge(never, 'A2')).toMatchObject({ outcome: 'unsent', attempts: 1 });
    const landed = bench({
      sends: [said('BUSY'), said('BUSY'), reset()],
      polls: [state('none'), state('none'), state('paid')],
      adapter: acme({ sameReference: 'replays' }),
      policy: { ...small, retry: { attempts: 5, backoff: constant(100), quota } },
    });
    expect(await charge(landed, 'A1')).toMatchObject({ outcome: 'rejected', attempts: 2 });
    expect(await charge(landed, 'A2')).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
      polls: 3,
    });
  });

  it('comes back by sends that are answered: by one for a first send, by what it took for a re-send', async () => {
    const quota = { tokens: 10, perRetry: 5, perTimeout: 10, perSuccess: 3 };
    const made = bench({
      sends: [
        ...['BUSY', 'BUSY', 'BUSY'].map(code => said(code)),
        ...['BUSY', 'PAID', 'PAID', 'BUSY', 'PAID'].map(code => said(code)),
      ],
      policy: { ...small, retry: { ...small.retry, quota } },
    });
    const ends = [];
    for (const name of ['A1', 'A2', 'A3', 'A4', 'A5']) ends.push(await charge(made, name));
    expect(ends.map(({ outcome, attempts }) => [outcome, attempts])).toEqual([
      ['rejected', 3],
      ['rejected', 1],
      ['succeeded', 1],
      ['succeeded', 1],
      ['succeeded', 2],
    ]);
  });

  it('takes ten for a re-send after a timeout', async () => {
    const made = bench({
      sends: [hang],
      polls: [state('none')],
      adapter: acme({ sameReference: 'replays' }),
      policy: { ...small, poll: { backoff: constant(1000), deadlineMs: 20_000 }, attemptTimeoutMs: 1000 },
    });
    const create = (name: string) => made.clock.run(made.gateway.settle('payment.create', order(name)));
    expect(await create('A1')).toMatchObject({ outcome: 'unresolved', attempts: 3 });
    expect(await create('A2')).toMatchObject({ outcome: 'unresolved', attempts: 1 });
  });

  it('gives back what a caller did not use who left during the wait', async () => {
    const made = bench({
      sends: [said('BUSY')],
      policy: { ...small, retry: { ...small.retry, backoff: constant(2000) } },
    });
    for (let leaving = 0; leaving < 10; leaving++) {
      const controller = new AbortController();
      const call = made.gateway.settle('payment.charge', order(`L${leaving}`), { signal: controller.signal });
      const left = expect(call).rejects.toThrow('gone');
      await made.clock.untilQuiet();
      controller.abort(new Error('gone'));
      await left;
    }
    expect(await charge(made, 'A1')).toMatchObject({ outcome: 'rejected', attempts: 3 });
  });

  it('counts the reads of the drop-in by themselves, and ends them as when their attempts are used up', async () => {
    const made = bench({
      polls: [down],
      sends: [said('BUSY')],
      policy: { ...small, retry: { ...small.retry, quota: { tokens: 10 } } },
    });
    const read = async () => {
      const before = made.polls.length;
      const query = made.gateway.client.post('query', { json: { order: 'A1' }, throwHttpErrors: false });
      expect((await made.clock.run(query)).status).toBe(503);
      return made.polls.length - before;
    };
    expect([await read(), await read(), await read()]).toEqual([3, 1, 1]);
    expect((await charge(made, 'A1')).attempts).toBe(3);
  });

  it('asks for no tokens for a new token', async () => {
    const made = bench({
      sends: [said('BUSY'), said('BUSY'), said('BUSY'), said('TOKEN'), said('PAID')],
      policy: { ...small, retry: { ...small.retry, quota: { tokens: 10 } } },
    });
    expect((await charge(made, 'A1')).attempts).toBe(3);
    expect(await charge(made, 'A2')).toMatchObject({ outcome: 'succeeded', attempts: 2 });
  });

  it('is switched off by false', async () => {
    const made = bench({ sends: [said('BUSY')], policy: { ...small, retry: { ...small.retry, quota: false } } });
    for (let name = 0; name < 60; name++) expect((await charge(made, `A${name}`)).attempts).toBe(3);
  });

  it('has enough for a hundred re-sends by default', async () => {
    const made = bench({ sends: [said('BUSY')], policy: { retry: { backoff: constant(1) } } });
    const attempts = [];
    for (let name = 0; name < 60; name++) attempts.push((await charge(made, `A${name}`)).attempts);
    expect(attempts).toEqual(attempts.map((_, at) => (at < 50 ? 3 : 1)));
  });
});
