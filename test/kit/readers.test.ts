import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asRecord, idOf, integerOf, textOf } from '../../src/kit/readers.ts';

describe('reading an answer’s fields', () => {
  const body = {
    code: '0000',
    number: 0,
    empty: '',
    big: 2 ** 53,
    half: 1.5,
    list: ['a'],
    nested: { code: 'x' },
    nothing: null,
  };

  it('textOf gives texts only: a number is no text', () => {
    expect(Object.keys(body).map(key => textOf(body, key))).toEqual([
      '0000',
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('idOf also takes a whole number as it would be written', () => {
    expect(Object.keys(body).map(key => idOf(body, key))).toEqual([
      '0000',
      '0',
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('integerOf gives whole numbers only: a text is no number', () => {
    expect(Object.keys(body).map(key => integerOf(body, key))).toEqual([
      undefined,
      0,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('asRecord gives objects only', () => {
    expect([body.nested, body.list, null, 'a', 7, undefined].map(asRecord)).toEqual([
      { code: 'x' },
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('none of them sees what is inherited, or throws', () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString', 'length'), fc.string()),
        (value, key) => {
          for (const read of [textOf, idOf, integerOf]) {
            const found = read(value, key);
            if (found !== undefined) expect(Object.hasOwn(value as object, key)).toBe(true);
          }
        },
      ),
    );
  });
});
