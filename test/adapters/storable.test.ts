import { describe, expect, it } from 'vitest';
import { ifortepay } from '../../src/adapters/ifortepay/index.ts';
import { qfpay } from '../../src/adapters/qfpay/index.ts';
import { rebell } from '../../src/adapters/rebell/index.ts';
import { uqpay } from '../../src/adapters/uqpay/index.ts';
import { zalopay } from '../../src/adapters/zalopay/index.ts';
import { isWrite } from '../../src/core/operation.ts';
import { kits } from '../fuzz/adapters.ts';
import { credentials as ofIfortepay } from '../samples/ifortepay.ts';
import { madeUp as ofRebell } from '../samples/rebell.ts';

/** What a journal may hold of a write, for as long as it likes. */

/** What a text of these may open, or whom it names. In any spelling, as a part of a longer name too. */
const never = [
  ...['auth_code', 'payment_code', 'pay_code', 'scanned', 'token', 'secret', 'password', 'passcode', 'pin_code', 'otp'],
  ...[
    'card',
    'cvc',
    'cvv',
    'expiry_month',
    'expiry_year',
    'security_code',
    'payment_method',
    'pay_option',
    'charge_token',
  ],
  ...['account_no', 'account_number', 'account_name', 'account_id', 'iban', 'bic', 'swift', 'routing', 'bank_account'],
  ...['phone', 'mobile', 'email', 'address', 'user', 'customer', 'payer', 'buyer', 'holder', 'name', 'identifier'],
  ...['identity', 'passport', 'birth', 'tax_id', 'open_id', 'ip_address', 'browser', 'device', 'udid'],
  // What may hold any of these.
  ...['metadata', 'additional_info', 'extend_info', 'embed_data', 'bill_details', 'item', 'payment_orders', 'note'],
];

/** The name of what is sold is no one's. */
const ofNobody: readonly string[] = ['goods_name'];

const joined = (name: string): string => name.toLowerCase().replaceAll(/[^a-z]/g, '');

const writesOf = ({ adapter }: (typeof kits)[number]) => Object.values(adapter.operations).filter(isWrite);

describe.each(kits)('what may be stored of $name’s writes', kit => {
  const fields = writesOf(kit).flatMap(({ name, storable = [] }) => storable.map(field => [name, field] as const));

  it('is nothing that opens a wallet, or that names its owner, in any spelling', () => {
    expect(fields.length).toBeGreaterThan(0);
    const found = fields.filter(
      ([, field]) => !ofNobody.includes(field) && never.some(each => joined(field).includes(joined(each))),
    );
    expect(found).toEqual([]);
  });

  it('is nothing secret of an answer, and no order as a whole', () => {
    const { answerSecrets } = kit.adapter;
    expect(fields.filter(([, field]) => field === 'order' || answerSecrets.includes(field))).toEqual([]);
  });

  it('are fields that the write knows', () => {
    const unknown = writesOf(kit).flatMap(({ name, required, optional = [], storable = [] }) =>
      storable
        .filter(field => !Object.hasOwn(required, field) && !optional.includes(field))
        .map(field => [name, field]),
    );
    expect(unknown).toEqual([]);
  });

  it('is all that the write needs, wherever it is anything', () => {
    const short = writesOf(kit)
      .filter(({ storable = [] }) => storable.length > 0)
      .flatMap(({ name, required, storable = [] }) =>
        Object.keys(required)
          .filter(field => !storable.includes(field))
          .map(field => [name, field]),
      );
    expect(short).toEqual([]);
  });
});

describe('the writes that can be prepared', () => {
  it.each([
    ['qfpay', ['payment.create', 'payment.reverse', 'payment.close', 'refund.create']],
    ['zalopay', ['payment.cancel', 'refund.create']],
    ['ifortepay', ['qris.cancel', 'va.create', 'debit.cancel']],
    ['rebell', ['payment.create', 'payment.cancel', 'payment.void', 'payment.capture', 'refund.create']],
    ['uqpay', ['payment.create', 'payment.capture', 'payment.cancel', 'refund.create', 'payout.create']],
  ])('of %s are orders, refunds, payouts, captures and cancels, and no charge', (name, expected) => {
    const kit = kits.find(each => each.name === name);
    const found = kit === undefined ? [] : writesOf(kit).filter(({ storable = [] }) => storable.length > 0);
    expect(found.map(write => write.name)).toEqual(expected);
  });

  it('are the only ones of all adapters', () => {
    expect(kits.map(({ name }) => name).sort()).toEqual(['ifortepay', 'qfpay', 'rebell', 'uqpay', 'zalopay']);
  });
});

describe('what only the merchant’s processes know', () => {
  const sandbox = { environment: 'sandbox' } as const;
  const otherKey = ofIfortepay.privateKey.replace('MII', 'MIJ');

  it.each<[string, { readonly secret: (() => string) | undefined }, { readonly secret: (() => string) | undefined }]>([
    [
      'qfpay',
      qfpay({ ...sandbox, appCode: 'SHOP', clientKey: 'made-up' }),
      qfpay({ ...sandbox, appCode: 'SHOP', clientKey: 'another' }),
    ],
    [
      'zalopay',
      zalopay({ ...sandbox, appId: 2553, key1: 'made-up', key2: 'made-up' }),
      zalopay({ ...sandbox, appId: 2553, key1: 'another', key2: 'made-up' }),
    ],
    ['ifortepay', ifortepay(ofIfortepay), ifortepay({ ...ofIfortepay, privateKey: otherKey })],
    ['rebell', rebell(ofRebell), rebell({ ...ofRebell, privateKey: otherKey })],
    [
      'uqpay',
      uqpay({ ...sandbox, clientId: 'made-up', apiKey: 'made-up' }),
      uqpay({ ...sandbox, clientId: 'made-up', apiKey: 'another' }),
    ],
  ])('is a credential of %s’s, and another one after it was changed', (_name, adapter, other) => {
    expect(adapter.secret?.().length).toBeGreaterThan(0);
    expect(adapter.secret?.()).toBe(adapter.secret?.());
    expect(other.secret?.()).not.toBe(adapter.secret?.());
  });

  it.each<[string, (privateKey: string) => { readonly secret: (() => string) | undefined }]>([
    ['iFortepay', privateKey => ifortepay({ ...ofIfortepay, privateKey })],
    ['Rebell', privateKey => rebell({ ...ofRebell, privateKey })],
  ])('is the same for the same key of %s’s, however its PEM is written', (_name, of) => {
    const pem = ofIfortepay.privateKey;
    const written = [pem, pem.replaceAll('\n', '\r\n'), pem.trim().replaceAll('\n', String.raw`\n`)];
    expect(new Set(written.map(each => of(each).secret?.())).size).toBe(1);
  });

  it.each(kits)('is given by $name as a function, which prints as one', ({ adapter, secrets }) => {
    expect(adapter.secret).toBeTypeOf('function');
    for (const secret of secrets) expect(String(adapter.secret)).not.toContain(secret);
  });
});

describe('the version of an adapter', () => {
  it.each(kits)('of $name is a positive whole number', ({ adapter }) => {
    expect(Number.isSafeInteger(adapter.version)).toBe(true);
    expect(adapter.version).toBeGreaterThan(0);
  });
});
