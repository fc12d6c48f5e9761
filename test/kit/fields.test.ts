import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInputError } from '../../src/core/errors.ts';
import type { FieldCheck } from '../../src/core/operation.ts';
import { baseUrlOf, type Location } from '../../src/kit/address.ts';
import { checkFields, oneOf, record, text, textUpTo, whole } from '../../src/kit/fields.ts';
import { asRecord, idOf, integerOf, textOf } from '../../src/kit/readers.ts';

describe('what a field may be', () => {
  it.each<[string, FieldCheck, unknown[], unknown[]]>([
    ['a text', text, ['a', ' a ', '0'], ['', '   ', '\n', 0, null, undefined, [], {}, ['a']]],
    [
      'a whole number',
      whole,
      [0, 1, '0', '007', Number.MAX_SAFE_INTEGER],
      [-1, 1.5, Number.NaN, Infinity, 2 ** 53, '', ' 1', '-1', '1.5', '1e3', '0x1', '١', null, undefined, true, [1]],
    ],
    ['an object', record, [{}, { a: 1 }, Object.create(null)], [null, undefined, [], 'a', 1, () => 1]],
    ['a short text', textUpTo(3), ['a', 'abc'], ['', '   ', 'abcd', 1, undefined]],
    ['one of a list', oneOf('GET', 'POST'), ['GET', 'POST'], ['get', '', 'PUT', ['GET'], undefined]],
  ])('%s', (_what, check, accepted, refused) => {
    expect(accepted.filter((value) => !check.accepts(value))).toEqual([]);
    expect(refused.filter((value) => check.accepts(value))).toEqual([]);
  });

  it('is asked of anything without throwing', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        for (const check of [text, whole, record, textUpTo(5), oneOf('a', 'b')]) expect(check.accepts(value)).toBeTypeOf('boolean');
      }),
    );
  });

  it('says what it expects, so that “must be …” reads as a sentence', () => {
    expect([text, whole, record, textUpTo(3), oneOf('a', 'b')].map(({ expects }) => expects)).toEqual([
      'a non-empty text',
      'a whole number, 0 or more',
      'an object',
      'a non-empty text of at most 3 characters',
      'one of a, b',
    ]);
  });
});

describe('checkFields', () => {
  const checks = { order: text, amount: whole };
  const refusal = (fields: unknown, given: Readonly<Record<string, FieldCheck>> = checks): Error => thrownBy(() => checkFields('corner payment.charge', fields, given)) as Error;

  it('accepts what passes its checks, and whatever else is there', () => {
    expect(() => checkFields('corner', { order: 'A1', amount: 1, note: Symbol('any') }, checks)).not.toThrow();
    expect(() => checkFields('corner', {}, {})).not.toThrow();
  });

  it('names who asked, every field that is missing, and every one that is wrong', () => {
    const error = refusal({ amount: -1 });
    expect(isInputError(error)).toBe(true);
    expect(error.message).toBe('corner payment.charge: order is missing: it must be a non-empty text; amount must be a whole number, 0 or more.');
  });

  it.each([undefined, null, 'order=A1', 7, [], () => 1])('refuses %s for fields', (fields) => {
    expect(isInputError(refusal(fields))).toBe(true);
    expect(refusal(fields).message).toBe('corner payment.charge: pass the fields as an object.');
  });

  it('does not take what is inherited for a field', () => {
    expect(refusal(Object.create({ order: 'A1', amount: 1 })).message).toMatch(/order is missing.*amount is missing/);
    expect(refusal({}, { toString: text }).message).toMatch(/toString is missing/);
    expect(refusal(JSON.parse('{"__proto__":{"order":"A1","amount":1}}')).message).toMatch(/order is missing/);
  });

  it('quotes no value, since it may be secret', () => {
    const secret = 'sk_live_4242';
    expect(refusal({ order: { secret }, amount: secret }).message).not.toContain(secret);
  });
});

describe('baseUrlOf', () => {
  const known = { production: 'https://corner.example', sandbox: 'https://sandbox.corner.example' };
  const of = (location: unknown): ReturnType<typeof baseUrlOf> => baseUrlOf('corner', location as Location, known);

  it('is the provider’s own for the environment', () => {
    expect(of({ environment: 'production' })).toEqual({ baseUrl: known.production, ownBaseUrl: false, otherBaseUrls: { sandbox: known.sandbox } });
    expect(of({ environment: 'sandbox' })).toEqual({ baseUrl: known.sandbox, ownBaseUrl: false, otherBaseUrls: { production: known.production } });
  });

  it('is the user’s where he gives one', () => {
    for (const baseUrl of ['https://proxy.test/corner', 'http://127.0.0.1:8080']) expect(of({ environment: 'sandbox', baseUrl })).toEqual({ baseUrl, ownBaseUrl: true, otherBaseUrls: known });
  });

  it.each(['live', 'PRODUCTION', '', undefined, null, 'constructor', '__proto__'])('refuses %s for an environment', (environment) => {
    expect(thrownBy(() => of({ environment }))).toMatchObject({ name: 'InputError', message: "corner: environment must be 'production' or 'sandbox'." });
  });

  it.each([
    ['no URL', 'corner'],
    ['a relative one', '/corner'],
    ['nothing', ''],
    ['another protocol', 'ftp://corner.test'],
    ['a script', 'javascript:alert(1)'],
    ['a user', 'https://user@corner.test'],
    ['a password', 'https://:sk_live_4242@corner.test'],
    ['a query', 'https://corner.test?key=sk_live_4242'],
    ['a fragment', 'https://corner.test#sk_live_4242'],
    ['an empty query, which would swallow the path', 'https://corner.test/?'],
    ['an empty fragment, which would swallow the path', 'https://corner.test/#'],
    ['no text', 7],
    ['null', null],
  ])('refuses a base URL with %s, and does not quote it', (_what, baseUrl) => {
    const error = thrownBy(() => of({ environment: 'sandbox', baseUrl }));
    expect(isInputError(error)).toBe(true);
    expect((error as Error).message).toBe('corner: baseUrl must be an http or https URL without credentials, query or fragment.');
  });

  it('gives a base that a path can be put behind', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.webUrl(), fc.string()), (baseUrl) => {
        const refusal = thrownBy(() => of({ environment: 'sandbox', baseUrl }));
        if (refusal !== undefined) {
          expect(isInputError(refusal)).toBe(true);
          return;
        }
        const { baseUrl: found } = of({ environment: 'sandbox', baseUrl });
        expect(new URL(`${found.replace(/\/+$/, '')}/v1/pay`).pathname).toMatch(/\/v1\/pay$/);
      }),
    );
  });
});

describe('reading an answer’s fields', () => {
  const body = { code: '0000', number: 0, empty: '', big: 2 ** 53, half: 1.5, list: ['a'], nested: { code: 'x' }, nothing: null };

  it('textOf gives texts only: a number is no text', () => {
    expect(Object.keys(body).map((key) => textOf(body, key))).toEqual(['0000', undefined, undefined, undefined, undefined, undefined, undefined, undefined]);
  });

  it('idOf also takes a whole number as it would be written', () => {
    expect(Object.keys(body).map((key) => idOf(body, key))).toEqual(['0000', '0', undefined, undefined, undefined, undefined, undefined, undefined]);
  });

  it('integerOf gives whole numbers only: a text is no number', () => {
    expect(Object.keys(body).map((key) => integerOf(body, key))).toEqual([undefined, 0, undefined, undefined, undefined, undefined, undefined, undefined]);
  });

  it('asRecord gives objects only', () => {
    expect([body.nested, body.list, null, 'a', 7, undefined].map(asRecord)).toEqual([{ code: 'x' }, undefined, undefined, undefined, undefined, undefined]);
  });

  it('none of them sees what is inherited, or throws', () => {
    fc.assert(
      fc.property(fc.anything(), fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString', 'length'), fc.string()), (value, key) => {
        for (const read of [textOf, idOf, integerOf]) {
          const found = read(value, key);
          if (found !== undefined) expect(Object.hasOwn(value as object, key)).toBe(true);
        }
      }),
    );
  });
});

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
