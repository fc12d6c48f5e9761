import { createHash } from 'node:crypto';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { qfpay, type QfpayCredentials } from '../../src/adapters/qfpay/index.ts';
import { readRefund, readRows } from '../../src/adapters/qfpay/read.ts';
import { digest, sign } from '../../src/adapters/qfpay/sign.ts';
import { qfpayVoice, refusedRefund } from '../../src/adapters/qfpay/simulator.ts';
import { createGateway } from '../../src/client/create-gateway.ts';
import type { Row } from '../../src/core/code-table.ts';
import { judge } from '../../src/core/doctrine.ts';
import { isWrite, operationOf, type Fields } from '../../src/core/operation.ts';
// Loads in real time, which no manual clock waits for: here it is there from the start.
import '../../src/engine/batch.ts';
import { encode, encodingOf } from '../../src/engine/encode.ts';
import { openTicket, writeOf } from '../../src/engine/open-ticket.ts';
import type { Adapter, SendContext } from '../../src/kit/adapter.ts';
import { longest } from '../testing/bench.ts';
import {
  always,
  lives,
  manualClock,
  simulateGateway,
  type Fault,
  type Heard,
  type Refusal,
  type Script,
  type SimulatorOptions,
} from '../../src/testing/index.ts';

const credentials: QfpayCredentials = {
  appCode: 'APP0CODE',
  clientKey: 'client-key-0123456789',
  environment: 'sandbox',
};
const adapter = qfpay(credentials);

/** The last minute of November in Hong Kong. */
const openedAtMs = Date.parse('2026-11-30T15:59:30Z');

const order = { txamt: 1000, txcurrcd: 'HKD', pay_type: '800201', out_trade_no: 'ORDER-1' };
const scanned = { ...order, pay_type: '800108', auth_code: '134857901234588557' };
const refund = { txamt: 400, out_trade_no: 'REFUND-1', syssn: '20261130000100020001662134' };

const context = (operation: string, rest: Partial<SendContext> = {}): SendContext => ({
  operation,
  nowMs: openedAtMs,
  openedAtMs,
  sendId: '000000000000000001',
  unsent: {},
  reauthenticate: false,
  memory: new Map(),
  fetch: () => Promise.reject(new Error('nothing is fetched')),
  signal: new AbortController().signal,
  ...rest,
});

const ticketOf = (of: Adapter, operation: string, fields: Fields) =>
  openTicket(of, writeOf(of, operation), fields, openedAtMs, 'all');

const queryOf = (
  of: Adapter,
  operation: string,
  reference: Record<string, string>,
  nowMs: number,
): Fields | undefined => {
  const write = operationOf(of, operation);
  if (!isWrite(write)) throw new Error('not a write');
  const ticket = { ...ticketOf(adapter, 'payment.create', order), reference };
  return write.query?.fields(ticket, nowMs);
};

/** A send as the gate makes it. */
async function wire(of: Adapter, name: string, fields: Fields, rest: Partial<SendContext> = {}) {
  const operation = operationOf(of, name);
  const complete = of.body(fields, context(name, rest));
  const { method, url, path, body } = encode(of, operation, complete, encodingOf(of, operation));
  const headers = await of.headers({
    ...context(name, rest),
    method,
    path,
    fields: complete,
    body,
  });
  return { method, url: new URL(url), body, headers };
}

describe('signing', () => {
  it('hashes the sample of the manual, parameters first and the key right behind them', () => {
    const parameters = new URLSearchParams({ txcurrcd: 'HKD', txamt: '100', mchid: 'ZaMVg12345' });
    const text = 'mchid=ZaMVg12345&txamt=100&txcurrcd=HKDabcd1234';
    expect(sign(parameters, 'abcd1234', 'MD5')).toBe(createHash('md5').update(text).digest('hex').toUpperCase());
    expect(sign(parameters, 'abcd1234', 'SHA256')).toBe(createHash('sha256').update(text).digest('hex').toUpperCase());
  });

  it("gives the signature of QFPay's published answer", () => {
    const body =
      '{"pay_type": "800108", "sysdtm": "2018-01-12 19:31:16", "cardcd": "2088802362210279", "txdtm": "2018-01-12 19:31:22", ' +
      '"resperr": "\\u4ea4\\u6613\\u6210\\u529f", "txcurrcd": "CNY", "txamt": "1", "respmsg": "", "out_trade_no": "130145934788787530052", ' +
      '"syssn": "20180112000100020001662134", "respcd": "0000"}';
    expect(digest('MD5', body + '615ED178BA524459976CE40FAB78000F')).toBe('1E2CE7C2A7F8F581C354A857182B7A31');
  });

  it('leaves empty parameters out, and signs raw UTF-8', () => {
    const parameters = new URLSearchParams({ goods_name: '奶茶 & co', udid: '', txamt: '1' });
    const text = 'goods_name=奶茶 & co&txamt=1key';
    expect(sign(parameters, 'key', 'SHA256')).toBe(
      createHash('sha256').update(text, 'utf8').digest('hex').toUpperCase(),
    );
  });

  it('sorts names by ASCII, upper case first', () => {
    expect(sign(new URLSearchParams({ b: '1', a_b: '2', B: '3', ab: '4' }), 'k', 'MD5')).toBe(
      digest('MD5', 'B=3&a_b=2&ab=4&b=1k'),
    );
  });
});

describe('what goes over the wire', () => {
  it('is a form whose every field is signed as it travels', async () => {
    const { method, url, body, headers } = await wire(adapter, 'payment.create', {
      ...order,
      goods_name: 'tea + milk 奶茶',
    });
    const sent = new URLSearchParams(body);
    expect([method, url.href]).toEqual(['POST', 'https://openapi-int.qfapi.com/trade/v1/payment']);
    expect(Object.fromEntries(sent)).toEqual({
      ...order,
      txamt: '1000',
      goods_name: 'tea + milk 奶茶',
      txdtm: '2026-11-30 23:59:30',
    });
    expect(headers).toEqual({
      'X-QF-APPCODE': 'APP0CODE',
      'X-QF-SIGN': sign(sent, credentials.clientKey, 'SHA256'),
      'X-QF-SIGNTYPE': 'SHA256',
    });
  });

  it('keeps its time on every send, and a time the caller gave', async () => {
    const later = await wire(adapter, 'payment.create', order, { nowMs: openedAtMs + 90_000 });
    expect(new URLSearchParams(later.body).get('txdtm')).toBe('2026-11-30 23:59:30');
    const own = await wire(adapter, 'refund.create', { ...refund, txdtm: '2026-11-30 12:00:00' });
    expect(new URLSearchParams(own.body).get('txdtm')).toBe('2026-11-30 12:00:00');
  });

  it('sends no empty field: QFPay leaves it out of the signature', async () => {
    const { body } = await wire(adapter, 'payment.create', {
      ...order,
      udid: '',
      goods_name: null,
      limit_pay: undefined,
    });
    expect([...new URLSearchParams(body).keys()].sort()).toEqual([
      'out_trade_no',
      'pay_type',
      'txamt',
      'txcurrcd',
      'txdtm',
    ]);
  });

  it('gives a query no transaction time', async () => {
    expect((await wire(adapter, 'payment.query', { out_trade_no: 'ORDER-1' })).body).toBe('out_trade_no=ORDER-1');
  });

  it('carries an issued mchid with every request, and none where none was issued', async () => {
    const issued = qfpay({ ...credentials, mchid: 'ZaMVg12345' });
    for (const name of Object.keys(issued.operations)) {
      expect(new URLSearchParams((await wire(issued, name, { out_trade_no: 'ORDER-1' })).body).get('mchid'), name).toBe(
        'ZaMVg12345',
      );
      expect(
        new URLSearchParams((await wire(adapter, name, { out_trade_no: 'ORDER-1' })).body).has('mchid'),
        name,
      ).toBe(false);
    }
  });

  it('refuses fields that name another mchid: their status could not be asked through this adapter', () => {
    const issued = qfpay({ ...credentials, mchid: 'ZaMVg12345' });
    expect(() => issued.body({ ...order, mchid: 'another' }, context('payment.create'))).toThrow(
      /mchid belongs to the adapter/,
    );
    expect(() => adapter.body({ ...order, mchid: 'another' }, context('payment.create'))).toThrow(
      /mchid belongs to the adapter/,
    );
    expect(issued.body({ ...order, mchid: 'ZaMVg12345' }, context('payment.create'))).toMatchObject({
      mchid: 'ZaMVg12345',
    });
    expect(adapter.body({ ...order, mchid: '' }, context('payment.create'))).toMatchObject(order);
  });

  it('can close by GET, signed all the same', async () => {
    const getting = qfpay({ ...credentials, methods: { 'payment.close': 'GET' } });
    const { method, url, body, headers } = await wire(getting, 'payment.close', {
      out_trade_no: 'ORDER-1',
      txamt: 1000,
    });
    expect([method, url.pathname, body]).toEqual(['GET', '/trade/v1/close', '']);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      out_trade_no: 'ORDER-1',
      txamt: '1000',
      txdtm: '2026-11-30 23:59:30',
    });
    expect(headers['X-QF-SIGN']).toBe(sign(url.searchParams, credentials.clientKey, 'SHA256'));
    expect((await wire(getting, 'payment.reverse', { out_trade_no: 'ORDER-1', txamt: 1000 })).method).toBe('POST');
  });

  it('signs with MD5 where asked to', async () => {
    const { body, headers } = await wire(qfpay({ ...credentials, signType: 'MD5' }), 'payment.create', order);
    expect(headers).toMatchObject({
      'X-QF-SIGNTYPE': 'MD5',
      'X-QF-SIGN': sign(new URLSearchParams(body), credentials.clientKey, 'MD5'),
    });
  });
});

describe('a ticket', () => {
  it('is bound to the app code, and to the mchid where one was issued', () => {
    expect(ticketOf(adapter, 'payment.create', order).account).toBe('APP0CODE');
    expect(ticketOf(qfpay({ ...credentials, mchid: 'ZaMVg12345' }), 'payment.create', order).account).toBe(
      'APP0CODE/ZaMVg12345',
    );
  });

  it('of an order knows its amount and when its QR code expires', () => {
    expect(ticketOf(adapter, 'payment.create', order)).toMatchObject({
      reference: { out_trade_no: 'ORDER-1' },
      expect: { amount: '1000', currency: 'HKD' },
      expiresAt: new Date(openedAtMs + 30 * 60_000).toISOString(),
    });
    expect(ticketOf(adapter, 'payment.create', { ...order, expired_time: '5' }).expiresAt).toBe(
      new Date(openedAtMs + 5 * 60_000).toISOString(),
    );
  });

  it('does not claim an expiry that no manual states', () => {
    expect(ticketOf(adapter, 'payment.create', { ...order, pay_type: '800212' })).not.toHaveProperty('expiresAt');
    expect(ticketOf(adapter, 'payment.create', { ...order, expired_time: '1e99' })).not.toHaveProperty('expiresAt');
  });

  it('of a scanned code is a charge, and holds no scanned code', () => {
    const ticket = ticketOf(adapter, 'payment.create', scanned);
    expect(ticket).toMatchObject({ charge: true });
    expect(ticket).not.toHaveProperty('expiresAt');
    expect(JSON.stringify(ticket)).not.toContain(scanned.auth_code);
    expect(ticketOf(adapter, 'payment.create', { ...order, auth_code: '' })).not.toHaveProperty('charge');
  });

  it('of a reversal names the payment, by either number', () => {
    expect(ticketOf(adapter, 'payment.reverse', { txamt: 1000, out_trade_no: 'ORDER-1' }).reference).toEqual({
      out_trade_no: 'ORDER-1',
    });
    expect(ticketOf(adapter, 'payment.close', { txamt: 1000, syssn: '2026' }).reference).toEqual({ syssn: '2026' });
    expect(() => ticketOf(adapter, 'payment.reverse', { txamt: 1000 })).toThrow(/names the order/);
  });

  it('asks by its own number, with a window from before it was opened to after now', () => {
    const nowMs = openedAtMs + 3 * 60_000;
    expect(queryOf(adapter, 'payment.create', { out_trade_no: 'ORDER-1', syssn: '2026' }, nowMs)).toEqual({
      out_trade_no: 'ORDER-1',
      start_time: '2026-11-29 23:59:30',
      end_time: '2026-12-02 00:02:30',
      page_size: 100,
    });
    expect(queryOf(adapter, 'payment.reverse', { syssn: '2026' }, nowMs)).toMatchObject({ syssn: '2026' });
    expect(queryOf(adapter, 'payment.close', { other: '1' }, nowMs)).toBeUndefined();
  });

  it("of a refund asks by the refund's own number, never by the payment's", () => {
    expect(ticketOf(adapter, 'refund.create', refund).reference).toEqual({
      out_trade_no: refund.out_trade_no,
      syssn: refund.syssn,
    });
    const asked = queryOf(
      adapter,
      'refund.create',
      { out_trade_no: refund.out_trade_no, syssn: refund.syssn },
      openedAtMs,
    );
    expect(asked).toMatchObject({ out_trade_no: 'REFUND-1' });
    expect(asked).not.toHaveProperty('syssn');
    expect(queryOf(adapter, 'refund.create', { syssn: refund.syssn }, openedAtMs)).toBeUndefined();
  });

  it('never concludes absence by itself', () => {
    expect(adapter.policy.poll).not.toHaveProperty('absentAfterMs');
  });
});

describe('what a ticket learns', () => {
  const row = (respcd: string, rest: object = {}) => ({
    out_trade_no: 'ORDER-1',
    syssn: 'S1',
    txamt: 1000,
    txcurrcd: 'HKD',
    respcd,
    order_type: 'payment',
    ...rest,
  });
  const asked = (reference: Record<string, string>, ...data: unknown[]) =>
    judge(
      adapter,
      { operation: 'payment.query', sent: { out_trade_no: 'ORDER-1' }, status: 200, body: { respcd: '0000', data } },
      { reference, expect: { amount: '1000', currency: 'HKD' }, follows: 'payment', charge: true },
    );

  it("is QFPay's number, when one row tells it", () => {
    expect(asked({ out_trade_no: 'ORDER-1' }, row('0000')).reference).toMatchObject({ syssn: 'S1' });
  });

  it('does not make a second paid row of the same number another order: both count', () => {
    const { verdict, conflict } = asked(
      { out_trade_no: 'ORDER-1', syssn: 'S1' },
      row('0000'),
      row('0000', { syssn: 'S2' }),
    );
    expect(verdict).toMatchObject({ outcome: 'succeeded', reason: 'conflict' });
    expect(conflict).toBe(true);
  });

  it('finds the try that was paid, whichever number the first answer gave', () => {
    const { verdict } = asked({ out_trade_no: 'ORDER-1', syssn: 'S1' }, row('1201'), row('0000', { syssn: 'S2' }));
    expect(verdict).toMatchObject({ outcome: 'succeeded', reason: 'approved' });
  });

  it('is believed about the asked amount only', () => {
    expect(asked({ out_trade_no: 'ORDER-1' }, row('0000', { txamt: '999' })).verdict).toMatchObject({
      kind: 'poll-required',
      reason: 'conflict',
    });
    expect(asked({ out_trade_no: 'ORDER-1' }, row('0000', { txamt: '1000' })).verdict).toMatchObject({
      outcome: 'succeeded',
    });
  });

  it('is a final decline for a scanned code', () => {
    expect(asked({ out_trade_no: 'ORDER-1' }, row('1201')).verdict).toMatchObject({
      outcome: 'failed',
      reason: 'insufficient-funds',
    });
    expect(asked({ out_trade_no: 'ORDER-1' }, row('2005')).verdict).toMatchObject({
      outcome: 'failed',
      reason: 'declined',
    });
  });

  it.each([
    '1147',
    '1204',
    '1205',
    '1297',
  ])('is no decline yet when the channel failed (%s): only when it stays so', respcd => {
    const { verdict, row: found } = asked({ out_trade_no: 'ORDER-1' }, row(respcd));
    expect(verdict).toMatchObject({ kind: 'poll-required', reason: 'declined', code: respcd });
    expect(found).toMatchObject({ failedWhenUnchangedForMs: 10_000 });
  });

  it('is open while the channel only answers slowly, however long it says so', () => {
    for (const respcd of ['1252', '1254', '1295', '1296', '1298']) {
      expect(asked({ out_trade_no: 'ORDER-1' }, row(respcd)).row, respcd).not.toHaveProperty(
        'failedWhenUnchangedForMs',
      );
    }
  });

  it("is the payment's number after a reversal, not the reversal's", () => {
    const body = { respcd: '0000', syssn: 'R1', orig_syssn: 'S1', out_trade_no: 'ORDER-1', txamt: '1000' };
    const sent = { out_trade_no: 'ORDER-1', txamt: 1000 };
    expect(judge(adapter, { operation: 'payment.reverse', sent, status: 200, body }).reference).toMatchObject({
      syssn: 'S1',
    });
  });

  it("keeps a refund's row from contradicting the payment's number", () => {
    const refundRow = row('0000', {
      out_trade_no: 'REFUND-1',
      syssn: 'R1',
      origssn: 'S1',
      order_type: 'refund',
      txamt: '400',
    });
    const exchange = { operation: 'refund.query', sent: { out_trade_no: 'REFUND-1' }, status: 200 };
    const subject = {
      reference: { out_trade_no: 'REFUND-1', syssn: 'S1' },
      expect: { amount: '400' },
      follows: 'refund' as const,
    };
    expect(judge(adapter, { ...exchange, body: { respcd: '0000', data: [refundRow] } }, subject).verdict).toMatchObject(
      { outcome: 'succeeded' },
    );
    const foreign = { ...refundRow, origssn: 'S2' };
    expect(judge(adapter, { ...exchange, body: { respcd: '0000', data: [foreign] } }, subject).verdict).toMatchObject({
      reason: 'conflict',
    });
  });
});

describe('an intention', () => {
  const writeNamed = (name: string) => {
    const operation = operationOf(adapter, name);
    if (!isWrite(operation)) throw new Error('not a write');
    return operation;
  };

  it('has one number space for payments and refunds; a reversal and a close go by what they undo', () => {
    for (const name of ['payment.create', 'refund.create'])
      expect(writeNamed(name).identity).toEqual({ number: 'out_trade_no', space: 'out_trade_no' });
    for (const name of ['payment.reverse', 'payment.close']) expect(writeNamed(name).identity).toBe('target');
  });

  it('of a payment may stand beside an earlier try under its number; a refund number is used once', () => {
    expect(writeNamed('payment.create').numberRepeats?.(scanned)).toBe(true);
    expect(writeNamed('refund.create').numberRepeats).toBeUndefined();
  });
});

describe('the time of a row', () => {
  // Both are from an integrator's answer (https://github.com/CHI-KEKE/joy_, QFPay.md): the merchant's clock was at UTC.
  const row = {
    out_trade_no: 'ORDER-1',
    syssn: '20250604155300020059948058',
    txamt: '1000',
    order_type: 'payment',
    respcd: '1143',
    txdtm: '2025-06-04 11:03:40',
    sysdtm: '2025-06-04 19:03:40',
  };
  const readingsOf = (...data: unknown[]) =>
    [readRows('payment')({ operation: 'payment.query', status: 200, body: { respcd: '0000', data } })].flat();

  it("is QFPay's own, in Hong Kong, whatever clock the merchant's time is of", () => {
    expect(readingsOf(row)).toMatchObject([{ madeAtMs: Date.parse('2025-06-04T11:03:40Z') }]);
  });

  it('comes with the number of its try, where several stand under one', () => {
    expect(
      readingsOf(row, { ...row, syssn: 'S2' }).map(({ number, reference }) => [number, reference?.['syssn']]),
    ).toEqual([
      [row.syssn, undefined],
      ['S2', undefined],
    ]);
  });

  it.each([
    [null],
    [''],
    ['yesterday'],
    [1749035020000],
    [undefined],
    [{}],
  ])('is unknown when QFPay writes %s', sysdtm => {
    expect(readingsOf({ ...row, sysdtm }).map(({ madeAtMs }) => madeAtMs)).toEqual([undefined]);
  });
});

describe('a refund that QFPay refuses', () => {
  const answered = (respcd: string, rest: object = {}) =>
    readRefund({
      operation: 'refund.create',
      status: 200,
      body: {
        respcd,
        resperr: 'text',
        respmsg: '',
        syssn: null,
        orig_syssn: 'S1',
        txamt: null,
        out_trade_no: 'REFUND-1',
        ...rest,
      },
    });

  it('for money or for its period states that nothing was made, when its answer has no number of its own', () => {
    for (const respcd of ['1265', '1269']) {
      expect(answered(respcd)).toMatchObject({ refuses: true, names: [respcd] });
      expect(answered(respcd, { syssn: 'R1' })).toMatchObject({ refuses: false });
    }
    for (const respcd of ['0000', '1143', '1145', '1252', '1297', '1298'])
      expect(answered(respcd), respcd).toMatchObject({ refuses: false });
  });

  it('is told in all of its words', () => {
    expect(answered('1264', { resperr: 'Order closed(1264)', respmsg: 'wrong cancel' }).message).toBe(
      'Order closed(1264): wrong cancel',
    );
    expect(answered('1264', { resperr: '', respmsg: 'wrong cancel' }).message).toBe('wrong cancel');
    expect(answered('1264', { resperr: 'the same', respmsg: 'the same' }).message).toBe('the same');
  });
});

describe('advice', () => {
  const tables = Object.values(adapter.operations).flatMap(({ codes }) =>
    typeof codes === 'function'
      ? [
          codes({ operation: '', status: 200, body: {}, sent: {} }),
          codes({ operation: '', status: 200, body: {}, sent: scanned }),
        ]
      : [codes],
  );
  const adviceOf = (row: Row | undefined): string => (row && (adapter.advice?.(row) ?? row.advice)) ?? '';
  const allAdvice = tables.flatMap(table => Object.values(table).map(adviceOf));

  it('leads nobody to use a number again after a decline', () => {
    const { codes } = operationOf(adapter, 'payment.create');
    const table =
      typeof codes === 'function'
        ? codes({ operation: 'payment.create', status: 200, body: {}, sent: scanned })
        : codes;
    for (const respcd of ['1202', '2005']) expect(adviceOf(table[respcd])).toMatch(/under a number of its own/);
    expect(allAdvice.join()).not.toMatch(/scan it again/);
  });

  it('about an empty query speaks of no payer who has to act: a refund and a scan have none', () => {
    expect(allAdvice.join()).not.toMatch(/payer has acted/);
  });
});

describe('credentials', () => {
  it.each([
    ['no app code', { appCode: '' }],
    ['no key', { clientKey: ' ' }],
    ['another hash', { signType: 'SHA1' }],
    ['an empty mchid', { mchid: '' }],
    ['another environment', { environment: 'live' }],
    ['a base URL that is none', { baseUrl: 'openapi' }],
    ['another method', { methods: { 'payment.close': 'PUT' } }],
  ])('with %s are refused, without showing the key', (_name, wrong) => {
    const made = (): unknown => qfpay({ ...credentials, ...wrong } as QfpayCredentials);
    expect(made).toThrow(/^qfpay: /);
    expect(made).not.toThrow(credentials.clientKey);
  });

  it('choose where requests go', () => {
    expect(qfpay({ ...credentials, environment: 'production' }).baseUrl).toBe('https://openapi-hk.qfapi.com');
    expect(qfpay({ ...credentials, baseUrl: 'https://test-openapi-hk.qfapi.com/' })).toMatchObject({
      baseUrl: 'https://test-openapi-hk.qfapi.com',
      ownBaseUrl: true,
    });
  });
});

describe('fields', () => {
  it('are refused when the order could not be asked about, or its amount not be compared', () => {
    for (const wrong of [
      { out_trade_no: 'A,B' },
      { out_trade_no: '' },
      { out_trade_no: 'x'.repeat(129) },
      { txamt: '10.00' },
      { txamt: '0100' },
      { txamt: -1 },
      { txamt: [100] },
    ]) {
      expect(() => ticketOf(adapter, 'payment.create', { ...order, ...wrong }), JSON.stringify(wrong)).toThrow(
        /must be/,
      );
    }
  });
});

describe('the simulated gateway', () => {
  const hear = async (
    of: Adapter,
    name: string,
    fields: Fields,
    changed: (headers: Headers) => void = () => undefined,
  ): Promise<Heard | Refusal> => {
    const { method, url, body, headers } = await wire(of, name, fields);
    const received = new Headers(headers);
    changed(received);
    return qfpayVoice(credentials).hear({ method, url, body, headers: received, nowMs: openedAtMs });
  };

  it('understands every operation, whichever hash signed it', async () => {
    const others = { ...credentials, methods: { 'payment.reverse': 'GET', 'payment.close': 'GET' } } as const;
    for (const of of [adapter, qfpay({ ...credentials, signType: 'MD5' }), qfpay(others)]) {
      expect(await hear(of, 'payment.create', { ...order, goods_name: '奶茶', udid: '' })).toMatchObject({
        act: 'create',
        reference: 'ORDER-1',
        amount: '1000',
      });
      expect(await hear(of, 'payment.create', scanned)).toMatchObject({ act: 'charge' });
      expect(await hear(of, 'payment.query', { out_trade_no: 'ORDER-1' })).toMatchObject({ act: 'query' });
      expect(await hear(of, 'payment.reverse', { out_trade_no: 'ORDER-1', txamt: 1000 })).toMatchObject({
        act: 'cancel',
        of: 'ORDER-1',
      });
      expect(await hear(of, 'payment.close', { syssn: '2026', txamt: 1000 })).toMatchObject({
        act: 'cancel',
        of: '2026',
      });
      expect(await hear(of, 'refund.create', refund)).toMatchObject({
        act: 'refund',
        reference: 'REFUND-1',
        of: refund.syssn,
      });
    }
  });

  it('refuses a wrong signature, another app code and a missing mchid as QFPay does', async () => {
    const forged = await hear(adapter, 'payment.create', order, headers => headers.set('x-qf-sign', 'A'.repeat(64)));
    expect(forged).toMatchObject({ refused: { body: { respcd: '1108' } } });
    const foreign = await hear(adapter, 'payment.create', order, headers => headers.set('x-qf-appcode', 'another'));
    expect(foreign).toMatchObject({ refused: { body: { respcd: '1001' } } });
    expect(await hear(qfpay({ ...credentials, mchid: 'ZaMVg12345' }), 'payment.create', order)).toMatchObject({
      refused: { body: { respcd: '1104' } },
    });
  });
});

describe('from send to settlement', () => {
  const setUp = ({
    declinedAs = '1201',
    random,
    ...options
  }: Omit<SimulatorOptions, 'voice' | 'clock'> & { declinedAs?: string; random?: () => number } = {}) => {
    const clock = manualClock({ startMs: openedAtMs, ...(random !== undefined && { random }) });
    const bank = simulateGateway({ voice: qfpayVoice(credentials, { declinedAs }), clock, ...options });
    const gateway = createGateway({ adapter, clock, client: ky.create({ fetch: bank.fetch }) });
    return { clock, bank, gateway };
  };

  it('a charge whose answer was lost is found by its number, and was made once', async () => {
    const { clock, bank, gateway } = setUp({ faults: { onSend: ['reset-after-booking'] } });
    const settlement = await clock.run(gateway.settle('payment.create', scanned));
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'query', attempts: 1 });
    expect(settlement.reference.provider).toBe(bank.ledger.payment('ORDER-1')?.providerId);
    expect(bank.ledger.payment('ORDER-1')).toMatchObject({ bookings: 1, sends: 1 });
  });

  it("an order of the month's last minute is found in the next month", async () => {
    const { clock, bank, gateway } = setUp({ lives: { charge: lives.paidAfter(60_000) } });
    const settlement = await clock.run(gateway.settle('payment.create', scanned));
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
    expect(new Date(clock.now() + 8 * 3_600_000).getUTCMonth()).toBe(11);
    expect(bank.ledger.payment('ORDER-1')?.bookings).toBe(1);
  });

  it('an order is created, and its ticket is followed until it is paid', async () => {
    const { clock, gateway } = setUp({ lives: { create: lives.paidAfter(20_000) } });
    const settlement = await clock.run(gateway.settle('payment.create', order));
    expect(settlement).toMatchObject({ outcome: 'created', answer: { qrcode: expect.any(String) as unknown } });
    const end = await clock.run(gateway.untilSettled(structuredClone(settlement.ticket)));
    expect(end).toMatchObject({ outcome: 'succeeded' });
  });

  it('an order whose code expires unpaid is expired', async () => {
    const { clock, gateway } = setUp({ lives: { create: lives.expiresAfter(30_000) } });
    const { ticket } = await clock.run(gateway.settle('payment.create', order));
    expect(await clock.run(gateway.untilSettled(ticket))).toMatchObject({ outcome: 'expired' });
  });

  it('a charge that stays open is unresolved after two minutes, and reversed by its number', async () => {
    const { clock, bank, gateway } = setUp({ lives: { charge: lives.open() } });
    const startedAtMs = clock.now();
    const settlement = await clock.run(gateway.settle('payment.create', scanned));
    expect(settlement).toMatchObject({ outcome: 'unresolved', verdict: { reason: 'processing' } });
    expect(clock.now() - startedAtMs).toBe(120_000);
    const reversal = await clock.run(gateway.settle('payment.reverse', { out_trade_no: 'ORDER-1', txamt: 1000 }));
    expect(reversal).toMatchObject({ outcome: 'succeeded', settledBy: 'answer' });
    expect(bank.ledger.payment('ORDER-1')).toMatchObject({ state: 'canceled', bookings: 0 });
  });

  it('a close whose answer was lost is confirmed by asking about the payment', async () => {
    const { clock, gateway } = setUp({
      lives: { create: lives.open() },
      faults: { on: { 'payment.close': ['reset-after-booking'] } },
    });
    await clock.run(gateway.settle('payment.create', order));
    const close = await clock.run(gateway.settle('payment.close', { out_trade_no: 'ORDER-1', txamt: 1000 }));
    expect(close).toMatchObject({ outcome: 'succeeded', settledBy: 'query', verdict: { code: '1142' } });
  });

  it('a paid payment cannot be reversed, and the reversal says so', async () => {
    const { clock, gateway } = setUp();
    await clock.run(gateway.settle('payment.create', scanned));
    const reversal = await clock.run(gateway.settle('payment.reverse', { out_trade_no: 'ORDER-1', txamt: 1000 }));
    expect(reversal).toMatchObject({ outcome: 'failed', verdict: { reason: 'already-final', code: '1260' } });
  });

  it('a refund is followed by its own row, and the payment is then partly refunded', async () => {
    const { clock, bank, gateway } = setUp({
      lives: { refund: lives.paidAfter(10_000) },
      faults: { on: { 'refund.create': ['truncated'] } },
    });
    const payment = await clock.run(gateway.settle('payment.create', scanned));
    const syssn = payment.reference.provider ?? '';
    const settlement = await clock.run(gateway.settle('refund.create', { ...refund, syssn }));
    expect(settlement).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      ticket: { reference: { out_trade_no: 'REFUND-1', syssn } },
    });
    expect(bank.ledger.refund('REFUND-1')?.bookings).toBe(1);
    expect(await clock.run(gateway.ask(payment.ticket))).toMatchObject({
      outcome: 'succeeded',
      reason: 'partially-refunded',
    });
  });

  it('a decline of a charge whose answer was lost is told by its row, which repeats the time that was sent', async () => {
    const { clock, gateway } = setUp({
      lives: { charge: lives.steps([{ state: 'pending' }, { afterMs: 3_000, state: 'declined' }]) },
      faults: { onSend: ['reset-after-booking'] },
    });
    const settlement = await clock.run(gateway.settle('payment.create', scanned));
    expect(settlement).toMatchObject({ outcome: 'failed', settledBy: 'query', attempts: 1, verdict: { code: '1201' } });
    expect(settlement.elapsedMs).toBeLessThanOrEqual(10_000);
    await clock.run(
      gateway.settle(
        'payment.create',
        { ...scanned, out_trade_no: 'ORDER-2', txdtm: '2026-11-30 12:00:00' },
        { policy: { poll: { deadlineMs: 0 } } },
      ),
    );
    const rowOf = (out_trade_no: string) =>
      clock.run(gateway.client.post('trade/v1/query', { body: new URLSearchParams({ out_trade_no }) }).json());
    expect(await rowOf('ORDER-1')).toMatchObject({ data: [{ txdtm: '2026-11-30 23:59:30' }] });
    expect(await rowOf('ORDER-2')).toMatchObject({ data: [{ txdtm: '2026-11-30 12:00:00' }] });
  });

  it.each([
    ['no number of its own', {}],
    ['a status beside it that failed', { syssn: 'S1', data: { txstatus: 'FAILED' } }],
    ['a status beside it that is pending', { syssn: 'S1', data: { txstatus: 'PENDING' } }],
    ['the flag of a cancel', { syssn: 'S1', cancel: '1' }],
    ['a QR code for the payer', { syssn: 'S1', qrcode: 'https://qr.example/1' }],
  ])('a success of a scan that has %s is asked about, not believed', async (_title, more) => {
    const clock = manualClock({ startMs: openedAtMs });
    const fetch = (request: Request | URL | string) =>
      Promise.resolve(
        Response.json(
          /query/.test((request as Request).url)
            ? { respcd: '0000', data: [] }
            : { respcd: '0000', resperr: 'ok', out_trade_no: 'ORDER-1', txamt: '1000', ...more },
        ),
      );
    const gateway = createGateway({ adapter, clock, client: ky.create({ fetch }) });
    expect(await clock.run(gateway.settle('payment.create', scanned))).toMatchObject({
      outcome: 'unresolved',
      ownVerdict: { code: '0000/contradicted' },
    });
  });

  it('a link, whose life nobody states, is followed as long as a code whose life is known', async () => {
    const { clock, gateway } = setUp({ lives: { create: lives.paidAfter(29 * 60_000) } });
    const { ticket } = await clock.run(gateway.settle('payment.create', { ...order, pay_type: '800212' }));
    expect(ticket).not.toHaveProperty('expiresAt');
    const { outcome, polls } = await clock.run(gateway.untilSettled(ticket));
    expect(outcome).toBe('succeeded');
    expect(polls).toBeLessThan(70);
    const { clock: later, gateway: other } = setUp({ lives: { create: lives.open() } });
    const unpaid = await later.run(other.settle('payment.create', { ...order, pay_type: '800212' }));
    expect(await later.run(other.untilSettled(unpaid.ticket))).toMatchObject({
      outcome: 'unresolved',
      elapsedMs: 31 * 60_000,
    });
    // A day later somebody still gets an answer within a charge's time, and not before.
    later.advance(24 * 3_600_000);
    expect(await later.run(other.untilSettled(unpaid.ticket))).toMatchObject({
      outcome: 'unresolved',
      elapsedMs: 120_000,
    });
  });

  it('maintenance is not knocked at three times within a second', async () => {
    const { clock, gateway } = setUp({ faults: { onSend: [always('maintenance')] } });
    const settlement = await clock.run(gateway.settle('payment.create', scanned));
    expect(settlement).toMatchObject({ outcome: 'rejected', attempts: 3, verdict: { code: '1100' } });
    expect(settlement.elapsedMs).toBeGreaterThanOrEqual(30_000);
  });

  it('a payer who presses a finger is heard of after a second and a half', async () => {
    const { clock, gateway } = setUp({ lives: { charge: lives.paidAfter(1_000) }, random: longest });
    expect(await clock.run(gateway.settle('payment.create', scanned))).toMatchObject({
      outcome: 'succeeded',
      elapsedMs: 1_500,
      polls: 1,
    });
  });

  it.each([
    '1147',
    '1204',
    '1205',
    '1297',
  ])('a channel that goes on failing (%s) is a decline within 15 seconds', async declinedAs => {
    const { clock, gateway } = setUp({ declinedAs, lives: { charge: lives.declined() } });
    const settlement = await clock.run(gateway.settle('payment.create', scanned));
    expect(settlement).toMatchObject({
      outcome: 'failed',
      settledBy: 'query',
      verdict: { code: declinedAs, reason: 'declined' },
    });
    expect(settlement.elapsedMs).toBeLessThanOrEqual(15_000);
  });

  it('a channel that failed and then took the money is paid', async () => {
    const { clock, bank, gateway } = setUp({
      declinedAs: '1205',
      lives: { charge: lives.steps([{ state: 'declined' }, { afterMs: 8_000, state: 'paid' }]) },
    });
    expect(await clock.run(gateway.settle('payment.create', scanned))).toMatchObject({ outcome: 'succeeded' });
    expect(bank.ledger.payment('ORDER-1')?.bookings).toBe(1);
  });

  it.each([
    '1295',
    '1296',
    '1298',
    '1252',
    '1254',
  ])('a scan that goes on with %s stays open to the end', async declinedAs => {
    const { clock, gateway } = setUp({ declinedAs, lives: { charge: lives.declined() } });
    expect(await clock.run(gateway.settle('payment.create', scanned))).toMatchObject({
      outcome: 'unresolved',
      elapsedMs: 120_000,
    });
  });

  it('an order with a QR code is followed for its 30 minutes', async () => {
    const { clock, gateway } = setUp({ lives: { create: lives.paidAfter(29 * 60_000) } });
    const { ticket } = await clock.run(gateway.settle('payment.create', order));
    const { outcome, polls } = await clock.run(gateway.untilSettled(ticket));
    expect(outcome).toBe('succeeded');
    expect(polls).toBeLessThan(70);
  });

  describe('a refund that QFPay refuses without a number', () => {
    const refunding = async (respcd: '1124' | '1265' | '1269', faults: SimulatorOptions['faults'] = {}) => {
      const { clock, bank, gateway } = setUp({ faults });
      const payment = await clock.run(gateway.settle('payment.create', scanned));
      bank.script('REFUND-1', { onSend: [refusedRefund(respcd)] });
      const settlement = await clock.run(
        gateway.settle('refund.create', { ...refund, syssn: payment.reference.provider ?? '' }),
      );
      return { settlement, bank };
    };

    it.each([
      ['1265', '已經超出可退款時限', 'declined'],
      ['1269', 'try again after the data update at 11 AM', 'insufficient-funds'],
    ] as const)('(%s) has failed once no query finds it twice, in its own words', async (respcd, words, reason) => {
      const { settlement, bank } = await refunding(respcd);
      expect(settlement).toMatchObject({ outcome: 'failed', attempts: 1, polls: 2, verdict: { code: respcd, reason } });
      expect(settlement.verdict.message).toContain(words);
      expect(settlement.verdict.advice).toMatch(/later, under a new number, once the query shows nothing/);
      expect(settlement.elapsedMs).toBeLessThanOrEqual(10_000);
      expect(bank.ledger.refund('REFUND-1')).toBeUndefined();
    });

    it('has failed once its own row repeats it', async () => {
      const row = {
        out_trade_no: 'REFUND-1',
        syssn: 'R1',
        order_type: 'refund',
        txamt: '400',
        txcurrcd: 'HKD',
        cancel: '0',
        respcd: '1269',
        errmsg: 'the same again',
      };
      const repeating: Fault = {
        books: false,
        does: () => Response.json({ respcd: '0000', data: [row], page: 1, page_size: 100 }),
      };
      const { settlement } = await refunding('1269', { on: { 'refund.query': [repeating] } });
      expect(settlement).toMatchObject({
        outcome: 'failed',
        polls: 1,
        verdict: { code: '1269', message: expect.stringContaining('at this moment') as unknown },
      });
    });

    it('and asks for the whole amount (1124) is rejected at once: nothing is asked', async () => {
      const { settlement } = await refunding('1124');
      expect(settlement).toMatchObject({
        outcome: 'rejected',
        polls: 0,
        verdict: { reason: 'unsupported', message: expect.stringContaining('it must be a full refund') as unknown },
      });
      expect(settlement.verdict.advice).toMatch(/refund all of it/);
    });
  });

  describe('a number that is scanned again after a decline', () => {
    const again = { ...scanned, auth_code: '284957310466312987' };
    /** The first try is declined; a minute later the number is scanned again, by this machine or another. */
    const secondTry = async (
      { onSend = [], ...script }: Script,
      by: 'the same machine' | 'another machine' = 'the same machine',
    ) => {
      const { clock, bank, gateway } = setUp();
      bank.script('ORDER-1', { life: lives.declined(), ...script });
      expect(await clock.run(gateway.settle('payment.create', scanned))).toMatchObject({ outcome: 'failed' });
      clock.advance(60_000);
      bank.script('ORDER-1', { onSend });
      const till =
        by === 'the same machine'
          ? gateway
          : createGateway({ adapter, clock, client: ky.create({ fetch: bank.fetch }) });
      return { bank, second: await clock.run(till.settle('payment.create', again)) };
    };

    it.each([
      'the same machine',
      'another machine',
    ] as const)('and whose answer is lost is not failed by the old row, while it is booked (%s)', async by => {
      const { bank, second } = await secondTry({ nextTry: lives.paid(), onSend: ['reset-booked-later'] }, by);
      expect(second).toMatchObject({ outcome: 'succeeded', settledBy: 'query', attempts: 1 });
      expect(bank.ledger.payment('ORDER-1')).toMatchObject({ state: 'paid', bookings: 1 });
    });

    it('and never arrives stays open: the old row is no word on it', async () => {
      const { second } = await secondTry({ onSend: ['reset-before-booking'] });
      expect(second.outcome).toBe('unresolved');
    });

    it('and is declined again is told at once, by the number that its own answer gave', async () => {
      const { second } = await secondTry({
        nextTry: lives.steps([{ state: 'pending' }, { afterMs: 5_000, state: 'declined' }]),
      });
      expect(second).toMatchObject({ outcome: 'failed', settledBy: 'query', verdict: { code: '1201' } });
      expect(second.elapsedMs).toBeLessThanOrEqual(10_000);
    });
  });

  it('a refund or a scan that stays open keeps its own code and words, and speaks of no payer who has to act', async () => {
    const { clock, gateway } = setUp({ faults: { onSend: ['system-error'], onQuery: [always('not-found')] } });
    const charged = await clock.run(gateway.settle('payment.create', scanned));
    const refunded = await clock.run(gateway.settle('refund.create', refund));
    for (const settlement of [charged, refunded]) {
      expect(settlement).toMatchObject({
        outcome: 'unresolved',
        verdict: { reason: 'not-found' },
        ownVerdict: { code: '1252', message: expect.stringContaining('1252') as unknown },
      });
      expect(JSON.stringify(settlement.verdict)).not.toMatch(/payer/);
    }
  });

  it('two payments under one number are told, not hidden', async () => {
    const { clock, bank, gateway } = setUp({ lives: { charge: lives.paid() } });
    const first = await clock.run(gateway.settle('payment.create', scanned));
    const { method, url, body, headers } = await wire(adapter, 'payment.create', scanned);
    await clock.run(bank.fetch(url, { method, body, headers }));
    expect(await clock.run(gateway.ask(first.ticket))).toMatchObject({ outcome: 'succeeded', reason: 'conflict' });
  });
});

describe('one query for many orders', () => {
  const several = (from: number, to: number): string[] =>
    Array.from({ length: to - from + 1 }, (_, index) => `ORDER-${from + index}`);
  const setUp = async (options: Omit<SimulatorOptions, 'voice' | 'clock'> = {}) => {
    const clock = manualClock({ startMs: openedAtMs });
    const bank = simulateGateway({ voice: qfpayVoice(credentials), clock, ...options });
    const bodies: URLSearchParams[] = [];
    const fetch = async (request: Request): Promise<Response> => {
      if (request.url.endsWith('/query')) bodies.push(new URLSearchParams(await request.clone().text()));
      return bank.fetch(request);
    };
    const client = ky.create({ fetch: fetch as typeof globalThis.fetch });
    const gateway = createGateway({ adapter, clock, client, policy: { poll: { batch: true } } });
    await new Promise(resolve => void setTimeout(resolve, 1));
    return { clock, bank, gateway, bodies };
  };
  const numbersIn = (body: URLSearchParams | undefined): string[] => body?.get('out_trade_no')?.split(',') ?? [];

  it('asks for a list, in a window that spans the oldest, and each hears its own end', async () => {
    const { clock, bank, gateway, bodies } = await setUp({ lives: { create: lives.open() } });
    const orders = several(1, 40);
    orders.forEach((number, index) =>
      bank.script(number, { life: index % 2 === 0 ? lives.paidAfter(30_000) : lives.expiresAfter(30_000) }),
    );
    const created = orders.map(number => gateway.settle('payment.create', { ...order, out_trade_no: number }));
    const tickets = (await clock.run(Promise.all(created))).map(({ ticket }) => ticket);
    bodies.length = 0;
    const ends = await clock.run(Promise.all(tickets.map(ticket => gateway.untilSettled(ticket))));
    expect(ends.map(({ outcome }) => outcome)).toEqual(
      orders.map((_, index) => (index % 2 === 0 ? 'succeeded' : 'expired')),
    );
    ends.forEach((end, index) => {
      expect(end.reference).toEqual({
        merchant: orders[index],
        provider: bank.ledger.payment(orders[index] ?? '')?.providerId,
      });
      expect(JSON.stringify(end.body).match(/ORDER-\d+/g)).toEqual([orders[index]]);
    });
    expect(numbersIn(bodies[0]).length).toBeGreaterThan(20);
    expect(new Set(bodies.flatMap(numbersIn))).toEqual(new Set(orders));
    expect(Object.fromEntries(bodies[0] ?? [])).toMatchObject({
      start_time: '2026-11-29 23:59:30',
      page_size: '100',
    });
    expect(bodies.length).toBeLessThan(ends.reduce((sum, { polls }) => sum + polls, 0) / 2);
  });

  it('leaves out whatever would be taken for two, and what has no number of the merchant’s', () => {
    const write = operationOf(adapter, 'payment.create');
    const { batch } = (isWrite(write) ? write.query : undefined) ?? expect.unreachable();
    const ask = (...fields: Fields[]): Fields | undefined =>
      batch?.fields(fields.map(each => ({ ticket: ticketOf(adapter, 'payment.create', order), fields: each })));
    const window = { start_time: '2026-11-29 23:59:30', end_time: '2026-12-02 00:00:00', page_size: 100 };
    expect(ask({ out_trade_no: 'A,B', ...window })).toBe(undefined);
    expect(ask({ syssn: '1', ...window })).toBe(undefined);
    const younger = { ...window, start_time: '2026-12-01 10:00:00', end_time: '2026-12-03 00:00:00' };
    expect(
      ask({ out_trade_no: 'B', ...younger }, { out_trade_no: 'A', ...window }, { out_trade_no: 'B', ...window }),
    ).toEqual({
      ...{ out_trade_no: 'B,A', start_time: window.start_time, end_time: younger.end_time, page_size: 100 },
    });
  });

  it('keeps refunds and payments apart, and reads a refund by its own number', async () => {
    const { clock, gateway, bodies } = await setUp({
      lives: { charge: lives.paid(), refund: lives.paidAfter(20_000) },
    });
    const paid = await clock.run(gateway.settle('payment.create', scanned));
    const syssn = paid.reference.provider ?? expect.unreachable();
    const made = [1, 2, 3].map(count =>
      gateway.settle('refund.create', { txamt: 100, syssn, out_trade_no: `REFUND-${count}` }),
    );
    const ends = await clock.run(Promise.all(made));
    expect(ends.map(({ outcome, reference }) => [outcome, reference.merchant])).toEqual(
      [1, 2, 3].map(count => ['succeeded', `REFUND-${count}`]),
    );
    expect(bodies.some(body => numbersIn(body).length === 3)).toBe(true);
  });
});
