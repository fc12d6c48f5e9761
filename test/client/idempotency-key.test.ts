import { describe, expect, it } from 'vitest';
import { constant, isInputError, type Adapter } from '../../src/index.ts';
import { type EncodedSend, type WriteOperation } from '../../src/kit/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, refused, reset, said, state } from '../testing/bench.ts';

const charge = { order: 'A1', amount: 100 };
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 60_000 } };
const base = 'https://acme.test/api';

/** An acme that remembers keys, and says so in its description alone. */
function keyed(more: Partial<Adapter<AcmeFields>> = {}, header: string | null = 'X-Once'): Adapter<AcmeFields> {
  const adapter = acme({ sameReference: 'replays' });
  const operation = { ...adapter.operations['payment.charge'] } as WriteOperation & { name: string; effect: 'write' };
  const idempotencyKey = { rememberedForMs: 86_400_000, ...(header !== null && { header }) };
  return {
    ...adapter,
    operations: { ...adapter.operations, 'payment.charge': { ...operation, idempotencyKey } },
    ...more,
  };
}

describe('a declared idempotency key', () => {
  it('is on the wire with every send of the write, the same each time, and with no query', async () => {
    const { gateway, clock, sends, polls } = bench({
      adapter: keyed(),
      sends: [said('BUSY'), reset(), said('PAID')],
      polls: [state('paid')],
      policy: quick,
    });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    const key = settlement.ticket.reference['idempotencyKey'];
    expect(key).toMatch(/^[\da-f-]{36}$/);
    expect(sends.map(({ headers }) => headers.get('x-once'))).toEqual([key, key]);
    expect(polls.map(({ headers }) => headers.get('x-once'))).toEqual([null]);
  });

  it('is the caller’s own: by settle’s option, by the drop-in’s, or as the header he sends already', async () => {
    const { gateway, clock, sends } = bench({ adapter: keyed(), sends: [said('PAID')] });
    await clock.run(gateway.settle('payment.charge', charge, { idempotencyKey: 'one' }));
    await clock.run(
      gateway.client.post(`${base}/charge`, {
        json: { ...charge, order: 'A2' },
        context: { tillpaid: { idempotencyKey: 'two' } },
      }),
    );
    await clock.run(
      gateway.client.post(`${base}/charge`, { json: { ...charge, order: 'A3' }, headers: { 'x-once': 'three' } }),
    );
    expect(sends.map(({ headers }) => headers.get('x-once'))).toEqual(['one', 'two', 'three']);
  });

  const puts =
    (name: string, value: (key: string) => string) =>
    ({ idempotencyKey }: EncodedSend): Record<string, string> =>
      idempotencyKey === undefined ? {} : { [name]: value(idempotencyKey) };

  it('may be set by the adapter too, to the same value and whatever the case of its name; with another nothing is sent', async () => {
    const same = bench({ adapter: keyed({ headers: puts('x-ONCE', key => key) }), sends: [said('PAID')] });
    await same.clock.run(same.gateway.settle('payment.charge', charge, { idempotencyKey: 'one' }));
    expect(same.sends.map(({ headers }) => headers.get('x-once'))).toEqual(['one']);

    const other = bench({ adapter: keyed({ headers: puts('x-once', key => `${key}!`) }), sends: [said('PAID')] });
    const error: unknown = await other.clock.run(
      other.gateway.settle('payment.charge', charge).catch((thrown: unknown) => thrown),
    );
    expect(isInputError(error) && error.message).toBe(
      'acme payment.charge: the adapter’s headers name another X-Once than the send’s idempotency key.',
    );
    expect([other.sends.length, other.polls.length]).toEqual([0, 0]);
  });

  it.each([
    'ключ',
    'a\nb',
    ' a',
    'a ',
  ])('that a header would change or refuse (%j) is refused before anything is sent', async idempotencyKey => {
    const { gateway, clock, sends } = bench({ adapter: keyed(), sends: [said('PAID')] });
    const error: unknown = await clock.run(
      gateway.settle('payment.charge', charge, { idempotencyKey }).catch((thrown: unknown) => thrown),
    );
    expect(isInputError(error) && error.message).toMatch(/idempotencyKey/);
    expect(sends.length).toBe(0);
  });

  it('without a header of its own is the adapter’s to place', async () => {
    const headers = puts('x-mine', key => key);
    const { gateway, clock, sends } = bench({ adapter: keyed({ headers }, null), sends: [refused(), said('PAID')] });
    await clock.run(gateway.settle('payment.charge', charge, { idempotencyKey: 'one' }));
    expect(sends.map(sent => [sent.headers.get('x-mine'), sent.headers.get('x-once')])).toEqual([
      ['one', null],
      ['one', null],
    ]);
  });
});
