import { describe, expect, it } from 'vitest';
import { isInputError } from '../../src/core/errors.ts';
import { isWrite, operationOf } from '../../src/core/operation.ts';
import {
  defineAdapter,
  type Adapter,
  type AdapterDefinition,
  type EncodedSend,
  type SendContext,
} from '../../src/kit/adapter.ts';
import { text } from '../../src/kit/fields.ts';
import { pollRequired, succeeded } from '../../src/kit/rows.ts';

interface KioskFields {
  'payment.charge': { order: string };
  'payment.query': { order: string };
}

const charge = {
  path: '/charge',
  required: { order: text },
  codes: { OK: succeeded() },
  reference: ['order'],
  query: { operation: 'payment.query', fields: () => ({ order: 'A1' }) },
  sameReference: 'unknown',
} as const;

const query = {
  path: '/query',
  required: { order: text },
  codes: { paid: succeeded(), open: pollRequired('awaiting-payer') },
} as const;

const kiosk: AdapterDefinition<KioskFields> = {
  name: 'kiosk',
  account: 'shop-1',
  environment: 'sandbox',
  baseUrl: 'https://kiosk.test',
  encodings: ['json'],
  operations: { 'payment.charge': charge, 'payment.query': query },
  read: () => ({ names: [] }),
};

/** Defines an adapter as plain JavaScript would, which no compiler holds back. */
const define = (operations: object): Adapter<KioskFields> =>
  defineAdapter({ ...kiosk, operations: operations as typeof kiosk.operations });

const without = (operation: object, key: string): object =>
  Object.fromEntries(Object.entries(operation).filter(([name]) => name !== key));

describe('defineAdapter refuses', () => {
  it.each<[string, Partial<AdapterDefinition<KioskFields>>, RegExp]>([
    ['plain http in production', { environment: 'production', baseUrl: 'http://kiosk.test' }, /baseUrl must be https/],
    ['a base URL that is none', { baseUrl: 'kiosk.test' }, /baseUrl must be an http or https URL/],
    ['an account that no ticket could hold', { account: 'x'.repeat(257) }, /account/],
    ['no account', { account: '' }, /account/],
    ['version 0', { version: 0 }, /version must be a whole number of at least 1/],
    ['a broken version', { version: 1.5 }, /version must be/],
    ['a version that is a text', { version: '2' as unknown as number }, /version must be/],
    [
      'a secret that printing would show',
      { secret: 'sk-4711' as unknown as () => string },
      /^(?!.*4711).*secret must be a function/,
    ],
  ])('%s', (_what, change, why) => {
    expect(() => defineAdapter({ ...kiosk, ...change })).toThrow(why);
  });

  const askedBy = (operation: string): object => ({
    'payment.charge': { ...charge, query: { operation, fields: () => ({}) } },
    'payment.query': query,
  });
  const lookedUpBy = (operation: string): object => ({
    'payment.charge': { ...charge, lookUp: { operation, fields: () => ({}) } },
    'payment.query': query,
  });
  const isNoRead = /payment\.charge is asked about by payment\.charge, which is (?:not a read|a write)/;

  it.each<[string, object, RegExp]>([
    [
      'a write that does not say how a second send is treated',
      { 'payment.charge': without(charge, 'sameReference'), 'payment.query': query },
      /payment\.charge is a write and needs a reference and sameReference/,
    ],
    [
      'a write that nothing names',
      { 'payment.charge': without(charge, 'reference'), 'payment.query': query },
      /payment\.charge is a write and needs a reference/,
    ],
    [
      'a read that is not named like one',
      { 'payment.charge': charge, 'payment.query': query, 'payment.status': query },
      /payment\.status is a write and needs .*the name of a read ends in \.query or \.list/,
    ],
    [
      'a write that is named like a read',
      { 'payment.query': charge },
      /payment\.query is named like a read but declared as a write/,
    ],
    ['a list that is declared as a write', { 'payment.list': charge }, /payment\.list is named like a read/],
    [
      'a status query that is not an operation',
      { 'payment.charge': charge },
      /payment\.charge is asked about by payment\.query, which is not an operation/,
    ],
    ['a status query of an inherited name', askedBy('toString'), /asked about by toString, which is not an operation/],
    [
      'a look-up that is not an operation',
      lookedUpBy('payment.list'),
      /asked about by payment\.list, which is not an operation/,
    ],
    ['a status query that is a write: asking would send it', askedBy('payment.charge'), isNoRead],
    ['a look-up that is a write: looking would send it', lookedUpBy('payment.charge'), isNoRead],
    [
      'a storable field that it does not know, of which nobody can say what it holds',
      { 'payment.charge': { ...charge, storable: ['order', 'toString'] }, 'payment.query': query },
      /payment\.charge has storable fields that it does not know: toString\.$/,
    ],
  ])('%s', (_what, operations, message) => {
    const error = thrownBy(() => define(operations));
    expect(isInputError(error)).toBe(true);
    expect((error as Error).message).toMatch(/^defineAdapter\(kiosk\): /);
    expect((error as Error).message).toMatch(message);
  });
});

describe('defineAdapter gives', () => {
  const adapter = defineAdapter(kiosk);

  it('every operation its name and its effect', () => {
    expect(Object.values(adapter.operations).map(({ name, effect }) => [name, effect])).toEqual([
      ['payment.charge', 'write'],
      ['payment.query', 'read'],
    ]);
    expect(Object.values(adapter.operations).map(isWrite)).toEqual([true, false]);
  });

  it('a base URL without a trailing slash', () => {
    const baseUrlOf = (baseUrl: string): string => defineAdapter({ ...kiosk, baseUrl }).baseUrl;
    expect(['https://kiosk.test', 'https://kiosk.test/'].map(baseUrlOf)).toEqual([
      'https://kiosk.test',
      'https://kiosk.test',
    ]);
    expect(baseUrlOf('https://kiosk.test/v1//')).toBe('https://kiosk.test/v1');
  });

  it('harmless defaults: fields as they are, no headers, no policy, answers not verified, the provider’s own base URL', () => {
    const fields = { order: 'A1' };
    expect(adapter.body(fields, {} as SendContext)).toBe(fields);
    expect(adapter.headers({} as EncodedSend)).toEqual({});
    expect(adapter).toMatchObject({ policy: {}, ownBaseUrl: false, verify: undefined, webhook: undefined });
    expect(adapter).toMatchObject({ version: 1, secret: undefined });
  });

  it('what the definition gives', () => {
    const given = {
      ...kiosk,
      ownBaseUrl: true,
      policy: { retry: { attempts: 1 } },
      body: () => ({ signed: true }),
      headers: () => ({ a: 'b' }),
      verify: () => true,
      version: 2,
      secret: () => 'made-up',
    };
    const { ownBaseUrl, policy, body, headers, verify, name, account, environment, encodings, version, secret } =
      defineAdapter(given);
    const made = { ownBaseUrl, policy, body, headers, verify, name, account, environment, encodings, version, secret };
    expect(made).toMatchObject(
      Object.fromEntries(Object.entries(given).filter(([key]) => !['operations', 'read', 'baseUrl'].includes(key))),
    );
  });

  it('no storable field that is a secret of an answer', () => {
    const operations = { 'payment.charge': { ...charge, storable: ['order'] as const }, 'payment.query': query };
    expect(() => defineAdapter<KioskFields>({ ...kiosk, operations })).not.toThrow();
    expect(() => defineAdapter<KioskFields>({ ...kiosk, operations, answerSecrets: ['order'] })).toThrow(
      /payment\.charge would have stored what is secret in an answer: order\./,
    );
  });

  it('a value that stays as it is, whatever becomes of the definition', () => {
    const operations: { 'payment.charge': object; 'payment.query': object } = {
      'payment.charge': { ...charge },
      'payment.query': { ...query },
    };
    const made = define(operations);
    operations['payment.charge'] = {};
    expect(operationOf(made, 'payment.charge')).toMatchObject({ path: '/charge' });
    for (const part of [made, made.operations, made.operations['payment.charge']])
      expect(Object.isFrozen(part)).toBe(true);
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
