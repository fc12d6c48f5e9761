import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInputError } from '../../src/core/errors.ts';
import type { FieldCheck } from '../../src/core/operation.ts';
import { checkFields, oneOf, record, text, textUpTo, whole } from '../../src/kit/fields.ts';

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
    expect(accepted.filter(value => !check.accepts(value))).toEqual([]);
    expect(refused.filter(value => check.accepts(value))).toEqual([]);
  });

  it('is asked of anything without throwing', () => {
    fc.assert(
      fc.property(fc.anything(), value => {
        for (const check of [text, whole, record, textUpTo(5), oneOf('a', 'b')])
          expect(check.accepts(value)).toBeTypeOf('boolean');
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
  const refusal = (fields: unknown, given: Readonly<Record<string, FieldCheck>> = checks): Error =>
    thrownBy(() => checkFields('corner payment.charge', fields, given)) as Error;

  it('accepts what passes its checks, and whatever else is there', () => {
    expect(() => checkFields('corner', { order: 'A1', amount: 1, note: Symbol('any') }, checks)).not.toThrow();
    expect(() => checkFields('corner', {}, {})).not.toThrow();
  });

  it('names who asked, every field that is missing, and every one that is wrong', () => {
    const error = refusal({ amount: -1 });
    expect(isInputError(error)).toBe(true);
    expect(error.message).toBe(
      'corner payment.charge: order is missing: it must be a non-empty text; amount must be a whole number, 0 or more.',
    );
  });

  it.each([undefined, null, 'order=A1', 7, [], () => 1])('refuses %s for fields', fields => {
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

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
