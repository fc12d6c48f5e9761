import { describe, expect, it } from 'vitest';
import type { Encoding, Fields, Operation } from '../../src/core/operation.ts';
import { encode, urlOf } from '../../src/engine/encode.ts';
import { without } from '../../src/kit/fields.ts';
import { defineAdapter, type Adapter } from '../../src/index.ts';

/** One operation of an invented gateway. */
function shop(
  path: string,
  more: { method?: 'GET'; encoding?: Encoding } = {},
  baseUrl = 'https://shop.test/api',
): [Adapter, Operation] {
  const adapter = defineAdapter<{ 'order.query': object }>({
    name: 'shop',
    account: 'shop-1',
    environment: 'sandbox',
    baseUrl,
    encodings: ['json'],
    operations: { 'order.query': { path, required: {}, codes: {}, ...more } },
    read: () => ({ names: [] }),
  });
  return [adapter, adapter.operations['order.query'] as Operation];
}

const written = (path: string, fields: Fields, encoding: Encoding = 'json', baseUrl?: string): unknown => {
  const { url, path: signed, body } = encode(...shop(path, {}, baseUrl), fields, encoding);
  // What is signed and what is sent are one.
  expect(new URL(url).href).toBe(url);
  expect(new URL(url).pathname + new URL(url).search).toBe(signed);
  return [signed, body];
};

describe('an address', () => {
  it.each<[string, string, Fields, string]>([
    ['without a slot', '/orders', {}, '/api/orders'],
    ['that needs escapes', '/my orders', {}, '/api/my%20orders'],
    ['with a query of its own', '/orders?api=1', {}, '/api/orders?api=1'],
    ['with a slot', '/orders/{id}/close', { id: 'A1' }, '/api/orders/A1/close'],
    ['with two slots', '/{shop}/orders/{id}', { id: 7, shop: 's' }, '/api/s/orders/7'],
    [
      'whose slot is filled with more than a segment',
      '/orders/{id}',
      { id: '../a?b#c/é' },
      '/api/orders/..%2Fa%3Fb%23c%2F%C3%A9',
    ],
    ['with a choice that nobody makes', '/{way:pay|retailPay}', {}, '/api/pay'],
    ['with a choice', '/{way:pay|retailPay}', { way: 'retailPay' }, '/api/retailPay'],
    ['with a slot and a query', '/orders/{id}?api=1', { id: 'A1' }, '/api/orders/A1?api=1'],
  ])('%s', (_title, path, fields, expected) => {
    expect(written(path, fields)).toEqual([expected, '{}']);
    const { pathname, search } = urlOf(...shop(path), fields);
    expect(pathname + search).toBe(expected);
  });

  it('is the same for every send, whatever another send’s fields were', () => {
    const [adapter, operation] = shop('/orders/{id}');
    const paths = ['A1', 'A2', 'A1'].map(id => encode(adapter, operation, { id }, 'json').path);
    expect(paths).toEqual(['/api/orders/A1', '/api/orders/A2', '/api/orders/A1']);
    const moved = { ...adapter, baseUrl: 'https://other.test' };
    expect(encode(moved, operation, { id: 'A1' }, 'json').url).toBe('https://other.test/orders/A1');
  });

  it.each<[string, Fields]>([
    ['nothing', {}],
    ['an empty text', { id: '' }],
    ['dots', { id: '..' }],
    ['an object', { id: {} }],
    ['half a character', { id: '\uD800' }],
    ['what only a prototype has', Object.create({ id: 'A1' }) as Fields],
  ])('with a slot is refused for %s', (_title, fields) => {
    expect(() => encode(...shop('/orders/{id}'), fields, 'json')).toThrow('shop order.query: id is part of the path');
    expect(() => urlOf(...shop('/orders/{id}'), fields)).toThrow('id is part of the path');
  });

  it('with a choice is refused for another one', () => {
    expect(() => encode(...shop('/{way:pay|retailPay}'), { way: 'other' }, 'json')).toThrow('way must be one of');
  });

  it('is given without its body, and with its query', () => {
    const fields = { id: 'A1', amount: 5, unsaid: undefined };
    expect(urlOf(...shop('/orders/{id}'), fields).href).toBe('https://shop.test/api/orders/A1');
    expect(urlOf(...shop('/orders/{id}', { method: 'GET' }), fields).href).toBe(
      'https://shop.test/api/orders/A1?amount=5',
    );
    // A field that a form cannot carry is nothing to an address.
    expect(urlOf(...shop('/orders/{id}', { encoding: 'form' }), { id: 'A1', list: [] }).pathname).toBe(
      '/api/orders/A1',
    );
  });
});

describe('fields', () => {
  const all = { text: "a b&c=é'*~", number: 1.5, flag: false, unsaid: undefined, id: 'A1' };

  it('in JSON are those that are said and not in the path', () => {
    expect(written('/orders/{id}', all)).toEqual([
      '/api/orders/A1',
      '{"text":"a b&c=é\'*~","number":1.5,"flag":false}',
    ]);
    expect(written('/orders', { nested: { a: [1] } })).toEqual(['/api/orders', '{"nested":{"a":[1]}}']);
  });

  it('in a form and in a query are written alike', () => {
    const form = 'text=a+b%26c%3D%C3%A9%27*%7E&number=1.5&flag=false';
    expect(written('/orders/{id}', all, 'form')).toEqual(['/api/orders/A1', form]);
    expect(written('/orders/{id}', all, 'query')).toEqual([`/api/orders/A1?${form}`, '']);
    expect(written('/orders/{id}?api=1', all, 'query')).toEqual([`/api/orders/A1?api=1&${form}`, '']);
    expect(written('/orders', {}, 'query')).toEqual(['/api/orders', '']);
  });

  it('that no form can carry are refused', () => {
    for (const value of [null, {}, [1], Symbol.iterator])
      expect(() => encode(...shop('/orders'), { value }, 'form')).toThrow('value cannot travel in a form');
  });

  it('named like an object’s own parts are fields like any other', () => {
    const fields = JSON.parse('{"__proto__":"x","constructor":"y","id":"A1"}') as Fields;
    expect(written('/orders/{id}', fields)).toEqual(['/api/orders/A1', '{"__proto__":"x","constructor":"y"}']);
    expect(written('/orders/{id}', fields, 'form')).toEqual(['/api/orders/A1', '__proto__=x&constructor=y']);
  });

  it('are left alone when some are left out', () => {
    const fields = { a: 1, b: 2 };
    expect(without(fields, ['b', 'c'])).toEqual({ a: 1 });
    expect(fields).toEqual({ a: 1, b: 2 });
  });
});
