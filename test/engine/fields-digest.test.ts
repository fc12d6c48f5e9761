import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isInputError } from '../../src/core/errors.ts';
import { operationOf, type Operation } from '../../src/core/operation.ts';
import { digestKey, fieldsDigest } from '../../src/engine/fields-digest.ts';
import { kits } from '../fuzz/adapters.ts';
import { acme } from '../testing/acme.ts';

const pay: Operation = {
  name: 'payment.charge',
  effect: 'write',
  path: '/payments/{kind:pay|retailPay}',
  required: {},
  codes: {},
  reference: ['order'],
  sameReference: 'unknown',
};
const digest = fieldsDigest({ perSend: ['sentAt'] });
const of = (fields: object): string => digest(pay, { ...fields });

describe('the digest of a write’s fields', () => {
  it.each<[string, object, object]>([
    ['in another order', { a: '1', b: { c: '2', d: '3' } }, { b: { d: '3', c: '2' }, a: '1' }],
    ['in another notation', { amount: '100.00', list: [1, '2.50'] }, { amount: 100, list: ['1.0', 2.5] }],
    ['with empty fields', { a: '1', b: undefined, c: null, d: '' }, { a: '1' }],
    ['sent at another time', { a: '1', sentAt: 'now' }, { a: '1', sentAt: 'then' }],
    ['with what stands in the path anyway', { a: '1', kind: 'pay' }, { a: '1' }],
    ['with nothing for what stands in the path anyway', { a: '1', kind: undefined }, { a: '1' }],
    ['with a date, or its text', { at: new Date(0) }, { at: new Date(0).toJSON() }],
  ])('is the same for equal fields %s', (_how, one, other) => {
    expect(of(one)).toBe(of(other));
  });

  it.each<[string, object, object]>([
    ['a name with a leading zero', { code: '0123' }, { code: '123' }],
    ['another path', { kind: 'retailPay' }, {}],
    ['nothing, and an empty list', { list: [] }, {}],
    ['a list in another order', { list: ['a', 'b'] }, { list: ['b', 'a'] }],
    ['true, and its name', { flag: true }, { flag: 'true' }],
    ['a field called __proto__', JSON.parse('{"__proto__":"1"}') as object, {}],
    ['what one field ends with and the next begins with', { a: '1","b:"2' }, { a: '1', b: '2' }],
  ])('tells apart %s', (_what, one, other) => {
    expect(digest(pay, one as Record<string, unknown>)).not.toBe(digest(pay, other as Record<string, unknown>));
  });

  it('is under a key of its own for each gateway object', () => {
    expect(fieldsDigest({ perSend: [] })(pay, { a: '1' })).not.toBe(fieldsDigest({ perSend: [] })(pay, { a: '1' }));
  });
});

describe('the digest under a key that processes share', () => {
  const salt = new Uint8Array(32).fill(7);
  const keyOf = (options: Parameters<typeof acme>[0] = {}, change: object = {}, of = salt) =>
    digestKey({ ...acme(options), ...change }, of);

  it('is the same on every process, whatever the order and the spelling of the fields, and sent whenever', () => {
    const processes = [keyOf(), keyOf(), keyOf({}, {}, Uint8Array.from(salt))];
    const fields = [
      { order: 'A1', amount: '100.00', at: { b: 1, a: '2.50' }, sentAt: 'now' },
      { at: { a: 2.5, b: '1.0' }, sentAt: 'then', amount: 100, order: 'A1', note: '' },
    ];
    const digests = processes.flatMap(({ key }) =>
      fields.map(each => fieldsDigest({ perSend: ['sentAt'] }, key)(pay, each)),
    );
    expect(new Set(digests).size).toBe(1);
    expect(new Set(processes.map(({ keyId }) => keyId)).size).toBe(1);
  });

  it('is the same in every release: rows of an older one are compared with it', () => {
    expect(keyOf()).toEqual({ key: 'KPCuwEGcWsjRGRNN8Twreos9k4uRHB0YuwXo0CNVNHg=', keyId: '8OMH8qZz' });
    expect(keyOf({ secret: null })).toEqual({ key: 'Cm8oRr1GehrF89+xQZHy/pezSoBd7+PJbr0hclaJFtU=', keyId: 'oziQY7Yu' });
    const { key } = keyOf();
    expect(fieldsDigest({ perSend: [] }, key)(pay, { order: 'A1', amount: '12.50', list: [{ a: 1 }] })).toBe(
      'EGp0QG0TaxiFAG2eqHlZrg==',
    );
    expect(fieldsDigest({ perSend: [] }, salt)(pay, { order: 'A1' })).toBe('IZM5IFvAn6SdvVgrcO0M7w==');
  });

  it.each<[string, ReturnType<typeof keyOf>]>([
    ['account', keyOf({}, { account: 'shop-2' })],
    ['gateway', keyOf({}, { name: 'acme-2' })],
    ['environment', keyOf({}, { environment: 'production' })],
    ['secret', keyOf({ secret: 'rotated' })],
    ['no secret', keyOf({ secret: null })],
    ['salt', keyOf({}, {}, new Uint8Array(32).fill(8))],
    ['salt of another length', keyOf({}, {}, new Uint8Array(33).fill(7))],
  ])('is another one, of another key, with another %s', (_what, other) => {
    const of = (key: string): string => fieldsDigest({ perSend: [] }, key)(pay, { order: 'A1' });
    expect(of(other.key)).not.toBe(of(keyOf().key));
    expect(other.keyId).not.toBe(keyOf().keyId);
  });

  it('tells nothing of the secret or the salt, and names its key in 8 characters that are not of the key', () => {
    const secret = 'made-up-secret-4711';
    const bytes = Uint8Array.from({ length: 32 }, (_, at) => 65 + at);
    const { key, keyId } = digestKey(acme({ secret }), bytes);
    const texts = [bytes, new TextEncoder().encode(secret)].map(each => Buffer.from(each));
    const told = [key, Buffer.from(key, 'base64').toString('latin1'), keyId, inspect({ key, keyId })].join('\n');
    for (const text of texts) {
      for (const encoding of ['latin1', 'hex', 'base64', 'base64url'] as const)
        expect(told).not.toContain(text.toString(encoding).slice(0, 12));
    }
    expect(keyId).toMatch(/^[\w-]{8}$/);
    expect(key).not.toContain(keyId);
  });

  it.each(kits)('can be made of $name, by what its factory was given', ({ adapter, operations, complete, secrets }) => {
    const { key, keyId } = digestKey(adapter, salt);
    const digest = fieldsDigest(adapter, key);
    for (const name of operations) {
      const text = digest(operationOf(adapter, name), { ...complete[name] });
      expect(text).toMatch(/^[\w+/]{22}==$/);
      expect(text).toBe(fieldsDigest(adapter, key)(operationOf(adapter, name), structuredCloneOf(complete, name)));
    }
    for (const secret of secrets) expect(key + keyId).not.toContain(secret);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['a secret that is empty', () => keyOf({ secret: '' }), /^acme: the adapter's secret\(\) must give a text/],
    [
      'a secret that is no text',
      () => keyOf({}, { secret: () => 4711 as unknown as string }),
      /^(?!.*4711)acme: the adapter's secret\(\) must give a text/,
    ],
    ['a salt that anybody could guess', () => keyOf({}, {}, new Uint8Array(0)), /^acme: salt\(\) of the journal/],
  ])('is refused for %s', (_what, make, why) => {
    const error = thrownBy(make);
    expect(isInputError(error)).toBe(true);
    expect((error as Error).message).toMatch(why);
  });
});

const structuredCloneOf = (complete: object, name: string): Record<string, unknown> =>
  JSON.parse(JSON.stringify(Reflect.get(complete, name))) as Record<string, unknown>;

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return expect.unreachable('it was taken');
}
