import { createHmac } from 'node:crypto';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { zalopay, type ZalopayCredentials } from '../../src/adapters/zalopay/index.ts';
import { samples } from '../samples/zalopay.ts';
import { isGenuineCallback, macOf } from '../../src/adapters/zalopay/sign.ts';
import { zalopayVoice } from '../../src/adapters/zalopay/simulator.ts';
import { judge } from '../../src/core/doctrine.ts';
import { isInputError } from '../../src/core/errors.ts';
import { isWrite, operationOf, type Fields } from '../../src/core/operation.ts';
import { subjectOfTicket } from '../../src/core/subject.ts';
import { openTicket, writeOf } from '../../src/engine/open-ticket.ts';
import { createGateway, isReferenceInUseError, isSettledError, isUnresolvedError } from '../../src/index.ts';
import type { SendContext } from '../../src/kit/adapter.ts';
import { only, without } from '../../src/kit/fields.ts';
import { UNREADABLE } from '../../src/kit/readers.ts';
import { always, lives, manualClock, simulateGateway, type SimulatorOptions } from '../../src/testing/index.ts';

const key1 = 'PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL';
const key2 = 'kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz';
const credentials: ZalopayCredentials = { appId: 2553, key1, key2, environment: 'sandbox' };
const adapter = zalopay(credentials);
const nowMs = Date.UTC(2026, 10, 21, 3, 30);

const contextOf = (operation: string): SendContext => ({
  operation,
  nowMs,
  openedAtMs: nowMs,
  sendId: '000000000000000001',
  unsent: {},
  reauthenticate: false,
  memory: new Map(),
  fetch: () => Promise.reject(new Error('nothing is sent here')),
  signal: new AbortController().signal,
});
/** As the wire has it made: without what stays here. */
const bodyOf = (operation: string, fields: Fields): Fields => {
  const unsent = adapter.operations[operation]?.unsent ?? [];
  return adapter.body(without(fields, unsent), { ...contextOf(operation), unsent: only(fields, unsent) });
};
const hmac = (data: string): string => createHmac('sha256', key1).update(data).digest('hex');

describe('a mac', () => {
  // The callback sample of https://beta-docs.zalopay.vn/docs/developer-tools/knowledge-base/callback, public sandbox
  // app 2553.
  const data =
    '{"app_id":2553,"app_trans_id":"200904_2553_1598435687208","app_time":1599189392817,"app_user":"demo","amount":10000,"embed_data":"{\\"merchantinfo\\":\\"embeddata123\\",\\"promotioninfo\\":\\"\\"}","item":"[{\\"itemid\\":\\"knb\\",\\"itemname\\":\\"kim nguyen bao\\",\\"itemprice\\":198400,\\"itemquantity\\":1}]","zp_trans_id":200904000000389,"server_time":1599189413498,"channel":38,"merchant_user_id":"7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB--8Eytqc","user_fee_amount":0,"discount_amount":0}';
  const mac = 'd8d33baf449b31d7f9b94fa50d7c942c08cd4d83f28fa185557da21acb104f67';

  it('is what ZaloPay printed for its own callback', () => expect(macOf(key2, data)).toBe(mac));

  it('proves a callback, and only that very text with that very key', () => {
    expect(isGenuineCallback(key2, data, mac)).toBe(true);
    expect(isGenuineCallback(key1, data, mac)).toBe(false);
    expect(isGenuineCallback(key2, data.replace('10000', '10001'), mac)).toBe(false);
    expect(isGenuineCallback(key2, data, mac.toUpperCase())).toBe(false);
    expect(isGenuineCallback(key2, data, '')).toBe(false);
  });

  const t = String(nowMs);
  it.each<[string, Fields, string]>([
    [
      'payment.create',
      { app_trans_id: '261121_1', app_user: 'u', amount: 10_000, description: 'Trà đá' },
      `2553|261121_1|u|10000|${t}|{}|[]`,
    ],
    [
      'payment.create',
      {
        app_trans_id: '261121_1',
        app_user: 'Nguyễn',
        amount: '10000',
        description: 'd',
        embed_data: '{"a":1}',
        item: '[1]',
      },
      `2553|261121_1|Nguyễn|10000|${t}|{"a":1}|[1]`,
    ],
    [
      'payment.scan',
      {
        app_trans_id: '261121_1',
        app_user: 'u',
        amount: 10_000,
        description: 'd',
        payment_code: 'RW5jcnlwdGVk',
        payment_code_raw: '18000',
      },
      `2553|261121_1|u|10000|${t}|{}|[]|18000`,
    ],
    ['payment.query', { app_trans_id: '261121_1' }, `2553|261121_1|${key1}`],
    ['payment.cancel', { app_trans_id: '261121_1' }, `2553|261121_1|${key1}`],
    [
      'refund.create',
      { m_refund_id: '261121_2553_1', zp_trans_id: '261121000000001', amount: 500, description: 'back' },
      `2553|261121000000001|500|back|${t}`,
    ],
    [
      'refund.create',
      {
        m_refund_id: '261121_2553_1',
        zp_trans_id: '261121000000001',
        amount: 500,
        refund_fee_amount: 20,
        description: 'back',
      },
      `2553|261121000000001|500|20|back|${t}`,
    ],
    ['refund.query', { m_refund_id: '261121_2553_1' }, `2553|261121_2553_1|${t}`],
    ['binding.create', { app_trans_id: '261121_1', identifier: 'me' }, `2553|261121_1|{}|WALLET|me|0|${t}`],
    [
      'binding.create',
      { app_trans_id: '261121_1', identifier: 'me', binding_data: '{"x":1}', max_amount: 9 },
      `2553|261121_1|{"x":1}|WALLET|me|9|${t}`,
    ],
    ['binding.query', { app_trans_id: '261121_1' }, `2553|261121_1|${t}`],
    ['binding.cancel', { identifier: 'me', binding_id: 'b1' }, `2553|me|b1|${t}`],
    ['balance.query', { identifier: 'me', pay_token: 'p1', amount: 5 }, `2553|p1|me|5|${t}`],
    ['payment.charge', { identifier: 'me', zp_trans_token: 'z1', pay_token: 'p1' }, `2553|me|z1|p1|${t}`],
    ['user.query', { access_token: 'p1' }, `2553|p1|${t}`],
    [
      'card-binding.create',
      {
        app_trans_id: '261121_1',
        identifier: 'me',
        binding_type: 'CARD',
        binding_mode: 'BIND',
        device_type: 'DESKTOP',
      },
      `2553|261121_1|me|BIND|CARD|DESKTOP|{}|{}|${t}`,
    ],
    ['card-binding.query', { app_trans_id: '261121_1' }, `2553|261121_1|${t}`],
    ['card-binding.cancel', { identifier: 'me', binding_id: 'b1' }, `2553|me|b1|${t}`],
    ['card-payment.charge', { identifier: 'me', zp_trans_token: 'z1', pay_token: 'p1' }, `2553|me|z1|p1|${t}`],
  ])('of %s with %o is over %s', (operation, fields, signed) =>
    expect(bodyOf(operation, fields)['mac']).toBe(hmac(signed)));

  it('refuses to sign a hole or an object', () => {
    const order = { app_trans_id: '261121_1', app_user: 'u', description: 'd' };
    expect(() => bodyOf('payment.create', order)).toThrow(/amount is part of the signature/);
    expect(() => bodyOf('payment.create', { ...order, amount: 1, embed_data: {} })).toThrow(
      /embed_data is part of the signature/,
    );
    expect(() => bodyOf('payment.create', { ...order, amount: 1, constructor: 1, app_user: undefined })).toThrow(
      /app_user/,
    );
  });
});

describe('a send', () => {
  const order = { app_trans_id: '261121_1', app_user: 'u', amount: 10_000, description: 'd' };

  it('names the account and the moment as numbers', () =>
    expect(bodyOf('payment.create', order)).toStrictEqual({
      ...order,
      app_id: 2553,
      app_time: nowMs,
      embed_data: '{}',
      item: '[]',
      mac: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
    }));

  it.each([
    ['payment.create', 'app_time'],
    ['refund.create', 'timestamp'],
    ['refund.query', 'timestamp'],
    ['payment.charge', 'req_date'],
    ['binding.create', 'req_date'],
    ['card-binding.create', 'req_date'],
  ])('of %s tells a fresh %s, although the caller told an older one', (operation, stamp) =>
    expect(
      bodyOf(operation, { ...samples.complete[operation], [stamp]: nowMs - 3_600_000, mac: 'stale' }),
    ).toMatchObject({
      [stamp]: nowMs,
      mac: expect.not.stringMatching('stale') as unknown,
    }));

  it('takes the account’s own app_id, as a number or as a form writes it, and no other', () => {
    expect(bodyOf('payment.query', { app_trans_id: '261121_1', app_id: 2553 })['app_id']).toBe(2553);
    expect(bodyOf('payment.query', { app_trans_id: '261121_1', app_id: '2553' })['app_id']).toBe(2553);
    for (const app_id of [2554, '2554', '02553', null, true]) {
      expect(() => bodyOf('payment.query', { app_trans_id: '261121_1', app_id })).toThrow(/app_id/);
    }
  });

  it('of a scanned code leaves the code as it was scanned at home', () => {
    const sent = bodyOf('payment.scan', {
      ...order,
      payment_code: 'RW5jcnlwdGVk',
      payment_code_raw: '180000000000000001',
    });
    expect(sent).toMatchObject({ payment_code: 'RW5jcnlwdGVk', app_time: nowMs });
    expect(JSON.stringify(sent)).not.toContain('180000000000000001');
  });

  it('of a scanned code that its caller signed goes as it is: nobody else has what was signed', () => {
    const own = { ...order, payment_code: 'RW5jcnlwdGVk', app_time: nowMs - 5, mac: 'his own' };
    expect(bodyOf('payment.scan', own)).toEqual({ ...own, app_id: 2553 });
    expect(() => bodyOf('payment.scan', { ...own, mac: undefined })).toThrow(
      /payment_code_raw is part of the signature/,
    );
  });

  it('passes other fields of ZaloPay’s through', () =>
    expect(bodyOf('payment.create', { ...order, bank_code: 'zalopayapp' })).toMatchObject({ bank_code: 'zalopayapp' }));

  it('tells no key when it is refused', () => {
    try {
      bodyOf('payment.query', { app_trans_id: '261121_1', app_id: 1 });
      expect.unreachable();
    } catch (error) {
      expect(isInputError(error)).toBe(true);
      expect(String(error)).not.toContain(key1);
    }
  });
});

describe('a ticket', () => {
  const ticketOf = (operation: string, more: Fields = {}) =>
    openTicket(
      samples.adapter,
      writeOf(samples.adapter, operation),
      { ...samples.complete[operation], ...more },
      nowMs,
      'all',
    );
  const queryOf = (operation: string, more: Fields = {}): Fields | undefined => {
    const ticket = ticketOf(operation, more);
    return writeOf(samples.adapter, operation).query?.fields(ticket, nowMs);
  };

  it.each([
    ['payment.create', { app_trans_id: '261121_2553_0001' }],
    ['payment.cancel', { app_trans_id: '261121_2553_0001' }],
    ['payment.charge', { app_trans_id: '261121_2553_0002' }],
    ['refund.create', { m_refund_id: '261121_2553_R001' }],
    ['binding.create', { app_trans_id: '261121_2553_0003' }],
    ['binding.cancel', { app_trans_id: '261121_2553_0003' }],
    ['card-binding.create', { app_trans_id: '261121_2553_0004' }],
    ['card-payment.charge', { app_trans_id: '261121_2553_0002' }],
  ])('of %s is asked about by %o', (operation, fields) => expect(queryOf(operation)).toEqual(fields));

  it('of an unbinding without the binding’s number cannot be asked about', () =>
    expect(queryOf('binding.cancel', { app_trans_id: undefined })).toBeUndefined());

  it('expects the order’s amount in dong, and ends with the order', () => {
    expect(ticketOf('payment.create')).toMatchObject({
      expect: { amount: '50000', currency: 'VND' },
      expiresAt: '2026-11-21T03:45:00.000Z',
    });
    expect(ticketOf('payment.create', { expire_duration_seconds: 300 }).expiresAt).toBe('2026-11-21T03:35:00.000Z');
    expect(ticketOf('payment.create', { expire_duration_seconds: 1e300 }).expiresAt).toBeUndefined();
  });

  it('holds no token', () => {
    for (const [name, operation] of Object.entries(samples.adapter.operations)) {
      if (isWrite(operation)) expect(JSON.stringify(ticketOf(name))).not.toMatch(/MADEUPPAYTOKEN|"ZP2611/);
    }
  });

  it('of a charge keeps the order’s number, which is not sent', () => {
    for (const name of ['payment.charge', 'card-payment.charge', 'binding.cancel', 'card-binding.cancel']) {
      expect(writeOf(samples.adapter, name).unsent).toEqual(['app_trans_id']);
    }
  });

  it('is not answered “not found” with any meaning after 48 hours', () => {
    for (const operation of Object.values(samples.adapter.operations)) {
      if (isWrite(operation)) expect(operation.query?.answersForMs).toBe(48 * 3_600_000);
    }
  });

  const statusOf = (operation: string, body: object, refused = false) => {
    const write = writeOf(samples.adapter, operation);
    const exchange = { operation: write.query?.operation ?? '', status: 200, body };
    // What the codes mean of a try that is known for this one.
    return judge(samples.adapter, exchange, {
      ...subjectOfTicket(write, ticketOf(operation), refused),
      repeats: false,
    });
  };

  it('of a charge ends with a decline, where an order stays open', () => {
    const body = { return_code: 2, sub_return_code: -63 };
    expect(statusOf('payment.charge', body).verdict).toMatchObject({
      kind: 'terminal',
      outcome: 'failed',
      reason: 'insufficient-funds',
    });
    expect(statusOf('payment.create', body).verdict).toMatchObject({
      kind: 'poll-required',
      reason: 'insufficient-funds',
    });
  });

  it('of a charge ends when its payer canceled it or its code had expired, where an order stays open and says why', () => {
    const said = (sub_return_code: number) => ({ return_code: 2, sub_return_code });
    for (const operation of ['payment.charge', 'payment.scan']) {
      expect(statusOf(operation, said(-329)).verdict).toMatchObject({
        kind: 'terminal',
        outcome: 'canceled',
        code: '2/-329',
      });
      expect(statusOf(operation, said(-322)).verdict).toMatchObject({
        kind: 'terminal',
        outcome: 'failed',
        reason: 'expired',
      });
    }
    expect(statusOf('payment.create', said(-329)).verdict).toMatchObject({ kind: 'poll-required', reason: 'canceled' });
    // A payer who gave up one try has not taken the order off the table.
    expect(statusOf('payment.cancel', said(-329)).verdict).toMatchObject({ kind: 'poll-required' });
  });

  it('whose money the payer lacks is told to be canceled before other money is taken', () => {
    expect(statusOf('payment.charge', { return_code: 2, sub_return_code: -63 }).verdict.advice).toMatch(
      /cancel it before taking the money another way/,
    );
  });

  it('of a scan is told apart from every other order of its number, and a charge from every other charge of its order', () => {
    const identityOf = (operation: string) => writeOf(samples.adapter, operation).identity;
    expect(identityOf('payment.scan')).toEqual(identityOf('payment.create'));
    expect(identityOf('card-payment.charge')).toEqual(identityOf('payment.charge'));
    expect(identityOf('payment.charge')).not.toEqual(identityOf('payment.create'));
    expect(identityOf('refund.create')).toEqual({ number: 'm_refund_id' });
    for (const operation of ['payment.cancel', 'binding.cancel', 'card-binding.cancel'])
      expect(identityOf(operation)).toBe('target');
  });

  it('of a charge may find an earlier try under the order’s number, that of a scan may not', () => {
    const repeats = (operation: string) =>
      writeOf(samples.adapter, operation).numberRepeats?.(samples.complete[operation] ?? {}) === true;
    expect(
      Object.keys(samples.adapter.operations).filter(
        name => isWrite(operationOf(samples.adapter, name)) && repeats(name),
      ),
    ).toEqual(['payment.charge', 'card-payment.charge']);
  });

  it('of a charge knows its own try by ZaloPay’s number, and an order learns none of a try’s', () => {
    const declined = (zp_trans_id: number) => ({ return_code: 2, sub_return_code: -63, zp_trans_id });
    const processing = { return_code: 3, app_trans_id: '261121_2553_0002', zp_trans_id: 261_121_000_006_576 };
    const own = judge(samples.adapter, {
      operation: 'payment.charge',
      sent: samples.complete['payment.charge'] ?? {},
      status: 200,
      body: processing,
    });
    const learns = (operation: string) => writeOf(samples.adapter, operation).learns ?? [];
    const known = Object.fromEntries(
      Object.entries(own.reference).filter(([name]) => learns('payment.charge').includes(name)),
    );
    const write = writeOf(samples.adapter, 'payment.charge');
    const ticket = {
      ...ticketOf('payment.charge'),
      reference: { app_trans_id: '261121_2553_0002', ...known } as Record<string, string>,
    };
    const asked = (body: object) =>
      judge(samples.adapter, { operation: 'payment.query', status: 200, body }, subjectOfTicket(write, ticket, false))
        .verdict;
    expect(asked(declined(261_121_000_006_576))).toMatchObject({ kind: 'terminal', outcome: 'failed' });
    expect(asked(declined(261_121_000_006_575))).toMatchObject({ kind: 'poll-required', reason: 'conflict' });
    const ofOrder = statusOf('payment.create', declined(261_121_000_006_575)).reference;
    expect(
      Object.keys(ofOrder).filter(name => ofOrder[name] !== undefined && learns('payment.create').includes(name)),
    ).toEqual([]);
  });

  it('of an order learns no number of ZaloPay’s from a success that contradicts itself', () => {
    const body = { return_code: 1, is_processing: true, amount: 50_000, zp_trans_id: 261_121_000_006_575 };
    expect(statusOf('payment.create', body)).toMatchObject({
      verdict: { kind: 'poll-required', code: '1/processing' },
      acknowledges: true,
    });
    expect(statusOf('payment.create', body).reference['zp_trans_id']).toBeUndefined();
  });

  it('of what is in progress has heard of the order, whose amount is 0 until it is paid', () => {
    const body = { return_code: 1, is_processing: true, amount: 0, zp_trans_id: 0 };
    for (const operation of ['payment.create', 'payment.scan']) {
      expect(statusOf(operation, body)).toMatchObject({
        verdict: { kind: 'poll-required', reason: 'processing' },
        acknowledges: true,
        conflict: false,
      });
      expect(statusOf(operation, { ...body, amount: 49_999 })).toMatchObject({
        verdict: { reason: 'conflict' },
        acknowledges: false,
      });
    }
  });

  it('of a charge does not end with a failure nobody has explained', () => {
    for (const body of [{ return_code: 2 }, { return_code: 2, sub_return_code: -77_777 }]) {
      expect(statusOf('payment.charge', body).verdict).toMatchObject({
        kind: 'poll-required',
        reason: 'unknown-outcome',
      });
    }
  });

  it('of an order is not settled by another amount, and learns ZaloPay’s number from the paid answer only', () => {
    expect(statusOf('payment.create', { return_code: 1, amount: 49_999 }).verdict).toMatchObject({
      kind: 'poll-required',
      reason: 'conflict',
    });
    const paid = statusOf('payment.create', { return_code: 1, amount: 50_000, zp_trans_id: 261_121_000_006_575 });
    expect(paid.verdict).toMatchObject({ kind: 'terminal', outcome: 'succeeded' });
    expect(paid.reference).toMatchObject({ zp_trans_id: '261121000006575' });
    for (const body of [
      { return_code: 3, zp_trans_id: 261_121_000_006_575 },
      { return_code: 1, amount: 50_000, zp_trans_id: 0 },
      { return_code: 1, amount: 50_000, zp_trans_id: '0' },
    ]) {
      expect(statusOf('payment.create', body).reference['zp_trans_id']).toBeUndefined();
    }
    // Past 2^53 JSON has lost the last digits: it is no number to learn.
    expect(
      statusOf('payment.create', { return_code: 1, amount: 50_000, zp_trans_id: 2 ** 60 }).reference['zp_trans_id'],
    ).toBe(UNREADABLE);
  });

  it('of a cancel ends well when the order expired, and as already final when it was paid and the cancel refused', () => {
    expect(statusOf('payment.cancel', { return_code: 2, sub_return_code: -54 }).verdict).toMatchObject({
      outcome: 'succeeded',
    });
    expect(statusOf('payment.cancel', { return_code: 1 }).verdict).toMatchObject({ kind: 'poll-required' });
    const paid = { return_code: 1, is_processing: false, zp_trans_id: 261_121_000_006_575 };
    expect(statusOf('payment.cancel', paid, true).verdict).toMatchObject({
      outcome: 'failed',
      reason: 'already-final',
    });
    expect(statusOf('payment.cancel', { return_code: 1 }, true).verdict).toMatchObject({ kind: 'poll-required' });
  });

  it('of an unbinding ends when the binding’s status says so', () => {
    const bound = (status: number) => ({ return_code: 1, data: { app_trans_id: '261121_2553_0003', status } });
    expect(statusOf('binding.cancel', bound(3)).verdict).toMatchObject({ outcome: 'succeeded' });
    expect(statusOf('binding.cancel', bound(1)).verdict).toMatchObject({ kind: 'poll-required' });
  });
});

describe('the factory', () => {
  it('sends to ZaloPay’s hosts, or to the merchant’s own', () => {
    expect(adapter).toMatchObject({
      name: 'zalopay',
      account: '2553',
      baseUrl: 'https://sb-openapi.zalopay.vn',
      ownBaseUrl: false,
      encodings: ['json', 'form'],
    });
    expect(zalopay({ ...credentials, environment: 'production' }).baseUrl).toBe('https://openapi.zalopay.vn');
    expect(zalopay({ ...credentials, baseUrl: 'http://127.0.0.1:8080/' })).toMatchObject({
      baseUrl: 'http://127.0.0.1:8080',
      ownBaseUrl: true,
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['an appId that is a text', { appId: '2553' }],
    ['an appId of 0', { appId: 0 }],
    ['no key1', { key1: undefined }],
    ['a blank key2', { key2: ' ' }],
    ['another environment', { environment: 'staging' }],
    ['a base URL that is none', { baseUrl: 'openapi.zalopay.vn' }],
    ['a path that is none', { paths: { 'payment.cancel': 'v2/cancel' } }],
    ['a path to another host', { paths: { 'payment.cancel': '//example.com/v2' } }],
    ['a path that cannot be set', { paths: { 'payment.create': '/v2/create' } }],
  ])('refuses %s without telling a key', (_title, wrong) => {
    try {
      zalopay({ ...credentials, ...wrong });
      expect.unreachable();
    } catch (error) {
      expect(isInputError(error)).toBe(true);
      expect(String(error)).not.toMatch(new RegExp(`${key1}|${key2}`));
    }
  });

  it('sends nothing to a path nobody has confirmed until the merchant names it', () => {
    const sendable = (given: ZalopayCredentials): string[] =>
      Object.values(zalopay(given).operations).flatMap(({ name, sendable, path }) =>
        sendable === false ? [] : [`${name} ${path}`],
      );
    expect(sendable(credentials)).toContain('payment.cancel /v2/cancel');
    expect(sendable(credentials).join()).not.toMatch(/card-binding\.cancel|card-payment\.charge/);
    const paths = {
      'card-binding.cancel': '/v2/tokenization/unbind',
      'card-payment.charge': '/v2/tokenization/pay',
      'payment.cancel': '/v2/order/cancel',
    };
    expect(sendable({ ...credentials, paths })).toEqual(
      expect.arrayContaining([
        'card-binding.cancel /v2/tokenization/unbind',
        'card-payment.charge /v2/tokenization/pay',
        'payment.cancel /v2/order/cancel',
      ]),
    );
  });

  it('waits for an order’s end and for a late first request’s', () =>
    expect(adapter.policy).toEqual({ poll: { absentAfterMs: 900_000, deadlineMs: 960_000 } }));
});

describe('the simulator', () => {
  const voice = zalopayVoice(credentials);
  const heard = (operation: string, fields: Fields, { form = false, atMs = nowMs } = {}) => {
    const { path } = operationOf(adapter, operation);
    const texts = Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)]);
    return voice.hear({
      method: 'POST',
      url: new URL(adapter.baseUrl + path),
      headers: new Headers({
        'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json; charset=UTF-8',
      }),
      body: form ? new URLSearchParams(texts).toString() : JSON.stringify(fields),
      nowMs: atMs,
    });
  };
  const sendable = Object.values(adapter.operations).flatMap(({ name, sendable }) =>
    sendable === false ? [] : [name],
  );

  it.each(sendable)('understands a signed %s as JSON and as a form', async operation => {
    const fields = bodyOf(operation, samples.complete[operation] ?? {});
    expect(await heard(operation, fields)).toMatchObject({ operation });
    expect(await heard(operation, fields, { form: true })).toMatchObject({ operation });
  });

  it.each(sendable)('refuses a %s that was signed with another key or another app, or long ago', async operation => {
    const fields = bodyOf(operation, samples.complete[operation] ?? {});
    const other = zalopay({ ...credentials, key1: 'another' }).body(
      samples.complete[operation] ?? {},
      contextOf(operation),
    );
    expect(await heard(operation, other)).toMatchObject({
      refused: { body: { return_code: 2, sub_return_code: -402 } },
    });
    expect(await heard(operation, { ...fields, app_id: 1 })).toMatchObject({
      refused: { body: { sub_return_code: -402 } },
    });
    const late = await heard(operation, fields, { atMs: nowMs + 900_001 });
    const stamped = ['app_time', 'req_date', 'timestamp'].some(name => Object.hasOwn(fields, name));
    expect('refused' in late).toBe(stamped);
  });

  it('answers in words the adapter understands', async () => {
    const entry = {
      kind: 'payment',
      operation: 'payment.create',
      act: 'create',
      reference: '261121_2553_0001',
      providerId: '261121000006575',
      fields: {},
      amount: '50000',
      currency: 'VND',
      openedAtMs: nowMs,
      bookings: 0,
      of: undefined,
      refundedAmount: undefined,
    } as const;
    const ask = async (
      operation: string,
      state: 'open' | 'paid' | 'declined' | 'canceled' | 'expired' | 'refunded',
    ) => {
      const sent = samples.complete[operation] ?? {};
      const request = await heard(operation, bodyOf(operation, sent));
      if ('refused' in request) return expect.unreachable();
      const answer = voice.say({
        heard: request,
        nowMs,
        answer: 'state',
        entry: { ...entry, state, reference: request.reference },
      });
      const { code, listed } = adapter.classify({ operation, sent, status: 200, body: answer.body });
      expect(listed).toBe(true);
      return code;
    };
    expect(await ask('payment.create', 'open')).toBe('1');
    expect(await ask('payment.query', 'open')).toBe('3');
    expect(await ask('payment.query', 'paid')).toBe('1');
    expect(await ask('payment.query', 'refunded')).toBe('1');
    expect(await ask('payment.query', 'declined')).toBe('2/-63');
    expect(await ask('payment.query', 'expired')).toBe('2/-54');
    expect(await ask('payment.scan', 'paid')).toBe('1');
    expect(await ask('payment.scan', 'open')).toBe('1/processing');
    expect(await ask('payment.scan', 'declined')).toBe('2/-63');
    expect(await ask('payment.charge', 'open')).toBe('3');
    expect(await ask('payment.charge', 'paid')).toBe('1');
    expect(await ask('refund.query', 'open')).toBe('3/2');
    expect(await ask('refund.query', 'declined')).toBe('2/0');
    expect(await ask('binding.query', 'paid')).toBe('1/1');
    expect(await ask('binding.query', 'canceled')).toBe('1/3');
    expect(await ask('card-binding.query', 'paid')).toBe('1/1');
  });
});

describe('through the client', () => {
  const bench = (options: Partial<SimulatorOptions> = {}) => {
    const clock = manualClock({ startMs: nowMs });
    const simulator = simulateGateway({ voice: zalopayVoice(credentials), clock, ...options });
    const gateway = createGateway({ adapter, clock, client: ky.extend({ fetch: simulator.fetch }) });
    return { clock, simulator, gateway };
  };
  const order = { app_trans_id: '261121_2553_0001', app_user: 'user-7', amount: 50_000, description: 'Tea' };
  const tokens = { identifier: 'user-7', pay_token: 'MADEUP', zp_trans_token: 'AC261121_2553_0001' };
  const charge = { ...tokens, app_trans_id: order.app_trans_id };

  it('an order is created, and paid by its payer', async () => {
    const { clock, gateway, simulator } = bench({ lives: { create: lives.paidAfter(90_000) } });
    const made = await clock.run(gateway.settle('payment.create', order));
    expect(made).toMatchObject({ outcome: 'created', answer: { zp_trans_token: 'AC261121_2553_0001' } });
    const paid = await clock.run(gateway.untilSettled(made.ticket));
    expect(paid).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
    expect(paid.reference.provider).toBe(simulator.ledger.payment(order.app_trans_id)?.providerId);
  });

  it('an order whose answer was lost exists once, without its link', async () => {
    const { clock, gateway, simulator } = bench({
      lives: { create: lives.open() },
      faults: { onSend: ['reset-after-booking'] },
    });
    const settlement = await clock.run(gateway.settle('payment.create', order));
    expect(settlement).toMatchObject({ outcome: 'created', settledBy: 'query', attempts: 1 });
    expect(settlement.answer).toBeUndefined();
    expect(simulator.ledger.payment(order.app_trans_id)).toMatchObject({ sends: 1 });
  });

  it('an order that never arrived is absent, but not within 15 minutes', async () => {
    const { clock, gateway } = bench({ faults: { onSend: ['reset-before-booking'] } });
    const settlement = await clock.run(gateway.settle('payment.create', order));
    expect(settlement).toMatchObject({ outcome: 'absent', attempts: 1 });
    expect(settlement.elapsedMs).toBeGreaterThanOrEqual(900_000);
  });

  it('an order nobody pays expires', async () => {
    const { clock, gateway } = bench({ lives: { create: lives.expiresAfter(900_000) } });
    const { ticket } = await clock.run(gateway.settle('payment.create', order));
    expect(await clock.run(gateway.untilSettled(ticket))).toMatchObject({ outcome: 'expired' });
  });

  it.each([
    ['paid after 25 minutes is told', lives.paidAfter(25 * 60_000), 'succeeded', 25 * 60_000],
    ['that nobody pays is followed to its end', lives.expiresAfter(30 * 60_000), 'expired', 30 * 60_000],
  ])('an order of half an hour %s', async (_title, life, outcome, afterMs) => {
    const { clock, gateway } = bench({ lives: { create: life } });
    const { ticket } = await clock.run(gateway.settle('payment.create', { ...order, expire_duration_seconds: 1800 }));
    const settlement = await clock.run(gateway.untilSettled(ticket));
    expect(settlement).toMatchObject({ outcome, settledBy: 'query' });
    expect(settlement.elapsedMs).toBeGreaterThanOrEqual(afterMs);
    expect(settlement.elapsedMs).toBeLessThanOrEqual(afterMs + 120_000);
  });

  it('maintenance is waited out, and each send is signed for its own moment', async () => {
    const { clock, gateway, simulator } = bench({ faults: { onSend: ['maintenance', 'rate-limited'] } });
    expect(await clock.run(gateway.settle('payment.create', order))).toMatchObject({ outcome: 'created', attempts: 3 });
    expect(simulator.ledger.payment(order.app_trans_id)).toMatchObject({
      answers: ['maintenance', 'rate-limited', 'open'],
    });
  });

  it('a token is charged once, although the answer was lost', async () => {
    const { clock, gateway, simulator } = bench({ lives: { create: lives.open(), charge: lives.paidAfter(8_000) } });
    await clock.run(gateway.settle('payment.create', order));
    simulator.script(order.app_trans_id, {
      on: { 'payment.charge': ['503-after-booking'] },
      life: lives.paidAfter(8_000),
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect(simulator.ledger.payment(order.app_trans_id)).toMatchObject({ bookings: 1 });
  });

  it('a refund that was accepted is not done until its query says so', async () => {
    const { clock, gateway, simulator } = bench({ lives: { refund: lives.paidAfter(480_000) } });
    const { ticket } = await clock.run(gateway.settle('payment.create', order));
    const { reference } = await clock.run(gateway.untilSettled(ticket));
    const refund = {
      m_refund_id: '261121_2553_R1',
      zp_trans_id: reference.provider ?? '',
      amount: 50_000,
      description: 'back',
    };
    const settlement = await clock.run(gateway.settle('refund.create', refund));
    expect(settlement).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
      verdict: { reason: 'refunded' },
    });
    expect(settlement.elapsedMs).toBeGreaterThanOrEqual(480_000);
    expect(simulator.ledger.refund('261121_2553_R1')).toMatchObject({ bookings: 1 });
  });

  it('a cancel whose answer was lost ends by what became of the order', async () => {
    const { clock, gateway, simulator } = bench({ lives: { create: lives.open() } });
    await clock.run(gateway.settle('payment.create', order));
    simulator.script(order.app_trans_id, { on: { 'payment.cancel': ['hang-after-booking'] } });
    expect(await clock.run(gateway.settle('payment.cancel', { app_trans_id: order.app_trans_id }))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
    });
  });

  it('a paid order is not canceled', async () => {
    const { clock, gateway } = bench();
    await clock.run(gateway.settle('payment.create', order));
    expect(await clock.run(gateway.settle('payment.cancel', { app_trans_id: order.app_trans_id }))).toMatchObject({
      outcome: 'failed',
      verdict: { reason: 'already-final', code: '2/-403' },
    });
  });

  const scan = { ...order, payment_code_raw: '180000000000000001', payment_code: btoa('180000000000000001') };

  it('a scanned code is charged once its payer has typed the PIN', async () => {
    const { clock, gateway, simulator } = bench({ lives: { charge: lives.paidAfter(8_000) } });
    const settlement = await clock.run(gateway.settle('payment.scan', scan));
    expect(settlement).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
      ticket: { charge: true },
    });
    expect(settlement.reference.provider).toBe(simulator.ledger.payment(scan.app_trans_id)?.providerId);
    expect(JSON.stringify(settlement)).not.toMatch(/180000000000000001|MTgwMDAw/);
  });

  it('a scanned code whose answer says that it is paid is asked about no more', async () => {
    const { clock, gateway } = bench();
    expect(await clock.run(gateway.settle('payment.scan', scan))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'answer',
      polls: 0,
    });
  });

  it.each([
    ['cancels', 'canceled', 'canceled', '2/-329'],
    ['lacks the money', 'declined', 'failed', '2/-63'],
    ['shows a code that has expired', 'expired', 'failed', '2/-322'],
  ] as const)('a payer who %s is told within ten seconds after it', async (_title, state, outcome, code) => {
    const { clock, gateway } = bench({ lives: { charge: lives.steps([{ afterMs: 5_000, state }]) } });
    const settlement = await clock.run(gateway.settle('payment.scan', scan));
    expect(settlement).toMatchObject({ outcome, verdict: { code }, settledBy: 'query' });
    expect(settlement.elapsedMs).toBeLessThanOrEqual(15_000);
  });

  it('a scanned code is charged once, although the answer was lost', async () => {
    const { clock, gateway, simulator } = bench({ faults: { onSend: ['reset-after-booking'] } });
    expect(await clock.run(gateway.settle('payment.scan', scan))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect(simulator.ledger.payment(scan.app_trans_id)).toMatchObject({ bookings: 1, sends: 1 });
  });

  it('a scan that is asked for again is the same one, although its code was encrypted again; another code is another', async () => {
    const clock = manualClock({ startMs: nowMs });
    const decrypt = (paymentCode: string): string => atob(paymentCode).slice(1);
    const salted = simulateGateway({ voice: zalopayVoice(credentials, { decrypt }), clock });
    const gateway = createGateway({ adapter, clock, client: ky.extend({ fetch: salted.fetch }) });
    const withSalt = (salt: string, code = scan.payment_code_raw) => ({
      ...scan,
      payment_code_raw: code,
      payment_code: btoa(salt + code),
    });
    expect(await clock.run(gateway.settle('payment.scan', withSalt('a')))).toMatchObject({ outcome: 'succeeded' });
    expect(await clock.run(gateway.settle('payment.scan', withSalt('b')))).toMatchObject({
      outcome: 'succeeded',
      repeated: true,
    });
    await expect(clock.run(gateway.settle('payment.scan', withSalt('a', '180000000000000002')))).rejects.toSatisfy(
      isReferenceInUseError,
    );
    expect(salted.requests.filter(({ act }) => act === 'charge')).toHaveLength(1);
  });

  it('an order that is being charged is charged with no other token meanwhile', async () => {
    const { clock, gateway, simulator } = bench({ lives: { create: lives.open(), charge: lives.open() } });
    await clock.run(gateway.settle('payment.create', order));
    const first = gateway.settle('payment.charge', charge);
    await expect(gateway.settle('payment.charge', { ...charge, pay_token: 'ANOTHER' })).rejects.toSatisfy(
      isReferenceInUseError,
    );
    await clock.run(first);
    expect(simulator.requests.filter(({ act }) => act === 'charge')).toHaveLength(1);
  });

  it('a scanned code through the drop-in, encrypted and signed by its caller, is followed like any other', async () => {
    const { clock, gateway, simulator } = bench({ lives: { charge: lives.paidAfter(8_000) } });
    const { payment_code_raw, ...sent } = { ...scan, app_id: 2553, app_time: nowMs, embed_data: '{}', item: '[]' };
    const mac = hmac(`2553|${sent.app_trans_id}|${sent.app_user}|${sent.amount}|${nowMs}|{}|[]|${payment_code_raw}`);
    const answer = await clock.run(gateway.client.post('v2/quick_pay', { json: { ...sent, mac } }).json());
    expect(answer).toMatchObject({ return_code: 1, is_processing: false });
    expect(simulator.ledger.payment(scan.app_trans_id)).toMatchObject({ bookings: 1, sends: 1 });
  });

  it('a scanned code under a wrong signature is refused, and nobody polls for it', async () => {
    const { clock, gateway } = bench();
    const settlement = await clock.run(gateway.settle('payment.scan', { ...scan, payment_code: btoa('another code') }));
    expect(settlement).toMatchObject({ outcome: 'rejected', verdict: { reason: 'authentication' }, polls: 0 });
  });

  /**
   * A gateway of two answers: one for the write, one for each query, which may change with the seconds since the call.
   */
  const answering = (write: object, query: object | ((atS: number) => object)) => {
    const clock = manualClock({ startMs: nowMs });
    const told = (): object =>
      typeof query === 'function' ? (query as (atS: number) => object)((clock.now() - nowMs) / 1000) : query;
    const fetch = (request: Request | URL | string) =>
      Promise.resolve(Response.json(/query/.test((request as Request).url) ? told() : write));
    return { clock, gateway: createGateway({ adapter, clock, client: ky.extend({ fetch }) }) };
  };
  const failure = (sub_return_code?: number, sub_return_message = '') => ({
    return_code: 2,
    sub_return_code,
    sub_return_message,
  });

  it('a failure that no table lists ends once ZaloPay has no such order, with its own code', async () => {
    const { clock, gateway } = answering(failure(-77_777, 'Từ chối'), failure(-101));
    const settlement = await clock.run(gateway.settle('payment.create', order));
    expect(settlement).toMatchObject({
      outcome: 'failed',
      verdict: { code: '2/-77777', message: 'Từ chối', listed: false },
    });
    expect(settlement.elapsedMs).toBeLessThanOrEqual(30_000);
  });

  it('a charge whose answer was lost is not failed by a decline that nothing shows to be its own', async () => {
    const { clock, gateway } = answering({ return_code: 2, sub_return_code: -500 }, failure(-63));
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      verdict: { code: '2/-63' },
    });
    const { clock: other, gateway: told } = answering(
      { return_code: 3, zp_trans_id: 7 },
      { ...failure(-63), zp_trans_id: 7 },
    );
    const settlement = await other.run(told.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'failed', verdict: { code: '2/-63' } });
    expect(settlement.elapsedMs).toBeLessThanOrEqual(10_000);
  });

  const paid = { return_code: 1, is_processing: false, amount: 50_000, zp_trans_id: 9 };
  const refund = { m_refund_id: '261121_2553_R1', zp_trans_id: '261121000006575', amount: 50_000, description: 'back' };

  it.each([
    ...[-49, -217, -301, -33, -34, -135, -1, -403, -999, -7032].map(code => ['payment.charge', code] as const),
    ...[-49, -217, -301, -33, -34, -135, -1, -403, -7032].map(code => ['payment.scan', code] as const),
    ...[-49, -63, -217, -329].map(code => ['payment.create', code] as const),
  ])('%s answered with a code (%i) that another table leaves open has not failed because ZaloPay does not have the order yet', async (operation, code) => {
    const { clock, gateway } = answering(failure(code), atS => (atS < 9 ? failure(-101) : paid));
    const fields = { 'payment.charge': charge, 'payment.scan': scan, 'payment.create': order }[operation];
    expect(await clock.run(gateway.settle(operation, fields as never))).toMatchObject({
      outcome: 'succeeded',
      attempts: 1,
    });
  });

  it.each([
    -1, -16,
  ])('a refund that is answered as pending or in progress (%i) has not failed because ZaloPay does not have it yet', async code => {
    const { clock, gateway } = answering(failure(code), atS =>
      atS < 8 ? failure(-101) : atS < 60 ? { return_code: 3, sub_return_code: code } : { return_code: 1 },
    );
    expect(await clock.run(gateway.settle('refund.create', refund))).toMatchObject({
      outcome: 'succeeded',
      attempts: 1,
    });
  });

  it.each([
    ['a charge in progress', 'payment.charge', { return_code: 1, is_processing: true, zp_trans_id: 5 }],
    ['a charge without a number', 'payment.charge', { return_code: 1, zp_trans_id: 0 }],
    ['a charge with an error beside it', 'payment.charge', { return_code: 1, sub_return_code: -63, zp_trans_id: 5 }],
    ['a scan of other money', 'payment.scan', { return_code: 1, is_processing: false, zp_trans_id: 5, amount: 1 }],
  ] as const)('a success that contradicts itself is asked about, not believed: %s', async (_title, operation, answer) => {
    const { clock, gateway } = answering(answer, { return_code: 3 });
    expect(
      await clock.run(
        gateway.settle(operation, { 'payment.charge': charge, 'payment.scan': scan }[operation] as never),
      ),
    ).toMatchObject({ outcome: 'unresolved' });
  });

  it('a scan that met maintenance of the app is not sent again: nobody says that it was not processed', async () => {
    const { clock, gateway } = answering(failure(-33), atS => (atS < 9 ? { return_code: 3 } : paid));
    expect(await clock.run(gateway.settle('payment.scan', scan))).toMatchObject({ outcome: 'succeeded', attempts: 1 });
  });

  it.each([
    [-63, 'failed', 'insufficient-funds', /cancel it before taking the money another way/],
    [-329, 'canceled', 'canceled', /cancel it before taking the money another way/],
    [-1330, 'failed', 'limit-exceeded', /daily limit/],
    [-332, 'failed', 'declined', /promotion/],
  ] as const)('a charge that is itself answered %i has ended, although its order stays open', async (code, outcome, reason, advice) => {
    const { clock, gateway } = answering(failure(code), { return_code: 3 });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({
      outcome,
      settledBy: 'answer',
      polls: 0,
      verdict: { code: `2/${code}`, reason },
    });
    expect(settlement.verdict.advice).toMatch(advice);
  });

  it.each([
    ['answered "in progress"', { return_code: 3 }],
    ['whose answer was lost', failure(-500)],
  ])('a charge %s is failed once its order, seen open before, has told the same decline for ten seconds', async (_title, answer) => {
    const { clock, gateway } = answering(answer, atS => (atS < 4 ? { return_code: 3 } : failure(-63)));
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({
      outcome: 'failed',
      settledBy: 'query',
      attempts: 1,
      verdict: { code: '2/-63', reason: 'insufficient-funds' },
    });
    expect(settlement.elapsedMs).toBeGreaterThanOrEqual(14_000);
    expect(settlement.elapsedMs).toBeLessThanOrEqual(18_000);
  });

  it('a charge whose order told a decline for a moment only is paid when it says so', async () => {
    const { clock, gateway } = answering({ return_code: 3 }, atS =>
      atS < 4
        ? { return_code: 3 }
        : atS < 10
          ? failure(-63)
          : atS < 20
            ? { return_code: 3 }
            : atS < 24
              ? failure(-63)
              : paid,
    );
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded' });
  });

  it('a scan is waited for two minutes, and a user who says otherwise is heard', async () => {
    const { clock, gateway } = answering({ return_code: 3 }, { return_code: 3 });
    expect(await clock.run(gateway.settle('payment.scan', scan))).toMatchObject({
      outcome: 'unresolved',
      elapsedMs: 120_000,
    });
    const policy = { poll: { resendWhenAbsent: true } };
    const { elapsedMs } = await clock.run(
      gateway.settle('payment.scan', { ...scan, app_trans_id: '261121_2553_0002' }, { policy }),
    );
    expect(elapsedMs).toBe(960_000);
  });

  it('an order number of the wrong format is refused, not asked about', async () => {
    const { clock, gateway } = answering(failure(-92), failure(-92));
    expect(await clock.run(gateway.settle('payment.create', order))).toMatchObject({
      outcome: 'rejected',
      polls: 0,
      verdict: { reason: 'invalid-request' },
    });
  });

  it.each([
    ['payment.create', -999, 30_000],
    ['refund.create', -999, 30_000],
    ['payment.create', -429, 10_000],
    ['refund.create', -429, 10_000],
  ] as const)('%s answered %i is not sent three times within seconds', async (operation, code, atLeastMs) => {
    const { clock, gateway } = answering(failure(code), failure(-101));
    const settlement = await clock.run(
      gateway.settle(operation, { 'payment.create': order, 'refund.create': refund }[operation] as never),
    );
    expect(settlement).toMatchObject({ outcome: 'rejected', attempts: 3 });
    expect(settlement.elapsedMs).toBeGreaterThanOrEqual(atLeastMs);
  });

  it.each([
    [failure(-500)],
    [failure()],
  ])('a system error is none, and is asked about until absence may be believed: %o', async answer => {
    const { clock, gateway } = answering(answer, failure(-101));
    const settlement = await clock.run(gateway.settle('payment.create', order));
    expect(settlement).toMatchObject({ outcome: 'absent' });
    expect(settlement.elapsedMs).toBeGreaterThanOrEqual(900_000);
  });

  it.each([
    [-217, 'declined'],
    [-43, 'maintenance'],
    [-34, 'maintenance'],
  ])('an error of the bank or the channel (%i) that stays the same ends a scan, and leaves an order open', async (code, reason) => {
    const { clock, gateway } = answering({ return_code: 3 }, failure(code, 'Lỗi ngân hàng'));
    const settlement = await clock.run(gateway.settle('payment.scan', scan));
    expect(settlement).toMatchObject({
      outcome: 'failed',
      verdict: { code: `2/${code}`, reason, message: 'Lỗi ngân hàng' },
    });
    expect(settlement.elapsedMs).toBeGreaterThanOrEqual(10_000);
    expect(settlement.elapsedMs).toBeLessThanOrEqual(15_000);
    const { ticket } = await clock.run(answering({ return_code: 1 }, {}).gateway.settle('payment.create', order));
    expect(await clock.run(gateway.untilSettled(ticket))).toMatchObject({ outcome: 'unresolved', verdict: { reason } });
  });

  it('maintenance of a charge is waited for, not knocked at three times in a second', async () => {
    const { clock, gateway, simulator } = bench({ lives: { create: lives.open() } });
    await clock.run(gateway.settle('payment.create', order));
    simulator.script(order.app_trans_id, { on: { 'payment.charge': ['maintenance', 'maintenance'] } });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'succeeded', attempts: 3 });
    expect(settlement.elapsedMs).toBeGreaterThanOrEqual(30_000);
  });

  it('the drop-in takes JSON and forms, and puts in what only the merchant’s key can', async () => {
    const { clock, gateway } = bench();
    const form = new URLSearchParams({
      ...order,
      app_trans_id: '261121_2553_0009',
      amount: '50000',
      app_id: '2553',
      app_time: '1',
      mac: 'none',
    });
    expect(await clock.run(gateway.client.post('v2/create', { json: order }).json())).toMatchObject({ return_code: 1 });
    expect(await clock.run(gateway.client.post('v2/create', { body: form }).json())).toMatchObject({ return_code: 1 });
    expect(
      await clock.run(
        gateway.client.post('v2/query', { body: new URLSearchParams({ app_trans_id: '261121_2553_0009' }) }).json(),
      ),
    ).toMatchObject({ amount: 50_000 });
  });

  it('the order’s number of a charge stays at home', async () => {
    const sent: unknown[] = [];
    const client = ky.extend({
      fetch: async request => {
        sent.push(await (request as Request).json());
        return Response.json({
          return_code: 1,
          sub_return_code: 1,
          app_trans_id: charge.app_trans_id,
          zp_trans_id: 261_121_000_006_576,
        });
      },
    });
    const settlement = await createGateway({ adapter, client }).settle('payment.charge', charge);
    expect(settlement).toMatchObject({
      outcome: 'succeeded',
      reference: { merchant: charge.app_trans_id, provider: '261121000006576' },
    });
    expect(Object.keys(sent[0] as object).sort()).toEqual([
      'app_id',
      'identifier',
      'mac',
      'pay_token',
      'req_date',
      'zp_trans_token',
    ]);
  });

  it('the drop-in gets a declined charge’s own answer', async () => {
    const { clock, gateway, simulator } = bench({ lives: { create: lives.open(), charge: lives.declined() } });
    await clock.run(gateway.settle('payment.create', order));
    expect(await clock.run(gateway.client.post('v2/agreement/pay', { json: tokens }).json())).toMatchObject({
      return_code: 2,
      sub_return_code: -1010,
    });
    expect(simulator.ledger.payment(order.app_trans_id)).toMatchObject({ bookings: 0 });
  });

  it('a lost drop-in charge that names no order is unresolved; one that names it is asked about', async () => {
    const { clock, gateway, simulator } = bench({ lives: { create: lives.open(), charge: lives.declined() } });
    await clock.run(gateway.settle('payment.create', order));
    simulator.script(order.app_trans_id, { on: { 'payment.charge': [always('503-before-booking')] } });
    await expect(clock.run(gateway.client.post('v2/agreement/pay', { json: tokens }))).rejects.toSatisfy(
      isUnresolvedError,
    );
    simulator.script(order.app_trans_id, { life: lives.expiresAfter(60_000) });
    await expect(clock.run(gateway.client.post('v2/agreement/pay', { json: charge }))).rejects.toSatisfy(
      // An order whose time is over ends every try under its number.
      error => isSettledError(error) && error.settlement.outcome === 'expired',
    );
  });
});
