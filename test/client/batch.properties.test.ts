import fc from 'fast-check';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { qfpay } from '../../src/adapters/qfpay/index.ts';
import { rowsOfOne } from '../../src/adapters/qfpay/read.ts';
import { judge } from '../../src/core/doctrine.ts';
import { createBatches } from '../../src/engine/batch.ts';
import { constant, createGateway, type Gateway } from '../../src/index.ts';
import type { Step as StepOf } from '../../src/engine/durable.ts';
import { manualClock } from '../../src/testing/index.ts';
import { acme, acmeBatch, states, type AcmeFields } from '../testing/acme.ts';

/**
 * Whatever one answer for many orders looks like: each order is understood as its own query would have been understood,
 * or it is asked about alone. Never more is believed.
 */

const ORDERS = ['A1', 'A2', 'A3', 'A4'];

interface Row {
  readonly order: string | undefined;
  readonly state: string;
  readonly amount?: number;
}

const rows: fc.Arbitrary<Row[]> = fc.array(
  fc.record(
    {
      order: fc.constantFrom<(string | undefined)[]>(...ORDERS, 'A9', 'a1', ' A1', undefined),
      state: fc.constantFrom(...Object.keys(states), 'never-heard'),
      amount: fc.constantFrom(5, 6),
    },
    { requiredKeys: ['order', 'state'] },
  ),
  { maxLength: 8 },
);

/** How the gateway answers the one request: whole, with more to come, not as a list, or not at all. */
type Manner = 'whole' | 'more' | 'unsaid' | 'refused' | 'busy' | 'html' | '503' | 'reset' | 'redirect';

const manner: fc.Arbitrary<Manner> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Manner>('whole') },
  fc.constantFrom<Manner[]>('more', 'unsaid', 'refused', 'busy', 'html', '503', 'reset', 'redirect'),
);

function batchAnswer(how: Manner, list: readonly Row[]): Response {
  switch (how) {
    case 'whole':
      return Response.json({ rows: list, more: false });
    case 'more':
      return Response.json({ rows: list, more: true });
    case 'unsaid':
      return Response.json({ rows: list });
    case 'refused':
      return Response.json({ code: 'REFUSED' }, { status: 400 });
    case 'busy':
      return Response.json({ code: 'BUSY' });
    case 'html':
      return new Response('<html>');
    case '503':
      return Response.json({ rows: list, more: false }, { status: 503 });
    case 'redirect':
      return Response.json({ rows: list, more: false }, { status: 302 });
    case 'reset':
      throw new TypeError('fetch failed');
  }
}

interface Heard {
  readonly verdict: string;
  readonly alone: boolean;
}

/** One step of each order, with or without the others. */
async function stepped(list: readonly Row[], how: Manner | undefined): Promise<Heard[]> {
  const clock = manualClock();
  const alone = new Set<string>();
  const fetch = async (request: Request): Promise<Response> => {
    const { order } = (await request.clone().json()) as { order: string };
    if (order.includes(',')) return batchAnswer(how ?? 'whole', list);
    alone.add(order);
    const own = list.filter(row => row.order === order);
    return Response.json(own.length === 0 ? { order, state: 'none' } : { rows: own });
  };
  const gateway: Gateway<AcmeFields> = createGateway<AcmeFields>({
    adapter: acme({ batch: acmeBatch }),
    client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
    clock,
    policy: { poll: { backoff: constant(1000), absentAfterMs: 1, batch: how !== undefined } },
  });
  await new Promise(resolve => void setTimeout(resolve, 1));
  const told = new Map<string, string>();
  const steps = ORDERS.map(order =>
    gateway.step(gateway.ticketFor('payment.create', { order, amount: 5 }), {
      onProgress(entry) {
        if (entry.type === 'status') told.set(order, JSON.stringify({ ...entry.verdict, status: entry.status }));
        if (entry.type === 'lost') told.set(order, entry.code);
      },
    }),
  );
  const ends = await clock.run(Promise.all(steps));
  return ORDERS.map((order, index) => ({
    verdict: JSON.stringify([told.get(order), summary(ends[index])]),
    alone: alone.has(order),
  }));
}

const summary = (step: StepOf | undefined): unknown =>
  step?.done === undefined
    ? [step?.open.ticket.seen, step?.open.ticket.reference, step?.open.state.notFounds]
    : [step.done.outcome, step.done.verdict, step.done.ticket.seen, step.done.reference, step.done.body];

describe('one answer for many orders', () => {
  it('is understood for each as its own query’s answer would be, or the order is asked about alone', async () => {
    expect(createBatches).toBeTypeOf('function');
    await fc.assert(
      fc.asyncProperty(rows, manner, async (list, how) => {
        const single = await stepped(list, undefined);
        const together = await stepped(list, how);
        // A row without an order may speak for the gateway as a whole.
        const isPlain = how === 'whole' && list.every(({ order }) => order !== undefined);
        together.forEach(({ verdict, alone }, index) => {
          const own = single[index]?.verdict ?? '';
          if (alone || isPlain) return expect(verdict).toBe(own);
          // Or nobody was told of any order: it is open as before.
          if (verdict !== own) expect(verdict).toMatch(/\[false,\{"order":"A\d"\},0\]\]$/);
        });
        // A gateway that answers nobody now is not asked by each of them.
        if (['busy', 'html', '503', 'reset'].includes(how)) expect(together.some(({ alone }) => alone)).toBe(false);
        else if (how === 'redirect') expect(new Set(together.map(({ alone }) => alone)).size).toBe(1);
        else if (how !== 'whole') expect(together.every(({ alone }) => alone)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

const adapter = qfpay({ appCode: 'APP0CODE', clientKey: 'client-key-0123456789', environment: 'sandbox' });

const qfpayRow = fc.record(
  {
    out_trade_no: fc.constantFrom<unknown[]>(...ORDERS, 'A9', 'a1', null, 7),
    syssn: fc.constantFrom('S1', 'S2', 'S3'),
    respcd: fc.constantFrom('0000', '1143', '1145', '1201', '1142', '1181', '9999'),
    order_type: fc.constantFrom('payment', 'refund', ''),
    cancel: fc.constantFrom('0', '1', '2', '3', '5'),
    txamt: fc.constantFrom('1000', 1000, '999'),
    txcurrcd: fc.constant('HKD'),
  },
  { requiredKeys: ['out_trade_no', 'respcd'] },
);

describe('QFPay’s answer to a list of numbers', () => {
  it('is for each number what its own query would have been answered, or says nothing of it', () => {
    const pages = fc.record({
      data: fc.array(qfpayRow, { maxLength: 14 }),
      page_size: fc.constantFrom<unknown[]>(100, '100', 10, undefined, 0, 'many'),
      page: fc.constantFrom<unknown[]>(1, '1', 2, undefined),
      respcd: fc.constantFrom('0000', '1108', '1100'),
    });
    const window = { start_time: '2026-11-01 00:00:00', end_time: '2026-11-30 00:00:00', page_size: 100 };
    fc.assert(
      fc.property(
        pages,
        fc.constantFrom(...ORDERS),
        fc.constantFrom('payment.query', 'refund.query'),
        (page, order, asked) => {
          const { data: all, ...envelope } = page;
          // A full page may have lost rows.
          const size = Number(page.page_size) > 0 ? Number(page.page_size) : 10;
          const body = { ...envelope, data: all.slice(0, size) };
          const own = { out_trade_no: order, ...window };
          const part = rowsOfOne(body, own, { ...window, out_trade_no: ORDERS.join(',') });
          if (part === undefined) return;
          const subject = { reference: { out_trade_no: order }, expect: { amount: '1000', currency: 'HKD' } };
          const judged = (found: unknown): unknown =>
            judge(adapter, { operation: asked, sent: own, status: 200, body: found }, subject);
          const single = {
            respcd: '0000',
            page: 1,
            page_size: 100,
            data: all.filter(row => row.out_trade_no === order),
          };
          expect(judged(part)).toEqual(judged(single));
          expect(JSON.stringify(part)).not.toMatch(new RegExp(ORDERS.filter(each => each !== order).join('|')));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
