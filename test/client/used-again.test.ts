import { describe, expect, it } from 'vitest';
import { constant, type Adapter, type Settlement, type Ticket } from '../../src/index.ts';
import { declined, integerOf, textOf, type WriteOperation } from '../../src/kit/index.ts';
import { createProviderClock } from '../../src/engine/provider-clock.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, json, reset, said, type Bench, type Step } from '../testing/bench.ts';

const charge = { order: 'A1', amount: 100 };
const policy = { retry: { attempts: 1 }, poll: { backoff: constant(1000), deadlineMs: 10_000 } };
const start = Date.UTC(2026, 0, 1);

/** Acme whose rows say when they were made, and under whose numbers a payer may try again. */
function repeating({ repeats = true, lookUp = false, echoes = false } = {}): Adapter<AcmeFields> {
  const adapter = acme();
  const plain = adapter.operations['payment.charge'] as WriteOperation & { name: string; effect: 'write' };
  const { query, ...rest } = plain;
  const ask = query ?? { operation: 'payment.query' as const, fields: () => undefined };
  const found: typeof plain = lookUp
    ? {
        ...rest,
        query: {
          operation: 'payment.query',
          fields: ({ reference }: Ticket) => (reference['id'] === undefined ? undefined : { order: 'A1' }),
        },
        lookUp: ask,
      }
    : plain;
  const read: Adapter['read'] = exchange => {
    const rows: unknown[] = Array.isArray((exchange.body as { rows?: unknown }).rows)
      ? (exchange.body as { rows: unknown[] }).rows
      : [exchange.body];
    return rows.flatMap(body => {
      const one = adapter.read({ ...exchange, body });
      return (Array.isArray(one) ? one : [one]).map(
        (reading: object) =>
          ({ ...reading, madeAtMs: integerOf(body, 'madeAtMs'), echo: textOf(body, 'at') }) as ReturnType<
            typeof adapter.read
          > & { names: string[] },
      );
    });
  };
  return {
    ...adapter,
    read,
    operations: {
      ...adapter.operations,
      'payment.charge': {
        ...found,
        ...(repeats && { numberRepeats: () => true }),
        ...(echoes && { echo: ({ openedAt }: Ticket) => String(Date.parse(openedAt)) }),
      },
    },
  };
}

/** A clock that the gateway is ahead by, as every one of its answers says. */
const dated =
  (b: () => Bench, body: object, aheadMs = 0): Step =>
  () =>
    json(body, { headers: { date: new Date(b().clock.now() + aheadMs).toUTCString() } });

interface Row {
  state: string;
  madeAtMs?: number;
  id?: string;
  order?: string;
  amount?: string;
  at?: string;
}

/** A charge whose answer is lost, after which every query shows these rows. */
async function lost(
  rows: Row[],
  {
    aheadMs = 0,
    isDated = true,
    adapter = repeating(),
    first = reset(),
    ...more
  }: { aheadMs?: number; isDated?: boolean; adapter?: Adapter<AcmeFields>; first?: Step; settle?: object } = {},
): Promise<{ settlement: Settlement; b: Bench }> {
  const body = { rows: rows.map(row => ({ order: 'A1', amount: '100', ...row })) };
  const b: Bench = bench({
    adapter,
    sends: [first],
    polls: [isDated ? dated(() => b, body, aheadMs) : () => json(body)],
    policy,
  });
  return { settlement: await b.clock.run(b.gateway.settle('payment.charge', charge, more.settle)), b };
}

describe('a number that may have been used before, and a send without an answer', () => {
  const before = start - 60_000;
  const after = start + 2000;

  it.each([
    ['declined', 'declined'],
    ['failed', 'declined'],
    ['canceled', 'canceled'],
    ['expired', 'expired'],
    ['paid', 'conflict'],
  ])('an earlier try’s end (%s) is no word on this one, and no “not found” either: nothing is absent, and nothing sent again', async (state, reason) => {
    const absence = { absentAfterMs: 3000, resendWhenAbsent: true };
    const { settlement, b } = await lost([{ state, madeAtMs: before, id: 'OLD' }], {
      settle: { policy: { poll: absence } },
    });
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      verdict: { reason },
      ticket: { seen: false, repeats: true },
    });
    expect(settlement.reference.provider).toBeUndefined();
    expect(b.sends.length).toBe(1);
  });

  it('a row that repeats what only this send carried is ours, whatever its time says', async () => {
    const adapter = repeating({ echoes: true });
    for (const madeAtMs of [before, start]) {
      expect((await lost([{ state: 'declined', madeAtMs, at: String(start) }], { adapter })).settlement).toMatchObject({
        outcome: 'failed',
        settledBy: 'query',
      });
      expect(
        (await lost([{ state: 'declined', madeAtMs, at: String(start - 60_000) }], { adapter })).settlement,
      ).toMatchObject({ outcome: 'unresolved' });
    }
    expect(
      (await lost([{ state: 'paid', madeAtMs: before, at: String(start) }], { adapter })).settlement,
    ).toMatchObject({ outcome: 'succeeded' });
  });

  it('such a row is believed only when its own has had time to show: an earlier try of the same second carried the same', async () => {
    const row = { order: 'A1', amount: '100', at: String(start), madeAtMs: start };
    const old = { ...row, state: 'declined', id: 'OLD' };
    const b: Bench = bench({
      adapter: repeating({ echoes: true }),
      sends: [reset()],
      polls: [dated(() => b, { rows: [old] }), dated(() => b, { rows: [old, { ...row, state: 'paid', id: 'NEW' }] })],
      policy,
    });
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded' });
  });

  it.each([
    ['declined', 'failed'],
    ['canceled', 'canceled'],
    ['expired', 'expired'],
    ['paid', 'succeeded'],
  ])('an end that was made after our send (%s) is ours: %s', async (state, outcome) => {
    expect((await lost([{ state, madeAtMs: after, id: 'NEW' }])).settlement).toMatchObject({
      outcome,
      settledBy: 'query',
      reference: { provider: 'NEW' },
    });
  });

  it.each([
    'follows its ticket',
    'settles it again',
  ])('redelivered without its ticket, its row may be older than that run, and so it is for whoever %s', async who => {
    const b: Bench = bench({
      adapter: repeating(),
      polls: [
        dated(() => b, { rows: [] }),
        dated(() => b, { rows: [{ order: 'A1', amount: '100', state: 'paid', madeAtMs: before }] }),
      ],
      policy: { ...policy, poll: { ...policy.poll, deadlineMs: 0 } },
    });
    const { outcome, ticket } = await b.clock.run(
      b.gateway.settle('payment.charge', charge, { mayHaveBeenSent: true }),
    );
    expect([outcome, ticket.ageUnknown]).toEqual(['unresolved', true]);
    const go =
      who === 'follows its ticket'
        ? b.gateway.untilSettled(JSON.parse(JSON.stringify(ticket)) as Ticket)
        : b.gateway.settle('payment.charge', charge);
    expect(await b.clock.run(go)).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
  });

  it.each([
    -60_000, 60_000, 3_600_000,
  ])('a row of our own is not taken for an earlier try’s because somebody set the wall clock by %i ms meanwhile', async byMs => {
    const b: Bench = bench({
      adapter: repeating(),
      sends: [reset()],
      polls: [
        () =>
          json(
            { rows: [{ order: 'A1', amount: '100', state: 'pending', madeAtMs: after }] },
            { headers: { date: new Date(start + b.clock.monotonicMs()).toUTCString() } },
          ),
      ],
      policy: { ...policy, poll: { ...policy.poll, absentAfterMs: 5000 } },
    });
    b.clock.timer(500, () => b.clock.stepWall(byMs));
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      verdict: { reason: 'processing' },
      ticket: { seen: true },
    });
  });

  it('an earlier decline beside our own success does not hide it', async () => {
    expect(
      (
        await lost([
          { state: 'declined', madeAtMs: before },
          { state: 'paid', madeAtMs: after },
        ])
      ).settlement,
    ).toMatchObject({ outcome: 'succeeded' });
    expect(
      (
        await lost([
          { state: 'paid', madeAtMs: before },
          { state: 'declined', madeAtMs: after },
        ])
      ).settlement,
    ).toMatchObject({ outcome: 'failed' });
  });

  it.each([
    ['in the very second of our send', { madeAtMs: start }],
    ['at a time nobody tells', {}],
  ])('an end without the money that was made %s stays open with its reason; a success counts', async (_when, row) => {
    expect((await lost([{ state: 'declined', id: 'X', ...row }])).settlement).toMatchObject({
      outcome: 'unresolved',
      verdict: { kind: 'poll-required', reason: 'declined' },
      ticket: { seen: false, reference: { order: 'A1' } },
    });
    expect((await lost([{ state: 'paid', ...row }])).settlement).toMatchObject({ outcome: 'succeeded' });
  });

  it('the provider’s clock is the one that counts: an hour ahead or behind changes nothing', async () => {
    for (const aheadMs of [3_600_000, -3_600_000]) {
      expect((await lost([{ state: 'declined', madeAtMs: before + aheadMs }], { aheadMs })).settlement).toMatchObject({
        outcome: 'unresolved',
        verdict: { reason: 'declined' },
      });
      expect((await lost([{ state: 'declined', madeAtMs: after + aheadMs }], { aheadMs })).settlement).toMatchObject({
        outcome: 'failed',
      });
    }
  });

  it('where no answer says the time nothing is proven: a decline stays open, and a success counts', async () => {
    for (const madeAtMs of [before, after]) {
      expect((await lost([{ state: 'declined', madeAtMs }], { isDated: false })).settlement).toMatchObject({
        outcome: 'unresolved',
        verdict: { reason: 'declined' },
      });
      expect((await lost([{ state: 'paid', madeAtMs }], { isDated: false })).settlement).toMatchObject({
        outcome: 'succeeded',
      });
    }
  });

  describe('where the query tells one state of the order, the last try’s', () => {
    const adapter = repeating();
    const plain = adapter.operations['payment.charge'] as WriteOperation & { name: string; effect: 'write' };
    const whole: Adapter<AcmeFields> = {
      ...adapter,
      operations: {
        ...adapter.operations,
        'payment.charge': { ...plain, ...(plain.query && { query: { ...plain.query, endsWhenUnchangedForMs: 4000 } }) },
      },
    };
    const row =
      (state: string): Step =>
      () =>
        json({ rows: [{ order: 'A1', amount: '100', state }] });
    const settled = async (polls: Step[], of = whole): Promise<Settlement> => {
      const b = bench({ adapter: of, sends: [reset()], polls, policy });
      return b.clock.run(b.gateway.settle('payment.charge', charge));
    };

    it('an end that stands for so long after the order was seen open is this send’s', async () => {
      expect(await settled([row('pending'), row('declined')])).toMatchObject({
        outcome: 'failed',
        polls: 6,
        elapsedMs: 6000,
        verdict: { code: 'declined' },
      });
      expect(await settled([row('pending'), row('declined')], adapter)).toMatchObject({ outcome: 'unresolved' });
    });

    it('an end that was there from the first may be an earlier try’s, however long it stands', async () => {
      expect(await settled([row('declined')])).toMatchObject({ outcome: 'unresolved', ticket: { seen: false } });
      expect(await settled([row('none'), row('declined')])).toMatchObject({ outcome: 'unresolved' });
    });

    it('an end that a replica told late is none once the order is open again, or paid', async () => {
      const late = [row('pending'), row('declined'), row('declined'), row('declined')];
      expect(await settled([...late, row('pending'), row('declined'), row('declined'), row('paid')])).toMatchObject({
        outcome: 'succeeded',
      });
    });
  });

  it('the provider’s number of this send is proof enough', async () => {
    expect(
      (await lost([{ state: 'declined', id: 'P9' }], { first: said('PENDING', { id: 'P9' }) })).settlement,
    ).toMatchObject({ outcome: 'failed', settledBy: 'query' });
    expect(
      (await lost([{ state: 'declined', id: 'P8' }], { first: said('PENDING', { id: 'P9' }) })).settlement,
    ).toMatchObject({ outcome: 'unresolved', verdict: { reason: 'conflict' } });
  });

  it.each([
    ['before it', before, 'not-found'],
    ['in its second', start, 'declined'],
  ])('a notice of an end that was made %s ends nothing', async (_when, madeAtMs, reason) => {
    const adapter: Adapter<AcmeFields> = {
      ...repeating(),
      webhook: {
        codes: { declined: declined() },
        hear: () => ({
          verified: true,
          operation: 'payment.charge',
          names: ['declined'],
          reference: { order: 'A1', id: 'OLD' },
          madeAtMs,
        }),
        reply: () => ({ body: 'OK' }),
      },
    };
    const b: Bench = bench({
      adapter,
      sends: [reset()],
      polls: [
        dated(() => b, { state: 'none', order: 'A1' }),
        dated(() => b, { state: 'none', order: 'A1' }),
        dated(() => b, { state: 'paid', order: 'A1' }),
      ],
      policy,
    });
    b.clock.timer(
      1500,
      () =>
        void b.gateway
          .receive(new Request('https://shop.example/hooks', { method: 'POST', body: '{}' }))
          .then(({ verified }) => heard.push(verified)),
    );
    const heard: boolean[] = [];
    const settlement = await b.clock.run(b.gateway.settle('payment.charge', charge));
    expect([settlement.outcome, settlement.settledBy, heard]).toEqual(['succeeded', 'query', [true]]);
    const notices = settlement.timeline.flatMap(entry => (entry.type === 'notice' ? [entry.verdict.reason] : []));
    expect(notices).toEqual(reason === 'not-found' ? [] : [reason]);
  });

  it('a number that is used once needs no proof', async () => {
    expect((await lost([{ state: 'declined' }], { adapter: repeating({ repeats: false }) })).settlement).toMatchObject({
      outcome: 'failed',
    });
  });

  it('a new try under a number says so in its ticket, whoever follows it', async () => {
    const { settlement, b } = await lost([{ state: 'declined', madeAtMs: before }], {
      adapter: repeating({ repeats: false }),
      settle: { newTry: true },
    });
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      verdict: { reason: 'declined' },
      ticket: { repeats: true },
    });
    const stored = JSON.parse(JSON.stringify(settlement.ticket)) as Ticket;
    expect(await b.clock.run(b.gateway.untilSettled(stored))).toMatchObject({
      outcome: 'unresolved',
      verdict: { reason: 'declined' },
    });
  });
});

describe('a new try after a decline that was heard here', () => {
  /** The first is declined by its own answer, the answer of the second is lost, and every query shows these rows. */
  async function tried(
    rows: Row[],
    adapter: Adapter<AcmeFields>,
    first = said('DECLINED', { id: 'OLD' }),
  ): Promise<Settlement> {
    const b: Bench = bench({
      adapter,
      sends: [first, reset()],
      polls: [dated(() => b, { rows: rows.map(row => ({ order: 'A1', amount: '100', ...row })) })],
      policy,
    });
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'failed' });
    return b.clock.run(b.gateway.settle('payment.charge', charge, { newTry: true }));
  }

  it('is not ended by that decline, though its row is stamped later than the new send', async () => {
    expect(await tried([{ state: 'declined', id: 'OLD', madeAtMs: start + 5000 }], repeating())).toMatchObject({
      outcome: 'unresolved',
    });
    expect(await tried([{ state: 'declined', id: 'NEW', madeAtMs: start + 5000 }], repeating())).toMatchObject({
      outcome: 'failed',
    });
  });

  it('is told apart by what only it carried, though both were opened in the same second', async () => {
    const adapter = repeating({ echoes: true });
    expect(
      await tried([{ state: 'declined', madeAtMs: start, at: String(start) }], adapter, said('DECLINED')),
    ).toMatchObject({ outcome: 'unresolved' });
    expect(
      await tried([{ state: 'declined', madeAtMs: start, at: String(start + 1000) }], adapter, said('DECLINED')),
    ).toMatchObject({ outcome: 'failed' });
  });
});

describe('a write that is looked for in a list', () => {
  const adapter = repeating({ repeats: false, lookUp: true });

  it('is settled by the one row that names it and was made after it', async () => {
    expect(
      (
        await lost(
          [
            { state: 'paid', id: 'P9', madeAtMs: start },
            { state: 'paid', order: 'B2', id: 'P1' },
          ],
          { adapter },
        )
      ).settlement,
    ).toMatchObject({ outcome: 'succeeded', reference: { provider: 'P9' } });
  });

  it.each<[string, Row[], string]>([
    ['an older row', [{ state: 'paid', id: 'P1', madeAtMs: start - 60_000 }], 'unknown-outcome'],
    ['another order’s', [{ state: 'paid', id: 'P1', order: 'B2' }], 'unknown-outcome'],
    ['another amount', [{ state: 'paid', id: 'P1', amount: '7' }], 'conflict'],
    [
      'two rows',
      [
        { state: 'paid', id: 'P1', madeAtMs: start },
        { state: 'canceled', id: 'P2', madeAtMs: start },
      ],
      'conflict',
    ],
  ])('is not settled by %s, and learns no foreign number', async (_what, rows, reason) => {
    const { settlement } = await lost(rows, { adapter });
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      verdict: { reason },
      ticket: { reference: { order: 'A1' } },
    });
    expect(settlement.reference.provider).toBeUndefined();
  });
});

describe('the provider’s clock', () => {
  it('is known better with each answer, and anew when a clock was set', () => {
    let nowMs = start;
    const clock = createProviderClock(() => nowMs);
    const exchange = (tookMs: number, aheadMs: number): void => {
      const sent = clock.mark();
      nowMs += tookMs;
      clock.received(new Date(nowMs + aheadMs).toUTCString(), sent);
    };
    const first = clock.mark();
    expect(clock.at(first)).toBeUndefined();
    exchange(300, 5000);
    const widthOf = (): number => {
      const span = clock.at(first);
      return span === undefined ? NaN : span.toMs - span.fromMs;
    };
    expect(widthOf()).toBe(1299);
    for (let turn = 0; turn < 50; turn++) exchange(20 + turn, 5000);
    expect(widthOf()).toBeLessThan(200);
    const span = clock.at(first);
    expect(span !== undefined && span.fromMs <= first.atMs + 5000 && first.atMs + 5000 <= span.toMs).toBe(true);
    exchange(20, 65_000);
    expect(clock.at(first)).toBeUndefined();
    expect(clock.at(clock.mark())?.toMs).toBeGreaterThan(nowMs + 64_000);
    clock.received(null, clock.mark());
    clock.received('soon', clock.mark());
    expect(clock.at(clock.mark())).toBeDefined();
  });

  it('a moment is where both clocks allow it: one that was set, and one that stood still while the machine slept', () => {
    let [wallMs, steadyMs, trueMs] = [start, start, start];
    const pass = (ms: number, asleep = false): void =>
      void ([wallMs, steadyMs, trueMs] = [wallMs + ms, steadyMs + (asleep ? 0 : ms), trueMs + ms]);
    for (const upset of [() => (wallMs -= 60_000), () => (wallMs += 3_600_000), () => pass(3_600_000, true)]) {
      [wallMs, steadyMs, trueMs] = [start, start, start];
      const clock = createProviderClock(
        () => wallMs,
        () => steadyMs,
      );
      const first = clock.mark();
      const ticket = clock.markOf(wallMs);
      upset();
      const sent = clock.mark();
      pass(100);
      clock.received(new Date(trueMs).toUTCString(), sent);
      for (const moment of [first, ticket]) {
        const span = clock.at(moment);
        expect(span !== undefined && span.fromMs <= start && start <= span.toMs).toBe(true);
      }
    }
  });
});
