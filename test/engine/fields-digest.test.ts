import { describe, expect, it } from 'vitest';
import type { Operation } from '../../src/core/operation.ts';
import { fieldsDigest } from '../../src/engine/fields-digest.ts';

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
