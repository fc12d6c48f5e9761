import { describe, expect, it } from 'vitest';
import { constant, defineAdapter, InputError, type Adapter } from '../../src/index.ts';
import { created, succeeded, text } from '../../src/kit/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, refused, reset, said, state } from '../testing/bench.ts';

const charge = { order: 'A1', amount: 100 };
const policy = { retry: { attempts: 3, backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 5000 } };

describe('extraFields', () => {
  it('go along with the fields, as given, in every send', async () => {
    const b = bench({ sends: [refused(), said('PAID')], policy });
    const extraFields = { terminal: 'T7', ammount: 7, nested: { list: [1] } };
    const settlement = await b.clock.run(b.gateway.settle('payment.charge', charge, { extraFields }));
    expect(settlement).toMatchObject({ outcome: 'succeeded', attempts: 2 });
    expect(b.sends.map(({ body }): unknown => JSON.parse(body))).toEqual(
      [1, 2].map(() => ({ ...charge, ...extraFields, signed: 'yes' })),
    );
  });

  it('are as they were when settle was called, whatever becomes of the object', async () => {
    const b = bench({ sends: [said('BUSY'), said('PAID')], policy });
    const extraFields = { tags: ['first'] };
    const settling = b.gateway.settle('payment.charge', charge, { extraFields });
    extraFields.tags.push('late');
    await b.clock.run(settling);
    expect(b.sends.map(({ body }) => body.includes('late'))).toEqual([false, false]);
  });

  it('are part of what makes two calls the same', async () => {
    const b = bench({ sends: [said('PAID')], policy });
    const settle = (terminal: string): Promise<unknown> =>
      b.clock.run(b.gateway.settle('payment.charge', charge, { extraFields: { terminal } }));
    await settle('T7');
    expect(await settle('T7')).toMatchObject({ repeated: true });
    await expect(settle('T8')).rejects.toMatchObject({ name: 'ReferenceInUseError' });
    await expect(b.clock.run(b.gateway.settle('payment.charge', charge))).rejects.toMatchObject({
      name: 'ReferenceInUseError',
    });
    expect(b.sends).toHaveLength(1);
  });

  it('are never in a ticket, an event or a timeline', async () => {
    const b = bench({ sends: [reset()], polls: [state('pending')], policy });
    const tickets: unknown[] = [];
    const { ticket, timeline } = await b.clock.run(
      b.gateway.settle('payment.charge', charge, {
        extraFields: { terminal: 'secret-terminal' },
        onTicket: each => tickets.push(each),
      }),
    );
    expect(JSON.stringify([ticket, tickets, timeline, b.events])).not.toContain('terminal');
  });

  it.each([
    ['a required field', { amount: 5 }],
    ['the number of the order', { order: 'B2' }],
  ])('%s is refused: it belongs with the fields', async (_title, extraFields) => {
    const b = bench({ sends: [said('PAID')] });
    const [name = ''] = Object.keys(extraFields);
    await expect(b.gateway.settle('payment.charge', charge, { extraFields })).rejects.toThrow(
      new InputError(`acme payment.charge knows the field "${name}": pass it with the fields, not in extraFields.`),
    );
    expect(b.sends).toEqual([]);
  });

  interface ShopFields {
    'payment.create': { order: string; note?: string; ours?: string; place?: 'a' | 'b' };
    'payment.query': { order: string };
  }
  const shop = (): Adapter<ShopFields> =>
    defineAdapter<ShopFields>({
      name: 'shop',
      account: 'shop-1',
      environment: 'sandbox',
      baseUrl: 'https://acme.test/api',
      encodings: ['json'],
      operations: {
        'payment.create': {
          path: '/{place:a|b}',
          required: { order: text },
          optional: ['note'],
          codes: { OK: created() },
          reference: ['order'],
          unsent: ['ours'],
          sameReference: 'unknown',
        },
        'payment.query': { path: '/query', required: { order: text }, codes: { paid: succeeded() } },
      },
      read: () => ({ names: ['OK'] }),
    });

  it.each([
    'note',
    'ours',
    'place',
  ])('an optional field, one that is never sent, and one of the path are refused too: %s', async name => {
    const b = bench({ sends: [said('OK')], adapter: shop() as unknown as Adapter<AcmeFields> });
    const settling = b.gateway.settle('payment.create', { ...charge }, { extraFields: { [name]: 'a' } });
    await expect(settling).rejects.toThrow(/pass it with the fields, not in extraFields/);
    expect(b.sends).toEqual([]);
  });

  it('a field that is given already is refused: which of the two is meant?', async () => {
    const b = bench({ sends: [said('PAID')] });
    const fields = { ...charge, terminal: 'T7' };
    await expect(b.gateway.settle('payment.charge', fields, { extraFields: { terminal: 'T8' } })).rejects.toThrow(
      'acme payment.charge: "terminal" is given twice, in the fields and in extraFields.',
    );
    expect(b.sends).toEqual([]);
  });

  it.each([
    ['a list', ['x']],
    ['a text', 'x'],
    ['null', null],
  ])('%s is no object of fields', async (_title, extraFields) => {
    const b = bench({ sends: [said('PAID')] });
    const settling = b.gateway.settle('payment.charge', charge, { extraFields } as never);
    await expect(settling).rejects.toThrow('acme settle: extraFields must be an object of fields.');
    expect(b.sends).toEqual([]);
  });

  it('are settle’s alone: a drop-in request says itself what it sends', async () => {
    const b = bench({ sends: [said('PAID')] });
    const context = { tillpaid: { extraFields: { terminal: 'T7' } } } as never;
    await expect(b.gateway.client.post('charge', { json: charge, context })).rejects.toThrow(
      /there is no option "extraFields"/,
    );
  });
});

describe('a variable with more fields than the adapter knows', () => {
  it('is sent as it is', async () => {
    const b = bench({ sends: [said('PAID')], adapter: acme() });
    const stored = { ...charge, terminal: 'T7' };
    await b.clock.run(b.gateway.settle('payment.charge', stored));
    expect(JSON.parse(b.sends[0]?.body ?? '')).toEqual({ ...stored, signed: 'yes' });
  });
});
