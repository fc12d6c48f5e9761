import { describe, expect, it } from 'vitest';
import type { Operation } from '../../src/core/operation.ts';
import {
  constant,
  InputError,
  isReferenceInUseError,
  type Adapter,
  type Gateway,
  type Settlement,
  type SettleOptions,
  type Ticket,
} from '../../src/index.ts';
import { canceled, pollRequired, succeeded, textOf } from '../../src/kit/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, refused, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

const charge = { order: 'A1', amount: 100 };
const policy = {
  retry: { attempts: 3, backoff: constant(1000) },
  poll: { backoff: constant(1000), deadlineMs: 60_000, absentAfterMs: 1000, resendWhenAbsent: true },
  limit: { concurrency: 1 },
};
type More = Partial<Adapter<AcmeFields>>;

/** Acme with notices that need no signature: what is verified is not what is tested here. */
const notifying = (more: More = {}, confirm = false): Adapter<AcmeFields> => ({
  ...acme(),
  webhook: {
    codes: { paid: succeeded(), canceled: canceled(), open: pollRequired('awaiting-payer') },
    confirm,
    hear: ({ text }) => ({
      verified: true,
      operation: 'payment.charge',
      names: [textOf(JSON.parse(text), 'state') ?? ''],
      reference: { order: 'A1' },
    }),
    reply: () => ({ body: 'OK' }),
  },
  ...more,
});

const notice = (gateway: Gateway<AcmeFields>, name: string): Promise<unknown> =>
  gateway.receive(new Request('https://shop.example/hooks', { method: 'POST', body: JSON.stringify({ state: name }) }));

const later = (clock: Bench['clock'], delayMs: number): Promise<void> =>
  new Promise(resolve => clock.timer(delayMs, resolve));

/** Each step on the way to a send, and the sends that had left before the notice came. */
const moments: Record<
  string,
  (confirm: boolean, name: string) => Promise<{ b: Bench; settlement: Settlement; sends: number }>
> = {
  'while the ticket is stored, before the slot': async (confirm, name) => {
    const b = bench({ adapter: notifying({}, confirm), sends: [said('PAID')], polls: [state(name)], policy });
    const settling = b.gateway.settle('payment.charge', charge, { onTicket: () => notice(b.gateway, name) });
    return { b, settlement: await b.clock.run(settling), sends: 0 };
  },
  'in the queue for a slot': async (confirm, name) => {
    const slow: Step = async () => (await later(b.clock, 5000), Response.json({ code: 'PAID' }));
    const b: Bench = bench({ adapter: notifying({}, confirm), sends: [slow], polls: [state(name)], policy });
    const first = b.gateway.settle('payment.charge', { ...charge, order: 'B2' });
    const settling = b.gateway.settle('payment.charge', charge);
    b.clock.timer(2000, () => void notice(b.gateway, name));
    return {
      b,
      settlement: await b.clock.run(Promise.all([first, settling]).then(([, settlement]) => settlement)),
      sends: 1,
    };
  },
  'while it is signed': async (confirm, name) => {
    let told = false;
    const headers = async (): Promise<Record<string, string>> => {
      if (!told) await notice(b.gateway, name);
      told = true;
      return {};
    };
    const b: Bench = bench({
      adapter: notifying({ headers }, confirm),
      sends: [said('PAID')],
      polls: [state(name)],
      policy,
    });
    return { b, settlement: await b.clock.run(b.gateway.settle('payment.charge', charge)), sends: 0 };
  },
  'during the backoff before another send': async (confirm, name) => {
    const b = bench({
      adapter: notifying({}, confirm),
      sends: [said('BUSY'), said('PAID')],
      polls: [state(name)],
      policy,
    });
    b.clock.timer(500, () => void notice(b.gateway, name));
    return { b, settlement: await b.clock.run(b.gateway.settle('payment.charge', charge)), sends: 1 };
  },
  'while an unprocessed send is on the wire': async (confirm, name) => {
    const busy: Step = async () => (await notice(b.gateway, name), Response.json({ code: 'BUSY' }));
    const b: Bench = bench({
      adapter: notifying({}, confirm),
      sends: [busy, said('PAID')],
      polls: [state(name)],
      policy,
    });
    return { b, settlement: await b.clock.run(b.gateway.settle('payment.charge', charge)), sends: 1 };
  },
  'while a send that never connects is tried': async (confirm, name) => {
    const fails: Step = async () => {
      await notice(b.gateway, name);
      throw refused();
    };
    const b: Bench = bench({
      adapter: notifying({}, confirm),
      sends: [fails, said('PAID')],
      polls: [state(name)],
      policy,
    });
    return { b, settlement: await b.clock.run(b.gateway.settle('payment.charge', charge)), sends: 1 };
  },
  'during the query whose “not found” calls for another send': async (confirm, name) => {
    let asked = 0;
    const none: Step = async () => {
      if (++asked === 2) await notice(b.gateway, name);
      return Response.json({ state: 'none' });
    };
    const b: Bench = bench({
      adapter: notifying({}, confirm),
      sends: [reset(), said('PAID')],
      polls: [none, none, state(name)],
      policy,
    });
    return { b, settlement: await b.clock.run(b.gateway.settle('payment.charge', charge)), sends: 1 };
  },
  'in a hook of the user’s, between the decision and the gate': async (confirm, name) => {
    let told = false;
    const b: Bench = bench({
      adapter: notifying({}, confirm),
      sends: [said('BUSY'), said('PAID')],
      polls: [state(name)],
      policy,
    });
    const beforeRetry = [
      async (): Promise<void> => {
        if (!told) await notice(b.gateway, name);
        told = true;
      },
    ];
    const end = await b.clock.run(
      b.gateway.client.post('charge', { json: charge, hooks: { beforeRetry } }).then(
        () => ({ outcome: 'succeeded' }),
        (error: unknown) => (error as { settlement: Settlement }).settlement,
      ),
    );
    return { b, settlement: end as Settlement, sends: 1 };
  },
};

describe('a verified notice is heeded before the next byte leaves', () => {
  it.each(
    Object.entries(moments).flatMap(([when, play]) =>
      [false, true].flatMap(confirm => ['paid', 'canceled'].map(name => [when, name, confirm, play] as const)),
    ),
  )('%s: %s (to be confirmed by a query: %s)', async (_when, name, confirm, play) => {
    const { b, settlement, sends } = await play(confirm, name);
    expect(settlement).toMatchObject({ outcome: name === 'paid' ? 'succeeded' : 'canceled' });
    expect(b.sends.length).toBe(sends);
    expect(b.clock.pending).toBe(0);
  });

  it('a notice that the order is open, and a query that finds it so: what was held back is not sent later either', async () => {
    const headers = async (): Promise<Record<string, string>> => {
      if (b.polls.length === 0) await notice(b.gateway, 'open');
      return {};
    };
    const b: Bench = bench({
      adapter: notifying({ headers }),
      sends: [said('PAID')],
      polls: [state('open'), state('open'), state('paid')],
      policy,
    });
    const settlement = await b.clock.run(b.gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
    expect(settlement.timeline).toContainEqual(
      expect.objectContaining({ type: 'lost', of: 'send', evidence: 'not-sent', code: 'held' }),
    );
    expect(b.sends.length).toBe(0);
  });
});

describe('what a verified notice has told is not forgotten with the loop that heard it', () => {
  const none = state('none');
  /** A notice that is to be confirmed, and a query that goes on finding nothing. */
  const told = { adapter: notifying({}, true), sends: [reset(), said('PAID')], polls: [none] };
  const impatient = { ...policy, poll: { ...policy.poll, deadlineMs: 3000, absentAfterMs: 2500 } };

  it('the ticket says that the gateway has the order, so that whoever goes on with it does not call it absent', async () => {
    const b = bench({ ...told, policy: impatient });
    b.clock.timer(500, () => void notice(b.gateway, 'paid'));
    const stored: Ticket[] = [];
    const { outcome, ticket } = await b.clock.run(
      b.gateway.settle('payment.charge', charge, { onTicket: each => void stored.push(each) }),
    );
    expect([outcome, ticket.seen, stored.at(-1)?.seen]).toEqual(['unresolved', true, true]);
    const other = bench({ ...told, policy });
    expect(await other.clock.run(other.gateway.untilSettled(ticket))).toMatchObject({ outcome: 'unresolved' });
  });

  it.each([
    ['while it is followed', 500, impatient.poll.absentAfterMs, 'unresolved'],
    ['once it was left open', 5000, undefined, 'unresolved'],
    ['once it was called absent', 5000, impatient.poll.absentAfterMs, 'succeeded'],
  ] as const)('what is settled again after a notice is not sent again: it came %s', async (_when, atMs, absentAfterMs, ends) => {
    const { absentAfterMs: _usual, resendWhenAbsent: _never, ...poll } = impatient.poll;
    const b = bench({
      ...told,
      policy: { ...impatient, poll: { ...poll, ...(absentAfterMs !== undefined && { absentAfterMs }) } },
    });
    b.clock.timer(atMs, () => void notice(b.gateway, 'paid'));
    await b.clock.run(b.gateway.settle('payment.charge', charge));
    await b.clock.run(later(b.clock, 10_000));
    expect(
      await b.clock.run(b.gateway.settle('payment.charge', charge, { policy: { poll: policy.poll } })),
    ).toMatchObject({ outcome: ends, attempts: 0 });
    expect(b.sends.length).toBe(1);
  });
});

/** How a loop can end before its first byte, once the notice has come while its ticket is stored. */
const endings: Record<string, (receive: () => Promise<unknown>) => { adapter: More; options: SettleOptions }> = {
  'onTicket fails': receive => ({
    adapter: {},
    options: {
      onTicket: async () => {
        await receive();
        throw new Error('The store is down.');
      },
    },
  }),
  'the caller aborts': receive => {
    const caller = new AbortController();
    const onTicket = async (): Promise<void> => {
      await receive();
      caller.abort(new Error('left'));
    };
    return { adapter: {}, options: { signal: caller.signal, onTicket } };
  },
  'the signer fails': receive => {
    let isFirst = true;
    const headers = (): Record<string, string> => {
      if (!isFirst) return {};
      isFirst = false;
      throw new InputError('There is no key.');
    };
    return { adapter: { headers }, options: { onTicket: receive } };
  },
};

describe('a verified notice is not lost with a loop that ends before its first byte', () => {
  const rows = Object.keys(endings);
  /** Settles once, to an end by `how` after notices of these names; then the next settle may be played. */
  const ended = async (
    how: string,
    names: readonly string[],
    { confirm = false, more = {} }: { confirm?: boolean; more?: More } = {},
  ): Promise<Bench> => {
    let isOver = false;
    const receive = async (): Promise<void> => {
      if (isOver) return;
      isOver = true;
      for (const name of names) await notice(b.gateway, name);
    };
    const { adapter, options } = endings[how]?.(receive) ?? { adapter: {}, options: {} };
    const b: Bench = bench({
      adapter: notifying({ ...adapter, ...more }, confirm),
      sends: [said('PAID')],
      polls: [state('paid')],
      policy,
    });
    await expect(b.clock.run(b.gateway.settle('payment.charge', charge, options))).rejects.toThrow(
      /The store is down|left|There is no key/,
    );
    return b;
  };

  it.each(rows)('and then %s: what it said is how the payment ended, and nothing is sent', async how => {
    const b = await ended(how, ['paid']);
    const again = await b.clock.run(b.gateway.settle('payment.charge', charge));
    expect(again).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook', repeated: true });
    expect([b.sends.length, b.polls.length]).toEqual([0, 0]);
  });

  it.each(rows)('and then %s: what must be confirmed is asked about before anything is sent', async how => {
    const b = await ended(how, ['paid'], { confirm: true });
    const again = await b.clock.run(b.gateway.settle('payment.charge', charge));
    expect(again).toMatchObject({ outcome: 'succeeded', settledBy: 'query', attempts: 0 });
    expect([b.sends.length, b.polls.length]).toEqual([0, 1]);
  });

  it.each(rows)('and then %s: an order that is open is asked about before anything is sent', async how => {
    const b = await ended(how, ['open']);
    const again = await b.clock.run(b.gateway.settle('payment.charge', charge));
    expect(again).toMatchObject({ outcome: 'succeeded', settledBy: 'query', attempts: 0 });
    expect(b.sends.length).toBe(0);
  });

  it('other fields under that number are refused then', async () => {
    const b = await ended('onTicket fails', ['open']);
    await expect(b.gateway.settle('payment.charge', { ...charge, amount: 200 })).rejects.toSatisfy(
      isReferenceInUseError,
    );
  });

  it('nor is one of a payment whose own number the loop cannot tell yet', async () => {
    const plain = acme();
    const keyed = { ...(plain.operations['payment.charge'] as Operation), idempotencyKey: { header: 'x-key' } };
    const more = { operations: { ...plain.operations, 'payment.charge': keyed as Operation } };
    const b = await ended('onTicket fails', ['paid'], { more });
    await b.clock.run(b.gateway.settle('payment.charge', charge));
    expect(b.sends.length).toBe(0);
  });

  it('what a query beside the loop shows is in the ticket, after a notice that might be of another payment, too', async () => {
    const plain = acme();
    const keyed = { ...(plain.operations['payment.charge'] as Operation), idempotencyKey: { header: 'x-key' } };
    const b = bench({
      adapter: notifying({ operations: { ...plain.operations, 'payment.charge': keyed as Operation } }),
      sends: [reset()],
      polls: [state('none'), state('none'), state('pending'), state('none')],
      policy: { poll: { backoff: constant(1000), deadlineMs: 10_000 } },
    });
    b.clock.timer(1500, () => void notice(b.gateway, 'open'));
    let stored: Ticket | undefined;
    b.clock.timer(1600, () => void (stored && b.gateway.ask(stored)));
    const settling = b.gateway.settle('payment.charge', charge, { onTicket: each => void (stored = each) });
    expect(await b.clock.run(settling)).toMatchObject({ outcome: 'unresolved', ticket: { seen: true } });
  });

  it('a loop that sent nothing and had no notice leaves nothing behind', async () => {
    const b = await ended('onTicket fails', []);
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ settledBy: 'answer' });
    expect([b.sends.length, b.polls.length]).toEqual([1, 0]);
  });
});
