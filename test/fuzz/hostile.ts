import fc from 'fast-check';

/** Names that mean something to every object, and values at the edge of what JSON and forms can carry. */
export const hostileNames = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'toJSON',
  'then',
  'length',
  'version',
  '0',
  '',
  ' ',
] as const;

/** Half a character, a direction mark, line ends, a null byte, and a lot of one letter. */
export const hostileTexts: readonly string[] = [
  '\uD800',
  '\u202E0000',
  '\r\nset-cookie: a=b',
  '\u0000',
  '0'.repeat(2000),
  '9'.repeat(400),
  '1e999',
  'NaN',
  '{"a":1}',
  '%00',
  '../..',
  '0x1',
  '１',
];

export const hostileNumbers: readonly number[] = [
  0,
  -0,
  1.5,
  -1,
  1e21,
  2 ** 53,
  2 ** 53 + 2,
  Number.MAX_VALUE,
  5e-324,
  1e300,
];

const SURROGATES = { first: 0xd800, count: 0x800 };
/** Any character. fast-check's own `binary` is the same, and builds a table of a million first. */
const character = fc.integer({ min: 0, max: 0x10ffff - SURROGATES.count }).map(
  index => String.fromCodePoint(index < SURROGATES.first ? index : index + SURROGATES.count),
  text => {
    const code = typeof text === 'string' ? text.codePointAt(0) : undefined;
    if (code === undefined || String.fromCodePoint(code) !== text) throw new TypeError('not one character');
    return code < SURROGATES.first ? code : code - SURROGATES.count;
  },
);

const leaf = fc.oneof(
  fc.constantFrom<unknown[]>(...hostileNames, ...hostileTexts, ...hostileNumbers, null, true, false),
  fc.string({ unit: character, maxLength: 30 }),
  fc.integer({ min: -10_000, max: 10_000 }),
);

/** As `JSON.parse` gives it: `__proto__` is a field like any other. */
const asParsed = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

const own = (pairs: readonly (readonly [string, unknown])[]): unknown => Object.fromEntries(pairs);

/** Any JSON, with a taste for what hurts. */
export const hostileJson: fc.Arbitrary<unknown> = fc
  .letrec(tie => ({
    any: fc.oneof({ maxDepth: 5, depthSize: 'small' }, leaf, tie('list'), tie('object')),
    list: fc.array(tie('any'), { maxLength: 5 }),
    object: fc
      .array(fc.tuple(fc.oneof(fc.constantFrom<string[]>(...hostileNames), fc.string({ maxLength: 8 })), tie('any')), {
        maxLength: 6,
      })
      .map(own),
  }))
  .any.map(asParsed);

/** Answers that use the provider's own field names, with anything under them. */
export function hostileBodies(keys: readonly string[]): fc.Arbitrary<unknown> {
  const name = fc.oneof(
    { arbitrary: fc.constantFrom(...keys), weight: 4 },
    { arbitrary: fc.constantFrom<string[]>(...hostileNames), weight: 1 },
  );
  const inner = fc.oneof(hostileJson, fc.array(fc.tuple(name, hostileJson), { maxLength: 8 }).map(own));
  const body = fc.array(fc.tuple(name, fc.oneof(inner, fc.array(inner, { maxLength: 4 }))), { maxLength: 12 }).map(own);
  return fc.oneof({ arbitrary: body.map(asParsed), weight: 6 }, { arbitrary: hostileJson, weight: 1 });
}

/** What the caller says was sent. */
export function hostileSent(keys: readonly string[]): fc.Arbitrary<Record<string, unknown>> {
  return fc.dictionary(fc.constantFrom(...keys, ...hostileNames), hostileJson, { maxKeys: 8 });
}

export const statuses: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(200, 201, 204, 302, 400, 401, 404, 409, 429, 500, 503),
  fc.integer({ min: 0, max: 999 }),
);
