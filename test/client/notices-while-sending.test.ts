import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { pollRequired, succeeded, canceled, textOf } from '../../src/kit/index.ts';
import { constant, type Adapter, type Gateway } from '../../src/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, hang, reset, said, state, type Bench } from '../testing/bench.ts';

/** Notices that come while a send is stored, signed or on the wire, and aborts in its last moment. */

const charge = { order: 'A1', amount: 100 };
const policy = {
  retry: { attempts: 3, backoff: constant(1000) },
  poll: { backoff: constant(1000), deadlineMs: 20_000 },
};

/** A gateway that signs some notices, and others not. */
const notifying = (confirm = false): Adapter<AcmeFields> => ({
  ...acme(),
  webhook: {
    codes: { paid: succeeded(), canceled: canceled(), open: pollRequired('awaiting-payer') },
    confirm,
    hear({ text }) {
      const body: unknown = JSON.parse(text);
      const notice = {
        operation: 'payment.charge',
        names: [textOf(body, 'state') ?? ''],
        reference: { order: 'A1', id: textOf(body, 'id') },
        amount: textOf(body, 'amount'),
      };
      return textOf(body, 'signed') === 'yes'
        ? { verified: true, ...notice }
        : { verified: false, reason: 'it is not signed', hint: notice };
    },
    reply: () => ({ body: 'OK' }),
  },
});

/** Without its status query: its outcome is known only from its own answer or a notice. */
const withoutQuery = (adapter: Adapter<AcmeFields>): Adapter<AcmeFields> => {
  const { query: _none, ...write } = { query: undefined, ...adapter.operations['payment.charge'] };
  return {
    ...adapter,
    operations: { ...adapter.operations, 'payment.charge': write as typeof write & { path: string } },
  } as Adapter<AcmeFields>;
};

const notice = (
  gateway: Gateway<AcmeFields>,
  body: { state: string; signed?: 'yes'; id?: string; amount?: string },
): Promise<unknown> =>
  gateway.receive(new Request('https://shop.test/hooks', { method: 'POST', body: JSON.stringify(body) }));

/** Pays, with notices while the send is on the wire, whose answer is then lost. */
async function paying(
  adapter: Adapter<AcmeFields>,
  notices: readonly Parameters<typeof notice>[1][],
  polls = [state('none')],
): Promise<Bench & { outcome: string; settledBy: string }> {
  const scene: Bench = bench({
    adapter,
    sends: [
      async () => {
        for (const each of notices) await notice(scene.gateway, each);
        throw reset();
      },
    ],
    polls,
    policy,
  });
  const { outcome, settledBy } = await scene.clock.run(scene.gateway.settle('payment.charge', charge));
  return { ...scene, outcome, settledBy };
}

const paid = { state: 'paid', signed: 'yes' } as const;

describe('several notices during one exchange', () => {
  it.each([
    ['a signed one that says open', { state: 'open', signed: 'yes' } as const],
    ['one that nobody signed', { state: 'open' }],
  ])('an end is not hidden by what comes after it: %s', async (_what, later) => {
    expect(await paying(notifying(), [paid, later])).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook' });
  });

  it('two ends that differ are asked about', async () => {
    const ended = await paying(notifying(), [paid, { state: 'canceled', signed: 'yes' }], [state('paid')]);
    expect([ended.outcome, ended.settledBy, ended.polls.length]).toEqual(['succeeded', 'query', 1]);
  });

  it('one that comes while the last query hangs is the end, and nothing more is asked', async () => {
    const made = bench({
      adapter: notifying(),
      sends: [said('PENDING')],
      polls: [hang],
      policy: { poll: { backoff: constant(1000), deadlineMs: 1600 }, attemptTimeoutMs: 2000 },
    });
    const settling = made.clock.run(made.gateway.settle('payment.charge', charge));
    made.clock.timer(1700, () => void notice(made.gateway, paid));
    const { outcome, settledBy, elapsedMs } = await settling;
    expect([outcome, settledBy, made.polls.length]).toEqual(['succeeded', 'webhook', 1]);
    expect(elapsedMs).toBeLessThanOrEqual(3600);
  });

  it('a number that one brings is enough to ask about a send that is then lost', async () => {
    const plain = notifying();
    const write = plain.operations['payment.charge'];
    const byId: Adapter<AcmeFields> = {
      ...plain,
      operations: {
        ...plain.operations,
        'payment.charge': {
          ...write,
          query: {
            operation: 'payment.query',
            fields: ({ reference }: { reference: Record<string, string> }) =>
              reference['id'] === undefined ? undefined : { order: reference['order'] },
          },
        } as NonNullable<typeof write>,
      },
    };
    const open = { state: 'open', signed: 'yes', id: 'P1' } as const;
    const ended = await paying(byId, [open], [state('paid')]);
    expect([ended.outcome, ended.settledBy, ended.polls.length]).toEqual(['succeeded', 'query', 1]);
  });
});

describe('what proves nothing', () => {
  it('an unsigned notice before the first byte holds nothing up, and says nothing of the order', async () => {
    const { gateway, clock, sends } = bench({ adapter: notifying(), sends: [said('PAID')], policy });
    const settlement = await clock.run(
      gateway.settle('payment.charge', charge, { onTicket: () => notice(gateway, { state: 'paid' }) }),
    );
    expect([settlement.outcome, settlement.settledBy, sends.length]).toEqual(['succeeded', 'answer', 1]);
  });

  it.each([
    ['an unsigned one', { state: 'paid' }],
    ['a signed one that must be confirmed', paid],
  ])('a notice is not believed where nothing can be asked: %s', async (_what, told) => {
    const ended = await paying(withoutQuery(notifying(true)), [told]);
    expect([ended.outcome, ended.sends.length]).toEqual(['unresolved', 1]);
  });
});

describe('after a loop that found out nothing', () => {
  it.each([
    ['of other money says nothing of what was sent', '999', 'unresolved'],
    ['of the same money tells how it ended', '100', 'succeeded'],
  ])('a notice %s', async (_what, amount, outcome) => {
    const { gateway, clock, sends } = await paying(notifying(), []);
    await notice(gateway, { ...paid, amount });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome });
    expect(sends.length).toBe(1);
  });
});

describe('the last moment before a byte leaves', () => {
  it('an abort when the ticket says that it is about to leave holds the send back', async () => {
    const controller = new AbortController();
    let stored = 0;
    const { gateway, clock, sends } = bench({ sends: [said('PAID')], policy });
    const settling = gateway.settle('payment.charge', charge, {
      signal: controller.signal,
      onTicket: () => {
        if (++stored === 2) controller.abort(new Error('left'));
      },
    });
    await expect(clock.run(settling)).rejects.toThrow('left');
    expect([stored, sends.length]).toEqual([2, 0]);
  });

  it('an abort in any turn around the signature sends nothing after it', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const controller = new AbortController();
      let sign: (() => void) | undefined;
      const headers = (): Promise<Record<string, string>> =>
        new Promise(resolve => (sign = () => resolve({ signature: 'yes' })));
      let isLate = false;
      const client = (fetch: Bench['fetch']): typeof ky =>
        ky.create({
          fetch: (request: unknown) => {
            isLate ||= controller.signal.aborted;
            return fetch(request as Request);
          },
        });
      const { gateway, clock } = bench({ adapter: { ...acme(), headers }, sends: [said('PAID')], policy, client });
      const settling = gateway.settle('payment.charge', charge, { signal: controller.signal }).catch(() => undefined);
      await clock.untilQuiet();
      sign?.();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      controller.abort(new Error('left'));
      await clock.run(settling);
      expect([turns, isLate]).toEqual([turns, false]);
    }
  });

  it('a newer ticket waits until the first one is stored', async () => {
    const stored: boolean[] = [];
    let atOnce = 0;
    let most = 0;
    const { gateway, clock } = bench({
      adapter: notifying(true),
      sends: [said('PAID')],
      polls: [state('paid')],
      policy,
    });
    const settling = gateway.settle('payment.charge', charge, {
      async onTicket({ seen }) {
        most = Math.max(most, ++atOnce);
        if (!seen) await new Promise<void>(resolve => clock.timer(5000, resolve));
        stored.push(seen);
        atOnce--;
      },
    });
    clock.timer(1000, () => void notice(gateway, paid));
    await clock.run(settling);
    await clock.untilQuiet();
    expect([most, stored.at(-1)]).toEqual([1, true]);
  });
});

describe('a second caller of what cannot be asked about', () => {
  it('has an open payment with its ticket when the first one aborts in the middle', async () => {
    const controller = new AbortController();
    const { gateway, clock, sends } = bench({ adapter: withoutQuery(acme()), sends: [hang], policy });
    const first = gateway.client.post('charge', { json: charge, signal: controller.signal }).catch(() => undefined);
    await clock.untilQuiet();
    const second = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    controller.abort(new Error('mine'));
    expect(await clock.run(second)).toMatchObject({ outcome: 'unresolved', ticket: { reference: { order: 'A1' } } });
    await clock.run(first);
    expect(sends.length).toBe(1);
  });
});
