import { createHash } from 'node:crypto';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { qfpay, type QfpayCredentials } from '../../src/adapters/qfpay/index.ts';
import { qfpayNotice, qfpayVoice } from '../../src/adapters/qfpay/simulator.ts';
import { createGateway, type GatewayEvent, type Received } from '../../src/index.ts';
import { lives, manualClock, simulateGateway, type Entry, type Life } from '../../src/testing/index.ts';
import { refused, verified } from './received.ts';

const clientKey = '615ED178BA524459976CE40FAB78000F';
const credentials: QfpayCredentials = { appCode: 'APP0CODE', clientKey, environment: 'sandbox' };
const gateway = createGateway({ adapter: qfpay(credentials) });

const signatureOf = (body: string, key = clientKey, hash = 'md5'): string =>
  createHash(hash)
    .update(body + key)
    .digest('hex')
    .toUpperCase();

const deliver = (body: string, headers: Record<string, string> = { 'X-QF-SIGN': signatureOf(body) }): Request =>
  new Request('https://shop.example/qfpay', { method: 'POST', headers, body });

const receive = (told: unknown, of = gateway): Promise<Received> => of.receive(deliver(JSON.stringify(told)));

/**
 * The notification printed at https://sdk.qfapi.com/docs/common-api/async-notifications, byte for byte as Python writes
 * it.
 */
const sample =
  '{"status": "1", "pay_type": "800101", "sysdtm": "2020-06-15 10:32:58", "paydtm": "2020-06-15 10:33:35", "goods_name": "", "txcurrcd": "HKD", "txdtm": "2020-06-15 10:32:58", "mchid": "O37MRh6Qq5", "txamt": "10", "exchange_rate": "", "chnlsn2": "", "out_trade_no": "9G3ZIWTG1R3IVSC2AH2O5EGKJQ7I72QO", "syssn": "20200615000200020000641807", "cash_fee_type": "", "cancel": "0", "respcd": "0000", "goods_info": "", "cash_fee": "0", "notify_type": "payment", "chnlsn": "2020061522001453561406303428", "cardcd": "2088032341453564"}';
const payment = JSON.parse(sample) as Record<string, string>;

/** A refund's, as a point of sale got it in 2025: https://github.com/odoo/odoo/tree/19.0/addons/pos_qfpay */
const refund = {
  status: '1',
  sysdtm: '2025-08-26 17:51:34',
  txcurrcd: 'HKD',
  orig_out_trade_no: 'ORDER-1',
  mchid: '8Bx9jdHgmaQJ',
  txdtm: '2025-08-26 17:51:34',
  txamt: '400',
  orig_syssn: '20250826155400087645770447',
  out_trade_no: 'REFUND-1',
  syssn: '20250821155400847635342115',
  respcd: '0000',
  notify_type: 'refund',
};

describe('a notification', () => {
  it('of a payment is verified over its raw bytes, and gives the payment’s ticket', async () => {
    const received = verified(await gateway.receive(deliver(sample)));
    expect(received.verdict).toMatchObject({
      kind: 'terminal',
      outcome: 'succeeded',
      reason: 'approved',
      code: 'payment/0000',
      listed: true,
    });
    expect(received.ticket).toMatchObject({
      gateway: 'qfpay',
      account: 'APP0CODE',
      operation: 'payment.create',
      reference: { out_trade_no: '9G3ZIWTG1R3IVSC2AH2O5EGKJQ7I72QO', syssn: '20200615000200020000641807' },
      openedAt: '2020-06-15T02:32:58.000Z',
      seen: true,
      expect: { amount: '10', currency: 'HKD' },
    });
  });

  it('is answered SUCCESS, or what makes QFPay send it again', async () => {
    const { reply, askAgain } = verified(await gateway.receive(deliver(sample)));
    expect([reply.status, await reply.text()]).toEqual([200, 'SUCCESS']);
    expect([askAgain.status, await askAgain.text()]).not.toContain('SUCCESS');
    expect(askAgain.status).toBe(500);
  });

  it('may be signed in lower case', async () => {
    expect(await gateway.receive(deliver(sample, { 'x-qf-sign': signatureOf(sample).toLowerCase() }))).toMatchObject({
      verified: true,
    });
  });

  it('of a refund gives the refund’s ticket: its own number, and the payment’s syssn', async () => {
    const { verdict, ticket } = verified(await receive(refund));
    expect(verdict).toMatchObject({ kind: 'terminal', outcome: 'succeeded', reason: 'refunded', code: 'refund/0000' });
    expect(ticket).toMatchObject({ operation: 'refund.create', expect: { amount: '400', currency: 'HKD' } });
    expect(ticket.reference).toEqual({ out_trade_no: 'REFUND-1', syssn: '20250826155400087645770447' });
  });

  it('of a refund that is called "cancel", as until 2026, is a refund’s when it names the payment', async () => {
    expect(verified(await receive({ ...refund, notify_type: 'cancel' }))).toMatchObject({
      verdict: { reason: 'refunded' },
      ticket: { operation: 'refund.create' },
    });
    expect(verified(await receive({ ...payment, notify_type: 'cancel' })).verdict).toMatchObject({
      kind: 'poll-required',
      reason: 'unknown-outcome',
    });
  });

  it('of an online card is told by its order_type; the window of its enquiry begins at the earlier of its times', async () => {
    const card = {
      ...payment,
      status: undefined,
      notify_type: undefined,
      order_type: 'payment',
      txdtm: '2021-12-08 07:04:15',
      sysdtm: '2021-12-08 15:04:16',
    };
    const { verdict, ticket } = verified(await receive(card));
    expect(verdict).toMatchObject({ outcome: 'succeeded' });
    expect(ticket.openedAt).toBe('2021-12-07T23:04:15.000Z');
  });

  it.each([
    ['1', 'canceled', 'canceled'],
    ['2', 'canceled', 'canceled'],
    ['3', 'refunded', 'refunded'],
    ['5', 'succeeded', 'partially-refunded'],
  ])('of a payment with cancel=%s is %s', async (cancel, outcome, reason) => {
    expect(verified(await receive({ ...payment, cancel })).verdict).toMatchObject({ outcome, reason });
  });

  it.each<[string, Record<string, unknown>]>([
    [
      'an answer to a request: it is signed in the same way, and its 0000 only says that an order exists',
      { notify_type: undefined },
    ],
    ['a kind of 2018', { notify_type: 'close' }],
    ['a pre-authorisation', { notify_type: 'unfreeze' }],
    ['a kind that has the name of an object’s own', { notify_type: '__proto__' }],
    ['another status', { status: '2' }],
    ['a status of no kind', { status: {} }],
    ['another code', { respcd: '1145' }],
    ['a number for a code', { respcd: 0 }],
    ['no code', { respcd: undefined }],
    ['a pre-authorisation that was finished', { cancel: '4' }],
    ['a flag that no manual names', { cancel: '9' }],
  ])('that may be %s is genuine and decides nothing', async (_what, change) => {
    expect(verified(await receive({ ...payment, ...change })).verdict).toMatchObject({
      kind: 'poll-required',
      reason: 'unknown-outcome',
    });
  });

  it('has a time nobody can read: the window begins now', async () => {
    const { ticket } = verified(await receive({ ...payment, txdtm: 'yesterday', sysdtm: 20200615 }));
    expect(Math.abs(Date.parse(ticket.openedAt) - Date.now())).toBeLessThan(60_000);
  });

  it('of another merchant ID of the same app code is for that one’s adapter', async () => {
    const agent = (mchid: string) => createGateway({ adapter: qfpay({ ...credentials, mchid }) });
    expect(refused(await receive(payment, agent('ANOTHER')))).toBe('it is about another mchid');
    expect(verified(await receive(payment, agent('O37MRh6Qq5'))).ticket.account).toBe('APP0CODE/O37MRh6Qq5');
    // The manual calls it optional: where none is stated, the enquiry that follows goes out under this one.
    expect(await receive({ ...payment, mchid: undefined }, agent('ANOTHER'))).toMatchObject({ verified: true });
  });

  it.each<[string, unknown]>([
    ['a number', 4711],
    ['a list', ['4711']],
    ['an object', { id: '4711' }],
    ['null', null],
    ['an empty text', ''],
    ['a text with a blank', '4711 '],
  ])('whose mchid is %s does not pass as the merchant’s', async (_what, mchid) => {
    const merchant = createGateway({ adapter: qfpay({ ...credentials, mchid: '4711' }) });
    expect(refused(await receive({ ...payment, mchid }, merchant))).toBe('it is about another mchid');
    expect(await receive({ ...payment, mchid: '4711' }, merchant)).toMatchObject({ verified: true });
  });
});

describe('a signature', () => {
  // QFPayAPIReference_JAPAN.docx 3.4.3. It is the answer to a request: genuine, and no word about money.
  const answer =
    '{"pay_type": "800108", "sysdtm": "2018-01-12 19:31:16", "cardcd": "2088802362210279", "txdtm": "2018-01-12 19:31:22", "resperr": "\\u4ea4\\u6613\\u6210\\u529f", "txcurrcd": "CNY", "txamt": "1", "respmsg": "", "out_trade_no": "130145934788787530052", "syssn": "20180112000100020001662134", "respcd": "0000"}';

  it('is what QFPay printed for its own sample', async () => {
    const received = verified(
      await gateway.receive(deliver(answer, { 'X-QF-SIGN': '1E2CE7C2A7F8F581C354A857182B7A31' })),
    );
    expect(received.ticket.reference).toEqual({
      out_trade_no: '130145934788787530052',
      syssn: '20180112000100020001662134',
    });
    expect(received.verdict).toMatchObject({ kind: 'poll-required', reason: 'unknown-outcome', listed: false });
  });

  const right = signatureOf(sample);
  it.each<[string, Request]>([
    ['a tampered body', deliver(sample.replace('"txamt": "10"', '"txamt": "11"'), { 'X-QF-SIGN': right })],
    ['a body written again', deliver(JSON.stringify(payment), { 'X-QF-SIGN': right })],
    [
      'escapes written out',
      deliver(answer.replace('\\u4ea4', '交'), { 'X-QF-SIGN': '1E2CE7C2A7F8F581C354A857182B7A31' }),
    ],
    ['a byte order mark', deliver(`\uFEFF${sample}`, { 'X-QF-SIGN': right })],
    ['a line feed at the end', deliver(`${sample}\n`, { 'X-QF-SIGN': right })],
    ['another key', deliver(sample, { 'X-QF-SIGN': signatureOf(sample, 'another-key') })],
    ['no key', deliver(sample, { 'X-QF-SIGN': signatureOf(sample, '') })],
    ['no header', deliver(sample, {})],
    ['an empty header', deliver(sample, { 'X-QF-SIGN': '' })],
    ['half a signature', deliver(sample, { 'X-QF-SIGN': right.slice(0, 16) })],
    ['a signature and more', deliver(sample, { 'X-QF-SIGN': `${right}0` })],
    ['two signatures', deliver(sample, { 'X-QF-SIGN': `${right}, ${right}` })],
    ['a better hash that nobody named', deliver(sample, { 'X-QF-SIGN': signatureOf(sample, clientKey, 'sha256') })],
    ['the weaker hash under the better one’s name', deliver(sample, { 'X-QF-SIGN': right, 'X-QF-SIGNTYPE': 'SHA256' })],
    ['a hash of no name', deliver(sample, { 'X-QF-SIGN': right, 'X-QF-SIGNTYPE': 'constructor' })],
    [
      'a hash that QFPay does not use',
      deliver(sample, { 'X-QF-SIGN': signatureOf(sample, clientKey, 'sha1'), 'X-QF-SIGNTYPE': 'SHA1' }),
    ],
  ])('is refused with %s, and the reason quotes nothing', async (_what, request) => {
    const received = await gateway.receive(request);
    expect(refused(received)).not.toMatch(/[0-9A-F]{8}|another-key|9G3Z/i);
    expect([received.reply.status, await received.reply.text()]).toEqual([400, 'REFUSED']);
  });

  it('is MD5 whatever the requests are signed with, or SHA-256 where QFPay says so', async () => {
    for (const signType of ['MD5', 'SHA256'] as const) {
      const account = createGateway({ adapter: qfpay({ ...credentials, signType }) });
      expect(await account.receive(deliver(sample, { 'X-QF-SIGN': right }))).toMatchObject({ verified: true });
      expect(await account.receive(deliver(sample, { 'X-QF-SIGN': right, 'X-QF-SIGNTYPE': 'md5' }))).toMatchObject({
        verified: true,
      });
      const better = { 'X-QF-SIGN': signatureOf(sample, clientKey, 'sha256'), 'X-QF-SIGNTYPE': 'SHA256' };
      expect(await account.receive(deliver(sample, better))).toMatchObject({ verified: true });
    }
  });

  it('does not make a notification of what is none: signed rubbish is refused and nothing throws', async () => {
    for (const told of [
      { ...payment, out_trade_no: undefined, syssn: undefined },
      { ...payment, out_trade_no: '', syssn: {} },
      [payment],
      [],
      null,
      7,
      true,
      'SUCCESS',
      {},
    ]) {
      refused(await receive(told));
    }
    for (const body of [
      '',
      ' ',
      '{',
      '{"notify_type": "payment"',
      '\u0000',
      'status=1&respcd=0000',
      '[['.repeat(50_000),
      `"${'x'.repeat(300_000)}"`,
    ]) {
      refused(await gateway.receive(deliver(body)));
    }
    refused(
      await gateway.receive(new Request('https://shop.example/qfpay', { headers: { 'X-QF-SIGN': signatureOf('') } })),
    );
  });
});

const order = { txamt: 1000, txcurrcd: 'HKD', pay_type: '800201', out_trade_no: 'ORDER-1' };

/** A gateway whose payments do what `script` says, and the loops that wait for them. */
function scene(options: { startMs?: number; life?: Life } = {}) {
  const clock = manualClock(options.startMs === undefined ? {} : { startMs: options.startMs });
  const events: GatewayEvent[] = [];
  const simulator = simulateGateway({
    voice: qfpayVoice(credentials),
    clock,
    lives: { create: options.life ?? lives.open(), refund: lives.open() },
  });
  const client = ky.create({ fetch: simulator.fetch });
  const paying = createGateway({ adapter: qfpay(credentials), client, clock, onEvent: event => events.push(event) });
  const noticeOf = (entry: Entry | undefined, change: Partial<Entry> = {}): Request => {
    if (entry === undefined) throw new Error('there is no such entry');
    return qfpayNotice(credentials, { ...entry, ...change }, clock.now());
  };
  return {
    clock,
    simulator,
    paying,
    conflicts: () => events.filter(({ type }) => type === 'conflict'),
    queries: () => simulator.requests.filter(({ act }) => act === 'query' || act === 'refund-query').length,
    /** The notification that the payment is paid, whether or not it is. */
    notice: () => noticeOf(simulator.ledger.payment('ORDER-1'), { state: 'paid' }),
    refundNotice: () => noticeOf(simulator.ledger.refund('REFUND-1')),
    created: async () => (await clock.run(paying.settle('payment.create', order))).ticket,
  };
}

describe('a loop that waits for QFPay', () => {
  it('ends at once, after the one enquiry that QFPay recommends', async () => {
    const { clock, paying, simulator, queries, notice, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    simulator.script('ORDER-1', { life: lives.paid() });
    const before = [clock.now(), queries()] as const;
    const { verdict } = verified(await paying.receive(notice()));
    expect(await following).toMatchObject({ outcome: 'succeeded', settledBy: 'query', verdict: { code: '0000' } });
    expect(verdict).toMatchObject({ outcome: 'succeeded' });
    expect([clock.now(), queries(), clock.pending]).toEqual([before[0], before[1] + 1, 0]);
  });

  it('goes on when the enquiry does not know yet what the notification says', async () => {
    const { clock, paying, simulator, notice, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    await paying.receive(notice());
    await clock.untilQuiet();
    expect(clock.pending).toBe(1);
    simulator.script('ORDER-1', { life: lives.paid() });
    await paying.receive(notice());
    expect(await following).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
  });

  it('of a refund ends by the refund’s notification', async () => {
    const { clock, paying, simulator, refundNotice } = scene({ life: lives.paid() });
    const { reference } = await clock.run(paying.settle('payment.create', order));
    const refunding = paying.settle('refund.create', {
      txamt: 400,
      out_trade_no: 'REFUND-1',
      syssn: reference.provider ?? '',
    });
    await clock.untilQuiet();
    simulator.script('REFUND-1', { life: lives.paid() });
    const before = clock.now();
    const { ticket } = verified(await paying.receive(refundNotice()));
    expect(await refunding).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      verdict: { reason: 'refunded' },
    });
    expect(ticket).toMatchObject({
      operation: 'refund.create',
      reference: { out_trade_no: 'REFUND-1', syssn: reference.provider },
    });
    expect([clock.now() - before, clock.pending]).toEqual([0, 0]);
  });

  it('is not disturbed by a forgery, nor by another order', async () => {
    const { clock, paying, queries, notice, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    const before = queries();
    const genuine = notice();
    const body = await genuine.text();
    await paying.receive(
      deliver(body.replace('"1000"', '"1"'), { 'X-QF-SIGN': genuine.headers.get('X-QF-SIGN') ?? '' }),
    );
    await receive(payment, paying);
    await clock.untilQuiet();
    expect([queries(), clock.pending]).toEqual([before, 1]);
    expect(await clock.run(following)).toMatchObject({ outcome: 'unresolved' });
  });
});

describe('a late or repeated notification of QFPay', () => {
  it('says the same again, and asks nobody', async () => {
    const { clock, paying, queries, notice, conflicts, created } = scene({ life: lives.paid() });
    expect(await clock.run(paying.untilSettled(await created()))).toMatchObject({ outcome: 'succeeded' });
    const before = queries();
    for (let time = 0; time < 3; time++) {
      clock.advance(120_000);
      expect(verified(await paying.receive(notice())).verdict).toMatchObject({ outcome: 'succeeded' });
    }
    expect([queries(), conflicts().length]).toEqual([before, 0]);
  });

  it('paid after expired: a conflict, and the enquiry decides', async () => {
    const { clock, paying, simulator, notice, conflicts, created } = scene({ life: lives.expiresAfter(1000) });
    expect(await clock.run(paying.untilSettled(await created()))).toMatchObject({ outcome: 'expired' });
    simulator.script('ORDER-1', { life: lives.paid() });
    const { verdict, ticket } = verified(await clock.run(paying.receive(notice())));
    expect(verdict).toMatchObject({ outcome: 'succeeded', code: '0000' });
    expect(ticket.reference).toMatchObject({ out_trade_no: 'ORDER-1' });
    expect(conflicts()).toHaveLength(1);
  });

  it.each([
    ['refunded', 'refunded'],
    ['canceled', 'canceled'],
  ] as const)('paid after %s moves nothing back: a conflict, and it stays %s', async (state, outcome) => {
    const { clock, paying, simulator, notice, conflicts, created } = scene({ life: lives.paid() });
    const ticket = await created();
    simulator.script('ORDER-1', { life: lives.steps([{ state }]) });
    expect(await clock.run(paying.untilSettled(ticket))).toMatchObject({ outcome });
    expect(verified(await clock.run(paying.receive(notice()))).verdict).toMatchObject({ outcome });
    expect(conflicts()).toHaveLength(1);
  });

  it('paid after a reversal that succeeded moves nothing back', async () => {
    const { clock, paying, notice, conflicts, created } = scene();
    const { reference } = await created();
    expect(await clock.run(paying.settle('payment.reverse', { ...reference, txamt: 1000 }))).toMatchObject({
      outcome: 'succeeded',
    });
    const { verdict } = verified(await clock.run(paying.receive(notice())));
    expect(verdict).toMatchObject({ outcome: 'canceled' });
    expect(conflicts()).toHaveLength(1);
  });

  it('is enough to find last month’s order by', async () => {
    const lastMinute = Date.parse('2026-11-30T15:59:30Z');
    const { clock, paying, simulator, notice, created } = scene({ startMs: lastMinute });
    await created();
    clock.advance(90_000);
    simulator.script('ORDER-1', { life: lives.paid() });
    const { ticket } = verified(await paying.receive(notice()));
    expect(await clock.run(paying.ask(ticket))).toMatchObject({ kind: 'terminal', outcome: 'succeeded' });
  });
});
