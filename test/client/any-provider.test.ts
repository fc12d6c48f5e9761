import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { createGateway, defineAdapter, type Adapter, type AdapterDefinition, type Gateway } from '../../src/index.ts';
import { askBy, canceled, created, pollRequired, succeeded, text, textOf, whole } from '../../src/kit/index.ts';
import { manualClock, type ManualClock } from '../../src/testing/index.ts';

/**
 * What an adapter of somebody else's may need and none of ours does: every method, and fields that are not sent under
 * the names the shop gives them.
 */
interface DeskFields {
  'payment.create': { order: string; amount: number; note?: string };
  'payment.update': { order: string; amount: number };
  'payment.replace': { order: string; amount: number };
  'payment.cancel': { order: string };
  'payment.void': { order: string; why?: string };
  'payment.query': { order: string; row?: string };
}

const write = {
  codes: { made: created(), done: succeeded(), going: pollRequired('processing'), off: canceled() },
  reference: ['order'],
  query: askBy('payment.query', 'order'),
  sameReference: 'unknown',
} as const;

const desk = (more: Partial<AdapterDefinition<DeskFields>> = {}): Adapter<DeskFields> =>
  defineAdapter<DeskFields>({
    name: 'desk',
    account: 'shop-1',
    environment: 'sandbox',
    baseUrl: 'https://desk.test/v1',
    encodings: ['json'],
    operations: {
      // Its manual calls the number `ref`, and asks for no `order`.
      'payment.create': {
        ...write,
        path: '/payments',
        required: { order: text, amount: whole },
        optional: ['note'],
        unsent: ['order', 'note'],
      },
      'payment.update': {
        ...write,
        path: '/payments/{order}',
        method: 'PATCH',
        required: { order: text, amount: whole },
      },
      'payment.replace': {
        ...write,
        path: '/payments/{order}',
        method: 'PUT',
        required: { order: text, amount: whole },
      },
      'payment.cancel': {
        ...write,
        path: '/payments/{order}',
        method: 'DELETE',
        required: { order: text },
        follows: 'cancel',
      },
      'payment.void': {
        ...write,
        path: '/payments/{order}/void',
        method: 'DELETE',
        encoding: 'query',
        required: { order: text },
        optional: ['why'],
      },
      'payment.query': {
        path: '/payments/{order}',
        method: 'GET',
        required: { order: text },
        optional: ['row'],
        unsent: ['row'],
        codes: { done: succeeded(), open: pollRequired('awaiting-payer') },
        reference: { order: 'order' },
      },
    },
    read: ({ body }) => ({ names: [textOf(body, 'state') ?? ''] }),
    body: (fields, { operation, unsent }) =>
      operation === 'payment.create' ? { ...fields, ref: unsent['order'], order: 'put back' } : fields,
    headers: ({ method, path, body }) => ({ 'x-sign': `${method} ${path} ${body}` }),
    ...more,
  });

interface Seen {
  readonly request: string;
  readonly body: string;
  readonly signed: string | null;
}

function open(state = 'done', adapter = desk()): { gateway: Gateway<DeskFields>; clock: ManualClock; seen: Seen[] } {
  const clock = manualClock();
  const seen: Seen[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const body = await request.text();
    seen.push({ request: `${request.method} ${pathname}${search}`, body, signed: request.headers.get('x-sign') });
    return Response.json({ state });
  };
  return {
    gateway: createGateway({ adapter, client: ky.create({ fetch: fetch as typeof globalThis.fetch }), clock }),
    clock,
    seen,
  };
}

describe('a write by any method', () => {
  it.each([
    ['payment.update', { order: 'A1', amount: 5 }, 'PATCH /v1/payments/A1', '{"amount":5}'],
    ['payment.replace', { order: 'A1', amount: 5 }, 'PUT /v1/payments/A1', '{"amount":5}'],
    ['payment.cancel', { order: 'A1' }, 'DELETE /v1/payments/A1', '{}'],
    ['payment.void', { order: 'A1', why: 'late' }, 'DELETE /v1/payments/A1/void?why=late', ''],
  ] as const)('%s of settle is sent, signed and settled', async (name, fields, request, body) => {
    const { gateway, clock, seen } = open();
    const settlement = await clock.run(gateway.settle(name, fields as { order: string; amount: number }));
    expect(settlement.outcome).toBe('succeeded');
    expect(seen).toEqual([{ request, body, signed: `${request} ${body}`.trim() }]);
  });

  it.each([
    ['patch', 'payments/A1', { json: { amount: 5 } }, 'PATCH /v1/payments/A1', '{"amount":5}'],
    ['put', 'payments/A1', { json: { amount: 5 } }, 'PUT /v1/payments/A1', '{"amount":5}'],
    ['delete', 'payments/A1', {}, 'DELETE /v1/payments/A1', '{}'],
    ['delete', 'payments/A1/void', { searchParams: { why: 'late' } }, 'DELETE /v1/payments/A1/void?why=late', ''],
  ] as const)('%s %s of the drop-in is found, signed and followed', async (method, path, options, request, body) => {
    const { gateway, clock, seen } = open();
    expect(await clock.run(gateway.client[method](path, options).json())).toEqual({ state: 'done' });
    expect(seen).toEqual([{ request, body, signed: `${request} ${body}`.trim() }]);
  });

  it('is sent once, and asked about, when its answer leaves it open', async () => {
    const { gateway, clock, seen } = open('going');
    const settlement = await clock.run(gateway.settle('payment.update', { order: 'A1', amount: 5 }));
    expect(settlement.outcome).toBe('unresolved');
    expect(seen.filter(({ request }) => request.startsWith('PATCH'))).toHaveLength(1);
    expect(seen.filter(({ request }) => request.startsWith('GET')).length).toBeGreaterThan(1);
  });
});

describe('what is not sent under its own name', () => {
  it('may be sent under another, and never under its own, whatever body gives back', async () => {
    const { gateway, clock, seen } = open('made');
    const settlement = await clock.run(gateway.settle('payment.create', { order: 'A1', amount: 5, note: 'for us' }));
    expect(settlement).toMatchObject({ outcome: 'created', reference: { merchant: 'A1' } });
    expect(seen.map(({ body }) => body)).toEqual(['{"amount":5,"ref":"A1"}']);
    expect(seen[0]?.signed).toBe('POST /v1/payments {"amount":5,"ref":"A1"}');
  });

  it('is the same for a request of the drop-in', async () => {
    const { gateway, clock, seen } = open('made');
    await clock.run(gateway.client.post('payments', { json: { order: 'A1', amount: 5, note: 'for us' } }));
    expect(seen.map(({ body }) => body)).toEqual(['{"amount":5,"ref":"A1"}']);
  });

  it('tells two intentions apart all the same', async () => {
    const { gateway, clock } = open('going');
    const first = gateway.settle('payment.create', { order: 'A1', amount: 5, note: 'one' });
    const other = gateway.settle('payment.create', { order: 'A1', amount: 5, note: 'two' });
    const ends = await clock.run(Promise.allSettled([first, other]));
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('may be a query’s too: what only its reader needs is in no URL', async () => {
    const sent: unknown[] = [];
    const adapter = desk({
      read: ({ body, sent: asked }) => {
        sent.push(asked?.['row']);
        return { names: [textOf(body, 'state') ?? ''] };
      },
    });
    const { gateway, clock, seen } = open('open', adapter);
    await clock.run(gateway.client.get('payments/A1', { searchParams: { row: '7' } }));
    expect(seen[0]?.request).toBe('GET /v1/payments/A1');
    expect(sent).toContain('7');
  });
});
