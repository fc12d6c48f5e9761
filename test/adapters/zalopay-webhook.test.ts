import { createHmac } from 'node:crypto';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { zalopay, type ZalopayCredentials } from '../../src/adapters/zalopay/index.ts';
import { zalopayNotice, zalopayVoice } from '../../src/adapters/zalopay/simulator.ts';
import { constant, createGateway, type GatewayEvent } from '../../src/index.ts';
import { always, lives, manualClock, simulateGateway, type Entry, type Life } from '../../src/testing/index.ts';
import { refused, verified } from './received.ts';

// The public sandbox app of ZaloPay's own samples.
const key1 = 'PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL';
const key2 = 'kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz';
const credentials: ZalopayCredentials = { appId: 2553, key1, key2, environment: 'sandbox' };
const gateway = createGateway({ adapter: zalopay(credentials) });

const macOf = (data: string, key = key2): string => createHmac('sha256', key).update(data).digest('hex');

const deliver = (body: string): Request =>
  new Request('https://shop.example/zalopay', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });

/** A callback about these facts, signed as ZaloPay signs. */
const callback = (told: unknown, change: object = {}): Request => {
  const data = typeof told === 'string' ? told : JSON.stringify(told);
  return deliver(JSON.stringify({ data, mac: macOf(data), type: 1, ...change }));
};

/** The callback printed at https://docs.zalopay.vn/docs/specs/callback-api, with its mac. */
const data =
  '{"app_id":2553,"app_trans_id":"200904_2553_1598435687208","app_time":1599189392817,"app_user":"demo","amount":10000,"embed_data":"{\\"merchantinfo\\":\\"embeddata123\\",\\"promotioninfo\\":\\"\\"}","item":"[{\\"itemid\\":\\"knb\\",\\"itemname\\":\\"kim nguyen bao\\",\\"itemprice\\":198400,\\"itemquantity\\":1}]","zp_trans_id":200904000000389,"server_time":1599189413498,"channel":38,"merchant_user_id":"7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB--8Eytqc","user_fee_amount":0,"discount_amount":0}';
const mac = 'd8d33baf449b31d7f9b94fa50d7c942c08cd4d83f28fa185557da21acb104f67';
const printed = (change: object = {}): Request => deliver(JSON.stringify({ data, mac, type: 1, ...change }));
const paidOrder = JSON.parse(data) as Record<string, unknown>;

const agreement = {
  app_id: 2553,
  app_trans_id: '261121_2553_B1',
  binding_id: '261121qQe7vGnqp0agyforLAy0D2b1x3',
  pay_token: 'MADEUPPAYTOKEN0001',
  server_time: 1_795_235_400,
  merchant_user_id: 'user-7',
  status: 1,
  msg_type: 1,
  zp_user_id: 'Bs8KJXf2GKyfVv_fnxG7IwG5VbQ8H_qGsOUW2UJAJSM',
  masked_user_phone: '****0001',
};

describe('a callback', () => {
  it('is what ZaloPay printed: verified, paid, and with a ticket', async () => {
    const received = verified(await gateway.receive(printed()));
    expect(received.verdict).toMatchObject({
      kind: 'terminal',
      outcome: 'succeeded',
      reason: 'approved',
      code: 'order',
      listed: true,
    });
    expect(received.ticket).toMatchObject({
      gateway: 'zalopay',
      account: '2553',
      operation: 'payment.create',
      reference: { app_trans_id: '200904_2553_1598435687208', zp_trans_id: '200904000000389' },
      openedAt: '2020-09-04T03:16:32.817Z',
      seen: true,
      expect: { amount: '10000', currency: 'VND' },
    });
  });

  it('is answered in ZaloPay’s words', async () => {
    const { reply, askAgain } = verified(await gateway.receive(printed()));
    expect([reply.status, await reply.json()]).toEqual([200, { return_code: 1, return_message: 'success' }]);
    expect([askAgain.status, await askAgain.json()]).toEqual([
      200,
      { return_code: 0, return_message: 'callback again' },
    ]);
    const { reply: no } = await gateway.receive(printed({ mac: '' }));
    expect([no.status, await no.json()]).toEqual([200, { return_code: -1, return_message: 'mac not equal' }]);
  });

  it('is told by what its data holds, never by its type', async () => {
    for (const type of [1, 2, '2', null, undefined, { toString: 'x' }]) {
      expect(verified(await gateway.receive(printed({ type }))).ticket.operation).toBe('payment.create');
      expect(verified(await gateway.receive(callback(agreement, { type }))).ticket.operation).toBe('binding.create');
    }
  });

  it.each([
    [1, { kind: 'terminal', outcome: 'succeeded' }],
    [3, { kind: 'terminal', outcome: 'canceled' }],
    [4, { kind: 'terminal', outcome: 'canceled' }],
    [2, { kind: 'poll-required', reason: 'unknown-outcome', listed: false }],
  ])('says by its status what became of an agreement: %i', async (status, verdict) => {
    const received = verified(await gateway.receive(callback({ ...agreement, status })));
    expect(received.verdict).toMatchObject({ ...verdict, code: `agreement/${status}` });
    expect(received.ticket.reference).toEqual({
      app_trans_id: agreement.app_trans_id,
      binding_id: agreement.binding_id,
    });
    expect(JSON.stringify([received.verdict, received.ticket])).not.toContain(agreement.pay_token);
  });

  it('may have its envelope written again: only the data is signed', async () => {
    expect(
      await gateway.receive(deliver(JSON.stringify({ type: 1, mac, more: [], data }, undefined, 2))),
    ).toMatchObject({ verified: true });
  });

  it('tells when the payment was made, an agreement’s does not', async () => {
    const heard = async (request: Request) => {
      const text = await request.text();
      const { method, url, headers } = request;
      const { webhook } = zalopay(credentials);
      const { hear } = (typeof webhook === 'function' ? await webhook() : webhook) ?? {};
      return hear?.({
        method,
        url: new URL(url),
        headers,
        bytes: new TextEncoder().encode(text),
        text,
        nowMs: 0,
      });
    };
    expect(await heard(printed())).toMatchObject({ madeAtMs: 1_599_189_413_498 });
    expect(await heard(callback(agreement))).not.toHaveProperty('madeAtMs');
  });

  it('may name a time that no calendar has', async () => {
    for (const app_time of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 'soon', null]) {
      expect(await gateway.receive(callback({ ...paidOrder, app_time }))).toMatchObject({ verified: true });
    }
  });
});

describe('a mac', () => {
  const escaped = data.replace('demo', '\\u0064emo');

  it.each<[string, Request]>([
    ['of other data', printed({ data: data.replace('"amount":10000', '"amount":99999') })],
    ['of the same data written again', printed({ data: JSON.stringify(paidOrder, undefined, 1) })],
    ['of the same data with other escapes', printed({ data: escaped })],
    ['of the data as an object', printed({ data: paidOrder })],
    ['by the key of the requests', printed({ mac: macOf(data, key1) })],
    ['by another key', printed({ mac: macOf(data, 'another-key') })],
    ['in upper case', printed({ mac: mac.toUpperCase() })],
    ['cut short', printed({ mac: mac.slice(0, 32) })],
    ['that is missing', printed({ mac: undefined })],
    ['that is empty', printed({ mac: '' })],
    ['that is no text', printed({ mac: 1 })],
    ['with no data', printed({ data: undefined })],
    ['with empty data', printed({ data: '', mac: macOf('') })],
  ])('%s is refused, and the reason quotes nothing', async (_what, request) => {
    expect(refused(await gateway.receive(request))).not.toMatch(/[0-9a-f]{8}|another-key|200904|PcY4|kLtg/);
  });

  it('of a redirect, which the payer sees and which has the same key, is no callback', async () => {
    // https://docs.zalopay.vn: checksum = HMAC(key2, appid|apptransid|pmcid|bankcode|amount|discountamount|status)
    refused(await gateway.receive(callback('2553|200904_2553_1598435687208|38||10000|0|1')));
  });

  it('of another app of the same merchant is for that one’s adapter', async () => {
    expect(refused(await gateway.receive(callback({ ...paidOrder, app_id: 2554 })))).toBe('it is about another app_id');
    refused(await gateway.receive(callback({ ...paidOrder, app_id: undefined })));
    expect(await gateway.receive(callback({ ...paidOrder, app_id: '2553' }))).toMatchObject({ verified: true });
  });

  it('over what is neither an order nor an agreement, or both, proves neither', async () => {
    for (const told of [
      { app_id: 2553, app_trans_id: '261121_1' },
      { ...paidOrder, status: 1 },
      { ...agreement, amount: 10_000 },
      { ...paidOrder, amount: undefined },
      { ...agreement, status: { $gt: 0 } },
      { ...paidOrder, app_trans_id: undefined },
      { ...paidOrder, app_trans_id: '' },
    ]) {
      refused(await gateway.receive(callback(told)));
    }
  });

  it('over rubbish does not throw', async () => {
    for (const told of ['null', '[]', '7', '"text"', 'true', '{', ' ', '\u0000', '{}', '[['.repeat(20_000)])
      refused(await gateway.receive(callback(told)));
    for (const body of [
      '',
      '{',
      'null',
      '[]',
      '7',
      `data=${encodeURIComponent(data)}&mac=${mac}`,
      '{}',
      '{"__proto__":{"data":"x","mac":"y"}}',
      'x'.repeat(300_000),
    ]) {
      refused(await gateway.receive(deliver(body)));
    }
    refused(await gateway.receive(new Request('https://shop.example/zalopay')));
  });
});

const order = {
  app_trans_id: '261121_2553_0001',
  app_user: 'user-7',
  amount: 50_000,
  description: 'Tea',
  embed_data: '{"note":"trà đá"}',
};

/** A gateway whose orders do what `script` says, and the loops that wait for them. */
function scene(life: Life = lives.open()) {
  const clock = manualClock({ startMs: Date.UTC(2026, 10, 21, 3, 30) });
  const events: GatewayEvent[] = [];
  const simulator = simulateGateway({
    voice: zalopayVoice(credentials),
    clock,
    lives: { create: life, charge: lives.open(), refund: lives.paid() },
  });
  const client = ky.create({ fetch: simulator.fetch });
  const policy = { poll: { backoff: constant(20_000) } };
  const paying = createGateway({
    adapter: zalopay(credentials),
    client,
    clock,
    policy,
    onEvent: event => events.push(event),
  });
  return {
    clock,
    simulator,
    paying,
    conflicts: () => events.filter(({ type }) => type === 'conflict'),
    queries: () => simulator.requests.filter(({ act }) => act === 'query').length,
    /** The callback that this number is paid (or bound), whether or not it is. */
    notice: (reference = order.app_trans_id, change: Partial<Entry> = {}) => {
      const entry = simulator.ledger.payment(reference);
      if (entry === undefined) throw new Error('there is no such entry');
      return zalopayNotice(credentials, { ...entry, state: 'paid', ...change }, clock.now());
    },
    created: async () => (await clock.run(paying.settle('payment.create', order))).ticket,
  };
}

describe('a loop that waits for ZaloPay', () => {
  it('ends at once, and asks nothing', async () => {
    const { clock, paying, queries, notice, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    const before = [clock.now(), queries()];
    const { verdict } = verified(await paying.receive(notice()));
    const settlement = await following;
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook', verdict });
    expect([clock.now(), queries(), clock.pending]).toEqual([...before, 0]);
  });

  it('for a token payment ends too', async () => {
    const { clock, paying, notice, created } = scene();
    await created();
    const charge = {
      app_trans_id: order.app_trans_id,
      identifier: 'user-7',
      zp_trans_token: `AC${order.app_trans_id}`,
      pay_token: 'MADEUPPAYTOKEN0001',
    };
    const paid = paying.settle('payment.charge', charge);
    await clock.untilQuiet();
    await paying.receive(notice());
    expect(await paid).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'webhook',
      ticket: { operation: 'payment.charge' },
    });
    expect(clock.pending).toBe(0);
  });

  it('for a scanned code asks, since what failed may be called back too', async () => {
    const { clock, paying, simulator, notice } = scene();
    const code = '180000000000000001';
    const scan = { ...order, app_trans_id: '261121_2553_0055', payment_code_raw: code, payment_code: btoa(code) };
    const scanned = paying.settle('payment.scan', scan);
    await clock.untilQuiet();
    simulator.script(scan.app_trans_id, { life: lives.declined() });
    const { confirm } = verified(await paying.receive(notice(scan.app_trans_id)));
    expect(confirm).toBe(true);
    expect(await clock.run(scanned)).toMatchObject({
      outcome: 'failed',
      settledBy: 'query',
      verdict: { code: '2/-63' },
    });
  });

  it('does not believe another amount than was ordered', async () => {
    const { clock, paying, notice, created, conflicts } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    const { verdict } = verified(await paying.receive(notice(order.app_trans_id, { amount: '1' })));
    await clock.untilQuiet();
    expect(verdict).toMatchObject({ kind: 'poll-required', reason: 'conflict' });
    expect([clock.pending, conflicts().length]).toEqual([1, 1]);
    await paying.receive(notice());
    expect(await following).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook' });
  });

  it('for a binding ends by the agreement’s callback', async () => {
    const { clock, paying, notice } = scene();
    const fields = { app_trans_id: '261121_2553_B1', identifier: 'user-7' };
    const { ticket } = await clock.run(paying.settle('binding.create', fields));
    const following = paying.untilSettled(ticket);
    await clock.untilQuiet();
    await paying.receive(notice(fields.app_trans_id));
    expect(await following).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'webhook',
      ticket: { operation: 'binding.create' },
    });
    expect(clock.pending).toBe(0);
  });

  it('for an order is not ended by an agreement of the same number, nor the other way round', async () => {
    const { clock, paying, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    await paying.receive(callback({ ...agreement, app_trans_id: order.app_trans_id }));
    await paying.receive(callback({ ...agreement, app_trans_id: order.app_trans_id, status: 3 }));
    await clock.untilQuiet();
    expect(clock.pending).toBe(1);

    const binding = { ...agreement, app_trans_id: '261121_2553_B2' };
    const { ticket } = await clock.run(
      paying.settle('binding.create', { app_trans_id: binding.app_trans_id, identifier: 'user-7' }),
    );
    const bound = paying.untilSettled(ticket);
    await clock.untilQuiet();
    await paying.receive(callback({ ...paidOrder, app_trans_id: binding.app_trans_id }));
    await clock.untilQuiet();
    expect(clock.pending).toBe(2);
    await paying.receive(callback(binding));
    expect(await bound).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook' });
    expect(await clock.run(following)).toMatchObject({ outcome: 'unresolved' });
  });

  it('is not disturbed by a forgery, nor by another order', async () => {
    const { clock, paying, queries, notice, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    const before = queries();
    const genuine = await notice().text();
    await paying.receive(deliver(genuine.replace('50000', '50001')));
    await paying.receive(printed());
    await clock.untilQuiet();
    expect([queries(), clock.pending]).toEqual([before, 1]);
    await paying.receive(deliver(genuine));
    expect(await following).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook' });
  });
});

describe('a late or repeated callback of ZaloPay', () => {
  it('says the same again, and asks nobody', async () => {
    const { clock, paying, queries, notice, conflicts, created } = scene(lives.paid());
    expect(await clock.run(paying.untilSettled(await created()))).toMatchObject({ outcome: 'succeeded' });
    const before = queries();
    for (let time = 0; time < 3; time++) {
      clock.advance(60_000);
      expect(verified(await paying.receive(notice())).verdict).toMatchObject({ outcome: 'succeeded' });
    }
    expect([queries(), conflicts().length]).toEqual([before, 0]);
  });

  it('paid after expired: a conflict, and the query decides', async () => {
    const { clock, paying, simulator, notice, conflicts, created } = scene(lives.expiresAfter(1000));
    expect(await clock.run(paying.untilSettled(await created()))).toMatchObject({ outcome: 'expired' });
    expect(verified(await clock.run(paying.receive(notice()))).verdict).toMatchObject({
      outcome: 'expired',
      code: '2/-54',
    });
    simulator.script(order.app_trans_id, { life: lives.paid() });
    // Sooner, the same callback makes no other query.
    clock.advance(300_000);
    expect(verified(await clock.run(paying.receive(notice()))).verdict).toMatchObject({
      outcome: 'succeeded',
      code: '1',
    });
    expect(conflicts()).toHaveLength(2);
    expect(verified(await clock.run(paying.receive(notice()))).verdict).toMatchObject({ outcome: 'succeeded' });
    expect(conflicts()).toHaveLength(2);
  });

  it('paid after expired stands while nobody can be asked', async () => {
    const { clock, paying, simulator, notice, conflicts, created } = scene(lives.expiresAfter(1000));
    expect(await clock.run(paying.untilSettled(await created()))).toMatchObject({ outcome: 'expired' });
    simulator.script(order.app_trans_id, { onQuery: [always('reset-before-booking')] });
    expect(verified(await clock.run(paying.receive(notice()))).verdict).toMatchObject({
      outcome: 'succeeded',
      code: 'order',
    });
    expect(conflicts()).toHaveLength(1);
  });

  it('paid after a cancel that succeeded moves nothing back', async () => {
    for (const isReachable of [true, false]) {
      const { clock, paying, simulator, notice, conflicts, created } = scene();
      const { reference } = await created();
      const canceling = paying.settle('payment.cancel', { app_trans_id: reference['app_trans_id'] ?? '' });
      expect(await clock.run(canceling)).toMatchObject({ outcome: 'succeeded' });
      if (!isReachable) simulator.script(order.app_trans_id, { onQuery: [always('reset-before-booking')] });
      const { verdict } = verified(await clock.run(paying.receive(notice())));
      // What was canceled answers a query as expired.
      expect(verdict).toMatchObject({ kind: 'terminal', outcome: isReachable ? 'expired' : 'canceled' });
      expect(conflicts()).toHaveLength(1);
    }
  });

  it('paid again after a refund contradicts nothing: they are two stories', async () => {
    const { clock, paying, notice, conflicts, created } = scene(lives.paid());
    const { reference } = await clock.run(paying.untilSettled(await created()));
    const refund = {
      m_refund_id: '261121_2553_R1',
      zp_trans_id: reference.provider ?? '',
      amount: 50_000,
      description: 'back',
    };
    expect(await clock.run(paying.settle('refund.create', refund))).toMatchObject({ outcome: 'succeeded' });
    expect(verified(await paying.receive(notice())).verdict).toMatchObject({ outcome: 'succeeded' });
    expect(conflicts()).toEqual([]);
  });

  it('a binding that was canceled stays so, whatever a late confirmation says', async () => {
    const { clock, paying, simulator, notice, conflicts } = scene();
    const fields = { app_trans_id: '261121_2553_B1', identifier: 'user-7' };
    await clock.run(paying.settle('binding.create', fields));
    verified(await paying.receive(notice(fields.app_trans_id, { state: 'canceled' })));
    simulator.script(fields.app_trans_id, { life: lives.steps([{ state: 'canceled' }]) });
    expect(verified(await clock.run(paying.receive(notice(fields.app_trans_id)))).verdict).toMatchObject({
      outcome: 'canceled',
      code: '1/3',
    });
    expect(conflicts()).toHaveLength(1);
  });
});
