import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTicketError } from '../../src/core/errors.ts';
import { parseTicket } from '../../src/core/parse-ticket.ts';
import type { Ticket } from '../../src/core/ticket.ts';

const ticket: Ticket = {
  version: 1,
  gateway: 'corner',
  account: 'shop-1',
  environment: 'sandbox',
  operation: 'payment.charge',
  reference: { order: 'A1', id: 'P9' },
  openedAt: '2026-11-01T08:00:00.000Z',
  seen: true,
  polls: 3,
};

const complete: Ticket = {
  ...ticket,
  baseUrl: 'https://corner.test/api',
  lastSentAt: '2026-11-01T08:01:00.000Z',
  expiresAt: '2026-11-01T08:15:00.000Z',
  charge: true,
  expect: { amount: '100', currency: 'EUR' },
};

/** What parsing throws, or `undefined` when it does not. */
function refusalOf(input: unknown): unknown {
  try {
    parseTicket(input);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a ticket', () => {
  it.each([
    ['with what every ticket has', ticket],
    ['with everything a ticket may have', complete],
    ['that expects an amount without a currency', { ...ticket, expect: { amount: '1' } }],
  ])('%s is read as it was written, from an object or from its JSON', (_what, given) => {
    expect(parseTicket(given)).toEqual(given);
    expect(parseTicket(JSON.stringify(given))).toEqual(given);
    expect(JSON.parse(JSON.stringify(parseTicket(given)))).toEqual(given);
  });

  it('is a copy: what is read later changes nothing of what was given, nor the other way round', () => {
    const given = structuredClone(complete);
    const read = parseTicket(given);
    read.reference['order'] = 'changed';
    if (read.expect !== undefined) read.expect.amount = 'changed';
    expect(given).toEqual(complete);
  });

  it('drops what it does not know, so that nothing secret travels along', () => {
    expect(parseTicket({ ...ticket, clientKey: 'secret', expect: { amount: '1', card: '4111' } })).toEqual({
      ...ticket,
      expect: { amount: '1' },
    });
  });

  it('names orders by whatever the provider calls them', () => {
    const reference = { constructor: 'A1', toString: 'B2', 'out-trade-no': 'C3' };
    expect(parseTicket(JSON.stringify({ ...ticket, reference })).reference).toEqual(reference);
  });
});

describe('what is no ticket is refused with a TicketError that says why', () => {
  const malformed: [string, unknown, RegExp][] = [
    ['nothing', undefined, /not an object/],
    ['null', null, /not an object/],
    ['a number', 7, /not an object/],
    ['a list', [ticket], /not an object/],
    ['an empty text', '', /not JSON/],
    ['a text that is not JSON', 'A1', /not JSON/],
    ['JSON of something else', '"A1"', /not an object/],
    ['an empty object', {}, /version is missing/],
    ['another version', { ...ticket, version: 2 }, /version is 2, known is 1/],
    ['a version that is a text', { ...ticket, version: '1' }, /version is missing/],
    ...(['gateway', 'account', 'environment', 'operation'] as const).flatMap((key): [string, unknown, RegExp][] => [
      [`no ${key}`, { ...ticket, [key]: undefined }, new RegExp(`${key} is missing`)],
      [`an empty ${key}`, { ...ticket, [key]: '' }, new RegExp(`${key} is missing`)],
      [`a ${key} that is no text`, { ...ticket, [key]: 7 }, new RegExp(`${key} is missing`)],
      [`a ${key} without end`, { ...ticket, [key]: 'x'.repeat(257) }, new RegExp(key)],
    ]),
    ['no reference', { ...ticket, reference: undefined }, /reference is missing/],
    ['a reference that is a text', { ...ticket, reference: 'A1' }, /reference is missing/],
    ['a reference that is null', { ...ticket, reference: null }, /reference is missing/],
    ['a reference that is a list', { ...ticket, reference: ['A1'] }, /reference is missing/],
    ['an empty reference', { ...ticket, reference: {} }, /reference is empty/],
    ['a reference with an empty number', { ...ticket, reference: { order: '' } }, /reference is not a text/],
    ['a reference with a number that is no text', { ...ticket, reference: { order: 7 } }, /reference is not a text/],
    ['a reference with a number without end', { ...ticket, reference: { order: 'x'.repeat(257) } }, /reference/],
    ['a reference with a name without end', { ...ticket, reference: { ['x'.repeat(10_000)]: 'A1' } }, /reference/],
    [
      'a reference with too many numbers',
      { ...ticket, reference: Object.fromEntries(Array.from({ length: 21 }, (_each, index) => [`n${index}`, 'A1'])) },
      /too large/,
    ],
    ['a reference that reaches for the prototype', JSON.stringify(ticket).replace('"id"', '"__proto__"'), /reference/],
    ['no time of opening', { ...ticket, openedAt: undefined }, /openedAt is not a time/],
    ...(['openedAt', 'lastSentAt', 'expiresAt'] as const).flatMap((key): [string, unknown, RegExp][] => [
      [`${key}: a word`, { ...ticket, [key]: 'yesterday' }, new RegExp(`${key} is not a time`)],
      [`${key}: a number`, { ...ticket, [key]: 1_793_520_000_000 }, new RegExp(`${key} is not a time`)],
      [
        `${key}: a digit, which Date.parse takes for a month`,
        { ...ticket, [key]: '5' },
        new RegExp(`${key} is not a time`),
      ],
      [`${key}: null`, { ...ticket, [key]: null }, new RegExp(`${key} is not a time`)],
    ]),
    ['seen that is neither true nor false', { ...ticket, seen: 'true' }, /seen/],
    ['no word on whether it was seen', { ...ticket, seen: undefined }, /seen/],
    ...[-1, 1.5, Number.NaN, Infinity, '3', 2 ** 53, undefined].map((polls): [string, unknown, RegExp] => [
      `polls: ${String(polls)}`,
      { ...ticket, polls },
      /polls is not a count/,
    ]),
    ['an empty base URL', { ...ticket, baseUrl: '' }, /baseUrl/],
    ['a base URL that is no text', { ...ticket, baseUrl: 7 }, /baseUrl/],
    ['a charge that is not true', { ...ticket, charge: 'yes' }, /charge/],
    ['an expectation without an amount', { ...ticket, expect: {} }, /expect has no amount/],
    ['an expectation that is null', { ...ticket, expect: null }, /expect has no amount/],
    ['an expectation that is a text', { ...ticket, expect: '100' }, /expect has no amount/],
    ['an amount that is a number', { ...ticket, expect: { amount: 100 } }, /expect has no amount/],
    ['a currency that is no text', { ...ticket, expect: { amount: '100', currency: 978 } }, /expect/],
    ['an inherited ticket', Object.create(ticket), /version is missing/],
  ];

  it.each(malformed)('%s', (_what, input, message) => {
    const error = refusalOf(input);
    expect(isTicketError(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toMatch(
      /^Not a ticket this version can use: .*Pass the ticket exactly as onTicket or a settlement gave it\.$/,
    );
  });

  it('and quotes nothing of what was given', () => {
    const secret = 'sk_live_4242';
    const changes = [{ version: secret }, { operation: [secret] }, { reference: { [secret]: 7 } }, { seen: secret }];
    for (const input of [secret, { secret }, ...changes.map(change => ({ ...ticket, ...change }))]) {
      expect((refusalOf(input) as Error).message).not.toContain(secret);
    }
  });
});

describe('whatever comes from an untrusted place', () => {
  const shortText = fc.string({ minLength: 1, maxLength: 256 });
  const numberName = fc.string({ minLength: 1, maxLength: 20 }).filter(name => name !== '__proto__');
  const reference = fc.dictionary(numberName, shortText, { minKeys: 1, maxKeys: 20 });
  const time = fc
    .date({ min: new Date(0), max: new Date('2999-12-31'), noInvalidDate: true })
    .map(date => date.toISOString());
  const tickets: fc.Arbitrary<Ticket> = fc.record(
    {
      version: fc.constant(1 as const),
      gateway: shortText,
      account: shortText,
      environment: shortText,
      baseUrl: fc.webUrl(),
      operation: shortText,
      reference,
      openedAt: time,
      lastSentAt: time,
      expiresAt: time,
      seen: fc.boolean(),
      polls: fc.nat(),
      charge: fc.constant(true as const),
      expect: fc.record(
        { amount: fc.string({ minLength: 1, maxLength: 30 }), currency: fc.string({ minLength: 1, maxLength: 3 }) },
        { requiredKeys: ['amount'] },
      ),
    },
    {
      requiredKeys: [
        'version',
        'gateway',
        'account',
        'environment',
        'operation',
        'reference',
        'openedAt',
        'seen',
        'polls',
      ],
    },
  );

  it('a ticket is read as it was written', () => {
    fc.assert(
      fc.property(tickets, given => {
        expect(parseTicket(JSON.stringify(given))).toEqual(parseTicket(given));
        expect(JSON.parse(JSON.stringify(parseTicket(given)))).toEqual(JSON.parse(JSON.stringify(given)));
      }),
    );
  });

  const hostileValue = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(
      'x'.repeat(100_000),
      Infinity,
      Number.NaN,
      Symbol('s'),
      10n,
      () => 1,
      new Date(0),
      new Map(),
    ),
  );
  const hostile = fc.oneof(
    fc.anything(),
    fc.string(),
    fc.json(),
    fc
      .tuple(tickets, fc.constantFrom(...Object.keys(complete)), hostileValue)
      .map(([given, key, value]) => ({ ...given, [key]: value })),
    fc.tuple(tickets, fc.dictionary(fc.string(), hostileValue)).map(([given, rest]) => ({ ...given, ...rest })),
    fc.tuple(tickets, fc.dictionary(fc.string(), hostileValue)).map(([given, bad]) => ({ ...given, reference: bad })),
  );

  it('it is a ticket, or a TicketError is thrown; a ticket is plain, complete, small, and reads the same again', () => {
    fc.assert(
      fc.property(hostile, given => {
        const refusal = refusalOf(given);
        if (refusal !== undefined) {
          expect(isTicketError(refusal)).toBe(true);
          return;
        }
        const read = parseTicket(given);
        expect(parseTicket(JSON.stringify(read))).toEqual(read);
        expect(JSON.stringify(read).length).toBeLessThan(50_000);
        expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
      }),
      { numRuns: 500 },
    );
  });

  it('a text without end inside a ticket does not get in', () => {
    const endless = 'x'.repeat(1_000_000);
    for (const change of [
      { baseUrl: endless },
      { expect: { amount: endless } },
      { expect: { amount: '1', currency: endless } },
    ]) {
      expect(isTicketError(refusalOf({ ...ticket, ...change })), Object.keys(change).join()).toBe(true);
    }
  });

  it.each<[string, string]>([
    ['a hundred thousand nested lists', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['a hundred thousand nested objects', '{"reference":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
    ['megabytes of text', `"${'x'.repeat(4_000_000)}"`],
    ['an object cut short', JSON.stringify(complete).slice(0, -1)],
    [
      'another prototype',
      '{"__proto__":{"version":1,"gateway":"corner","account":"a","environment":"sandbox","operation":"o","seen":true,"polls":0}}',
    ],
  ])('%s is refused like anything else', (_what, input) => {
    expect(isTicketError(refusalOf(input))).toBe(true);
  });

  it('never touches the prototype of objects', () => {
    refusalOf('{"version":1,"__proto__":{"polluted":true},"reference":{"__proto__":{"polluted":true}}}');
    parseTicket(JSON.stringify({ ...ticket, reference: { constructor: 'A1', prototype: 'B2' } }));
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('a ticket that somebody made large', () => {
  it('is read no further than a ticket goes, however many numbers it names', () => {
    let looks = 0;
    const names = Array.from({ length: 100_000 }, (_each, index) => `k${index}`);
    const reference = new Proxy(
      {},
      {
        ownKeys: () => names,
        getOwnPropertyDescriptor: () => (looks++, { value: 'A1', enumerable: true, configurable: true }),
        get: () => 'A1',
      },
    );
    expect(String(refusalOf({ ...ticket, reference }))).toMatch(/reference is too large/);
    expect(looks).toBeLessThan(100);
    expect(
      parseTicket({ ...ticket, reference: Object.fromEntries(names.slice(0, 20).map(name => [name, 'A1'])) }).reference,
    ).toHaveProperty('k19');
  });

  it('is not parsed at all when its text is longer than that of any ticket', () => {
    const references = Array.from({ length: 20 }, (_each, index): [string, string] => [
      `${String(index).padStart(2, '0')}${'\u0001'.repeat(254)}`,
      '\u0001'.repeat(256),
    ]);
    const largest = {
      ...complete,
      gateway: '\u0001'.repeat(256),
      account: '\u0001'.repeat(256),
      reference: Object.fromEntries(references),
    };
    expect(parseTicket(JSON.stringify(largest))).toEqual(largest);
    expect(String(refusalOf(`${JSON.stringify(ticket)}${' '.repeat(100_000)}`))).toMatch(/longer than any ticket/);
  });

  it('has a seal that is a text, or none', () => {
    expect(parseTicket({ ...ticket, seal: 'abc' }).seal).toBe('abc');
    for (const seal of ['', 7, null, 'x'.repeat(257)])
      expect(String(refusalOf({ ...ticket, seal }))).toMatch(/seal is not a text/);
  });
});
