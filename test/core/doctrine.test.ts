import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CodeTable, Row } from '../../src/core/code-table.ts';
import { judge, judgeNotice, lost, reconcile } from '../../src/core/doctrine.ts';
import { isInputError } from '../../src/core/errors.ts';
import type { Exchange, Reading } from '../../src/core/exchange.ts';
import { operationOf, type Follows } from '../../src/core/operation.ts';
import { subjectOfTicket, type Subject } from '../../src/core/subject.ts';
import type { Ticket } from '../../src/core/ticket.ts';
import { effectOf, isFinal, type Outcome, type Reason, type Verdict } from '../../src/core/verdict.ts';
import { defineAdapter, type Adapter, type AdapterDefinition } from '../../src/kit/adapter.ts';
import type { HeardNotice, Webhook } from '../../src/kit/webhook.ts';
import { acme, readAcme, states, writes, type StateCode, type WriteCode } from '../testing/acme.ts';

/** The invented gateway, which calls an order by another name when it is asked about it. */
const shop = acme({ queryField: 'orderNumber' });
const order = 'A1';
const writeNames = ['payment.charge', 'payment.create', 'payment.cancel', 'payment.capture', 'refund.create'];
const readNames = ['payment.query', 'refund.query'];

/** What the first send of a charge comes to. */
const charged = (code: WriteCode | (string & {}), rest: Partial<Exchange> = {}): Verdict =>
  shop.classify({ operation: 'payment.charge', status: 200, sent: { order, amount: 100 }, body: { code }, ...rest });

/** What a status query comes to, asked about nothing in particular. */
const found = (code: StateCode | (string & {}), rest: Partial<Exchange> = {}): Verdict =>
  shop.classify({ operation: 'payment.query', status: 200, sent: { orderNumber: order }, body: { code }, ...rest });

/** What a status query means to whoever follows a write. */
const followed = (follows: Follows, body: object, subject: Partial<Subject> = {}): Verdict =>
  judge(shop, { operation: 'payment.query', status: 200, body }, { reference: { order }, follows, ...subject }).verdict;

describe('doctrine 1: a verdict is about money, not about HTTP', () => {
  it.each<[string, number, Partial<Verdict> & { outcome?: Outcome }]>([
    ['DECLINED', 200, { kind: 'terminal', outcome: 'failed' }],
    ['0000', 400, { kind: 'terminal', outcome: 'succeeded' }],
    ['PENDING', 404, { kind: 'poll-required', reason: 'processing' }],
    ['REFUSED', 200, { kind: 'terminal', outcome: 'rejected' }],
    ['BUSY', 409, { kind: 'retryable', reason: 'maintenance', listed: true }],
  ])('%s under HTTP %i means what its row says', (code, status, verdict) => {
    expect(charged(code, { status })).toMatchObject(verdict);
  });
});

describe('doctrine 2: terminal only when the provider states a final state', () => {
  it('passes on what the row says: code, reason, advice and the provider’s message', () => {
    expect(charged('NO_FUNDS', { body: { code: 'NO_FUNDS', message: 'not enough' } })).toEqual({
      kind: 'terminal',
      outcome: 'failed',
      code: 'NO_FUNDS',
      reason: 'insufficient-funds',
      listed: true,
      advice: 'Ask for another card.',
      message: 'not enough',
    });
  });

  it.each<Follows>([
    'payment',
    'cancel',
    'capture',
    'refund',
  ])('a refused query never makes a followed %s anything', follows => {
    const verdict = followed(follows, { code: 'refused' }, { refused: true, charge: true });
    expect(verdict).toMatchObject({ kind: 'terminal', outcome: 'rejected' });
    expect(isFinal(verdict, 'payment.query')).toBe(false);
    expect(followed(follows, { code: 'busy' })).toMatchObject({ kind: 'retryable' });
  });
});

describe('doctrine 3: retryable is what was not processed, a read, or a send that never left', () => {
  it.each(['read', 'write'] as const)('a %s that never left may go again', effect => {
    expect(lost(effect, 'not-sent', 'network/ENOTFOUND')).toMatchObject({
      kind: 'retryable',
      reason: 'unreachable',
      code: 'network/ENOTFOUND',
      listed: false,
    });
  });

  it('a read that got no answer may go again, a write may not', () => {
    expect(lost('read', 'maybe-sent', 'timeout').kind).toBe('retryable');
    expect(lost('write', 'maybe-sent', 'timeout')).toMatchObject({
      kind: 'poll-required',
      reason: 'unknown-outcome',
      code: 'timeout',
    });
  });

  it.each([
    200, 202, 400, 404, 429, 499,
  ])('“not processed” under HTTP %i is the gateway’s own word: a write may go again', status => {
    expect(charged('BUSY', { status })).toMatchObject({ kind: 'retryable', reason: 'maintenance', listed: true });
  });

  it.each([
    302, 307, 500, 502, 503, 504,
  ])('“not processed” under HTTP %i is a proxy’s word: a write is asked about, a read may go again', status => {
    for (const code of ['BUSY', 'TOKEN'] as const) {
      expect(charged(code, { status })).toMatchObject({
        kind: 'poll-required',
        reason: 'unknown-outcome',
        listed: false,
        code: `http/${status}`,
      });
    }
    expect(found('busy', { status })).toMatchObject({ kind: 'retryable', listed: true });
  });

  it('carries the least wait and the remedy of its row', () => {
    expect(charged('CLOSED')).toMatchObject({ kind: 'retryable', delayMs: 2000 });
    expect(charged('UNSURE')).toMatchObject({ kind: 'poll-required', delayMs: 1500 });
    expect(charged('BUSY')).not.toHaveProperty('remedy');
  });
});

describe('doctrine 4 and 7: on a write, what is not known is polled', () => {
  const unanswers: [string, Partial<Exchange>][] = [
    ['an unlisted code', { body: { code: 'NEVER-HEARD' } }],
    ['no code', { body: {} }],
    ['an empty body', { body: '' }],
    ['a page of HTML', { body: '<html>' }],
    ['a list', { body: [] }],
    ['null', { body: null }],
    ['a bare 429', { status: 429, body: '' }],
    ['a 503', { status: 503, body: '<html>' }],
    ['a 302', { status: 302, body: '' }],
    ['a 204', { status: 204, body: undefined }],
    ['a success under 500', { status: 500, body: { code: '0000' } }],
    ['a decline under 502', { status: 502, body: { code: 'DECLINED' } }],
    ['a refusal under 429', { status: 429, body: { code: 'REFUSED' } }],
  ];

  it.each(unanswers)('%s is poll-required, unlisted, of unknown outcome', (_what, exchange) => {
    for (const operation of writeNames) {
      expect(shop.classify({ operation, status: 200, body: {}, ...exchange })).toMatchObject({
        kind: 'poll-required',
        listed: false,
        reason: 'unknown-outcome',
      });
    }
  });

  it('names what decided: the unlisted code, the HTTP status, or that it could not be read', () => {
    expect(charged('NEVER-HEARD').code).toBe('NEVER-HEARD');
    expect(charged('', { status: 503, body: '<html>' }).code).toBe('http/503');
    expect(charged('0000', { status: 500 }).code).toBe('http/500');
    expect(charged('', { body: '<html>' }).code).toBe('unreadable');
    expect(charged('', { status: 404, body: 'nope' }).code).toBe('http/404');
  });

  it('keeps a page of text out of code and message', () => {
    const page = 'x'.repeat(100_000);
    const verdict = charged(page, { body: { code: page, message: page } });
    expect(verdict.code.length).toBeLessThanOrEqual(80);
    expect(verdict.message?.length).toBeLessThanOrEqual(300);
  });
});

describe('doctrine 7: on a read, what is not known is asked again', () => {
  it.each<[string, Partial<Exchange>, Partial<Verdict>]>([
    ['a 503', { status: 503, body: '' }, { kind: 'retryable', reason: 'unavailable', code: 'http/503' }],
    ['a success under 500', { status: 500, body: { code: 'paid' } }, { kind: 'retryable', reason: 'unavailable' }],
    ['a bare 429', { status: 429, body: '' }, { kind: 'retryable', reason: 'rate-limited' }],
    ['a success under 429', { status: 429, body: { code: 'paid' } }, { kind: 'retryable', reason: 'rate-limited' }],
    ['an unreadable body', { body: '<html>' }, { kind: 'retryable', reason: 'unreadable', code: 'unreadable' }],
    [
      'an unlisted code',
      { body: { code: 'novel' } },
      { kind: 'poll-required', reason: 'unknown-outcome', code: 'novel' },
    ],
    [
      'an unlisted code under 404',
      { status: 404, body: { code: 'novel' } },
      { kind: 'poll-required', reason: 'unknown-outcome', code: 'novel' },
    ],
    [
      'a success under 302',
      { status: 302, body: { code: 'paid' } },
      { kind: 'poll-required', reason: 'unknown-outcome', code: 'http/302' },
    ],
  ])('%s', (_what, exchange, verdict) => {
    for (const operation of readNames)
      expect(shop.classify({ operation, status: 200, body: {}, ...exchange })).toMatchObject({
        listed: false,
        ...verdict,
      });
  });
});

describe('doctrine 5: once an earlier send may have landed, only the operation’s own success is final', () => {
  const firstSend: Record<WriteCode, Outcome | 'retryable' | 'poll-required'> = {
    PAID: 'succeeded',
    '0000': 'succeeded',
    CREATED: 'created',
    HELD: 'authorized',
    DECLINED: 'failed',
    NO_FUNDS: 'failed',
    BLOCKED: 'failed',
    CANCELED: 'canceled',
    EXPIRED: 'expired',
    REFUNDED: 'refunded',
    REFUSED: 'rejected',
    DUPLICATE: 'rejected',
    TOO_LATE: 'failed',
    BUSY: 'retryable',
    CLOSED: 'retryable',
    TOKEN: 'retryable',
    WAIT: 'retryable',
    PENDING: 'poll-required',
    UNSURE: 'poll-required',
    LIMITED: 'retryable',
  };
  const ownSuccess: unknown[] = ['succeeded', 'created', 'authorized'];
  const wordOf = (verdict: Verdict): string => (verdict.kind === 'terminal' ? verdict.outcome : verdict.kind);
  const rows = Object.entries(firstSend) as [WriteCode, string][];

  it.each(rows)('%s is %s on a first send', (code, word) => {
    expect(wordOf(charged(code))).toBe(word);
    expect(wordOf(charged(code, { attempt: 1 }))).toBe(word);
  });

  it.each(
    rows,
  )('%s, %s on a first send, reads the same when every earlier send provably did not land', (code, word) => {
    expect(wordOf(charged(code, { attempt: 3, mayHaveLanded: false }))).toBe(word);
  });

  it.each(rows)('%s, %s on a first send, is final on a later one only as a success', (code, word) => {
    const expected = ownSuccess.includes(word) || word === 'retryable' ? word : 'poll-required';
    expect(wordOf(charged(code, { attempt: 2 }))).toBe(expected);
    expect(wordOf(charged(code, { attempt: 1, mayHaveLanded: true }))).toBe(expected);
  });

  it('keeps the reason of what it softens, so that the timeline tells', () => {
    expect(charged('DUPLICATE', { attempt: 2 })).toMatchObject({
      kind: 'poll-required',
      reason: 'duplicate',
      code: 'DUPLICATE',
      listed: true,
    });
    expect(charged('TOO_LATE', { attempt: 2 })).toMatchObject({ kind: 'poll-required', reason: 'already-final' });
  });

  it('a duplicate on a first send is another intention’s: rejected, and never a success', () => {
    expect(charged('DUPLICATE')).toMatchObject({ kind: 'terminal', outcome: 'rejected', reason: 'duplicate' });
  });

  it('does not soften reads: they are asked as often as one likes', () => {
    expect(found('expired', { attempt: 5, mayHaveLanded: true })).toMatchObject({
      kind: 'terminal',
      outcome: 'expired',
    });
  });
});

describe('doctrine 6: “not found” is no end', () => {
  it('is poll-required whatever is followed, and acknowledges nothing', () => {
    for (const follows of ['payment', 'cancel', 'capture', 'refund'] as const) {
      const judgement = judge(
        shop,
        { operation: 'payment.query', status: 404, body: { code: 'none' } },
        { reference: { order }, follows, refused: true },
      );
      expect(judgement).toMatchObject({
        verdict: { kind: 'poll-required', reason: 'not-found', listed: true },
        acknowledges: false,
      });
    }
  });

  it('means expired only where the provider has one word for both, of an order that was acknowledged and whose time is over', () => {
    expect(followed('payment', { code: 'none-or-over' }, { over: true })).toMatchObject({
      kind: 'terminal',
      outcome: 'expired',
      reason: 'expired',
      code: 'none-or-over',
    });
    expect(followed('cancel', { code: 'none-or-over' }, { over: true })).toMatchObject({
      kind: 'terminal',
      outcome: 'succeeded',
    });
    expect(followed('payment', { code: 'none-or-over' }, { over: false })).toMatchObject({
      kind: 'poll-required',
      reason: 'not-found',
    });
    expect(followed('payment', { code: 'none' }, { over: true })).toMatchObject({
      kind: 'poll-required',
      reason: 'not-found',
    });
    expect(followed('payment', { code: 'none-or-over', order: 'B2' }, { over: true })).toMatchObject({
      kind: 'poll-required',
      reason: 'conflict',
    });
    expect(found('none-or-over')).toMatchObject({ kind: 'poll-required', reason: 'not-found' });
  });
});

describe('doctrine 7: codes match exactly', () => {
  it.each([
    '0000 ',
    ' 0000',
    '00000',
    '000',
    '0',
    'declined',
    'DECLINED!',
    '',
  ])('%j is not a code of the table', code => {
    expect(charged(code)).toMatchObject({ kind: 'poll-required', listed: false });
  });

  it.each(Object.getOwnPropertyNames(Object.prototype))('%s is a code like any other: unlisted', code => {
    expect(charged(code)).toMatchObject({ kind: 'poll-required', listed: false, code });
    expect(found(code)).toMatchObject({ kind: 'poll-required', listed: false, code });
  });

  it('lists such a code where a table really has it', () => {
    const table = JSON.parse(
      '{"__proto__":{"kind":"terminal","outcome":"failed","reason":"declined"},"constructor":{"kind":"retryable","reason":"maintenance"}}',
    ) as CodeTable;
    const adapter = adapterWith(table, table);
    expect(classifyWrite(adapter, { code: '__proto__' })).toMatchObject({
      kind: 'terminal',
      outcome: 'failed',
      code: '__proto__',
    });
    expect(classifyWrite(adapter, { code: 'constructor' })).toMatchObject({ kind: 'retryable', listed: true });
  });

  it('takes the first name with a row, most telling first', () => {
    const table: CodeTable = { '2': writes.DECLINED, '2/-54': writes.PENDING };
    const adapter = adapterWith(table, table, { read: () => ({ names: ['2/-99', '2/-54', '2'] }) });
    expect(classifyWrite(adapter, {})).toMatchObject({ code: '2/-54', kind: 'poll-required' });
  });

  it('a number is never a text: neither by the usual readers nor by a careless one', () => {
    const numbers: CodeTable = { '0': writes['0000'], '1145': writes['0000'] };
    const careless = adapterWith(numbers, numbers, {
      read: ({ body }) => ({ names: [(body as { code: string }).code] }),
    });
    for (const code of [0, 1145]) {
      expect(classifyWrite(adapterWith(numbers, numbers), { code })).toMatchObject({
        kind: 'poll-required',
        listed: false,
      });
      expect(classifyWrite(careless, { code })).toMatchObject({ kind: 'poll-required', listed: false });
    }
  });

  it('lets an operation choose its table by what was sent', () => {
    const adapter = defineAdapter<{ 'payment.create': { code?: string } }>({
      ...shell,
      operations: {
        'payment.create': {
          path: '/',
          required: {},
          reference: ['code'],
          sameReference: 'unknown',
          codes: ({ sent }) => (sent?.['code'] === undefined ? { OK: writes.CREATED } : { OK: writes['0000'] }),
        },
      },
    });
    const sent = (fields: object): Verdict =>
      adapter.classify({ operation: 'payment.create', status: 200, sent: { ...fields }, body: { code: 'OK' } });
    expect([sent({}), sent({ code: '1' })]).toMatchObject([{ outcome: 'created' }, { outcome: 'succeeded' }]);
  });
});

describe('doctrine 8: accepted is not done', () => {
  it('a refund that was accepted is followed by its own query', () => {
    const accepted = shop.classify({
      operation: 'refund.create',
      status: 200,
      sent: { refund: 'R1' },
      body: { code: 'ACCEPTED' },
    });
    expect(accepted).toMatchObject({ kind: 'poll-required', reason: 'processing' });
    const subject: Subject = { reference: { refund: 'R1' }, follows: 'refund' };
    const asked = (code: string): Verdict =>
      judge(shop, { operation: 'refund.query', status: 200, body: { code, refund: 'R1' } }, subject).verdict;
    expect([asked('pending'), asked('paid'), asked('blocked')]).toMatchObject([
      { kind: 'poll-required' },
      { outcome: 'succeeded' },
      { outcome: 'failed' },
    ]);
  });
});

describe('doctrine 10: a machine token that was refused is renewed', () => {
  it('is retryable with its remedy, on a first send and on a later one', () => {
    for (const attempt of [1, 2])
      expect(charged('TOKEN', { attempt })).toMatchObject({
        kind: 'retryable',
        remedy: 'reauthenticate',
        reason: 'authentication',
      });
  });
});

describe('doctrine 11: where the payer can try again, a decline seen on a query is no end', () => {
  it('is poll-required with the decline’s reason while the order is open', () => {
    expect(followed('payment', { code: 'declined' })).toMatchObject({
      kind: 'poll-required',
      reason: 'declined',
      code: 'declined',
    });
    expect(found('declined')).toMatchObject({ kind: 'poll-required', reason: 'declined' });
  });

  it('is final for a charge in the call', () => {
    expect(followed('payment', { code: 'declined' }, { charge: true })).toMatchObject({
      kind: 'terminal',
      outcome: 'failed',
    });
    expect(charged('DECLINED')).toMatchObject({ kind: 'terminal', outcome: 'failed' });
  });

  it('is final where the provider states so', () => {
    expect(followed('payment', { code: 'blocked' })).toMatchObject({
      kind: 'terminal',
      outcome: 'failed',
      reason: 'risk',
    });
  });
});

describe('doctrine 12: an answer about something else is not believed', () => {
  const expected: Partial<Subject> = { expect: { amount: '100', currency: 'EUR' } };
  const conflict = { kind: 'poll-required', reason: 'conflict', listed: true };

  it.each([
    ['another order', { order: 'B2' }],
    ['another amount', { amount: '1' }],
    ['another currency', { currency: 'JPY' }],
    ['the right amount of another order', { order: 'B2', amount: '100' }],
  ])('%s is a conflict, not a success', (_what, rest) => {
    const judgement = judge(
      shop,
      { operation: 'payment.query', status: 200, body: { code: 'paid', ...rest } },
      { reference: { order }, follows: 'payment', ...expected },
    );
    expect(judgement).toMatchObject({
      verdict: { ...conflict, code: 'paid' },
      conflict: true,
      acknowledges: false,
      reference: {},
    });
  });

  it('holds for the write’s own answer, against what was sent', () => {
    expect(charged('0000', { body: { code: '0000', order: 'B2' } })).toMatchObject(conflict);
    expect(charged('0000', { body: { code: '0000', amount: 99 } })).toMatchObject(conflict);
    expect(
      charged('0000', { sent: { order, amount: 100, currency: 'EUR' }, body: { code: '0000', currency: 'JPY' } }),
    ).toMatchObject(conflict);
  });

  it('holds for declines and open orders of another number', () => {
    for (const code of ['blocked', 'open', 'none'])
      expect(followed('payment', { code, order: 'B2' })).toMatchObject(conflict);
  });

  it('holds for a query that was asked by itself, by its own field names', () => {
    expect(found('paid', { body: { code: 'paid', order: 'B2' } })).toMatchObject(conflict);
    expect(found('paid', { body: { code: 'paid', order } })).toMatchObject({ outcome: 'succeeded' });
  });

  it('compares amounts as decimals: 100.00 is the 100 that was asked for, 100.01 is not', () => {
    expect(charged('0000', { body: { code: '0000', amount: '100.00' } })).toMatchObject({ outcome: 'succeeded' });
    expect(charged('0000', { body: { code: '0000', amount: '100.01' } })).toMatchObject(conflict);
  });

  it('holds for a refusal too when it names another order, but a refusal has no amount to be wrong about', () => {
    expect(followed('payment', { code: 'refused', order: 'B2' })).toMatchObject({
      kind: 'poll-required',
      reason: 'conflict',
    });
    expect(charged('REFUSED', { body: { code: 'REFUSED', order: 'B2' } })).toMatchObject({
      kind: 'poll-required',
      reason: 'conflict',
    });
    expect(charged('REFUSED', { body: { code: 'REFUSED', amount: '7' } })).toMatchObject({ outcome: 'rejected' });
  });

  it('believes an answer that leaves out what the ticket knows, and learns what the ticket lacks', () => {
    const judgement = judge(
      shop,
      { operation: 'payment.query', status: 200, body: { code: 'paid', id: 'P9' } },
      { reference: { order }, follows: 'payment', ...expected },
    );
    expect(judgement).toMatchObject({ verdict: { outcome: 'succeeded' }, conflict: false, reference: { id: 'P9' } });
    expect(
      followed('payment', { code: 'paid', amount: 100, currency: 'EUR' }, { expect: { amount: '100' } }),
    ).toMatchObject({ outcome: 'succeeded' });
  });

  it('expects nothing in particular where nobody said what was sent', () => {
    expect(
      shop.classify({ operation: 'payment.charge', status: 200, body: { code: '0000', order, amount: 100 } }),
    ).toMatchObject({ outcome: 'succeeded' });
  });
});

describe('what a query means depends on the write that is followed', () => {
  const ticketOfCharge: Ticket = {
    version: 1,
    gateway: 'acme',
    account: 'shop-1',
    environment: 'sandbox',
    operation: 'payment.charge',
    reference: { order },
    openedAt: '2026-01-01T00:00:00.000Z',
    seen: false,
    polls: 0,
    charge: true,
    expect: { amount: '100' },
  };
  const closed = { kind: 'terminal', outcome: 'succeeded' };
  const table: Record<string, Partial<Record<StateCode, object>>> = {
    payment: {
      paid: { kind: 'terminal', outcome: 'succeeded', reason: 'approved' },
      'partly-refunded': { kind: 'terminal', outcome: 'succeeded', reason: 'partially-refunded' },
      held: { kind: 'terminal', outcome: 'authorized' },
      made: { kind: 'poll-required', reason: 'awaiting-payer' },
      open: { kind: 'poll-required', reason: 'awaiting-payer' },
      blocked: { kind: 'terminal', outcome: 'failed' },
      canceled: { kind: 'terminal', outcome: 'canceled' },
      refunded: { kind: 'terminal', outcome: 'refunded' },
      expired: { kind: 'terminal', outcome: 'expired' },
    },
    cancel: {
      paid: { kind: 'poll-required', reason: 'processing' },
      held: { kind: 'poll-required', reason: 'processing' },
      open: { kind: 'poll-required' },
      made: { kind: 'poll-required' },
      canceled: closed,
      refunded: closed,
      expired: closed,
      blocked: closed,
    },
    'a finally refused cancel': {
      paid: { kind: 'terminal', outcome: 'failed', reason: 'already-final' },
      held: { kind: 'terminal', outcome: 'failed', reason: 'already-final' },
      open: { kind: 'poll-required' },
      canceled: closed,
      refunded: closed,
      expired: closed,
    },
    capture: {
      paid: { kind: 'terminal', outcome: 'succeeded' },
      held: { kind: 'poll-required', reason: 'processing' },
      made: { kind: 'poll-required' },
      open: { kind: 'poll-required' },
      canceled: { kind: 'terminal', outcome: 'failed', reason: 'canceled' },
      refunded: { kind: 'terminal', outcome: 'failed', reason: 'refunded' },
      expired: { kind: 'terminal', outcome: 'failed', reason: 'expired' },
      blocked: { kind: 'terminal', outcome: 'failed' },
    },
  };
  const cases = Object.entries(table).flatMap(([write, row]) =>
    Object.entries(row).map(([code, verdict]) => [write, code, verdict] as const),
  );

  it.each(cases)('a followed %s that is found %s is judged by what it wanted', (write, code, verdict) => {
    const refused = write.startsWith('a finally refused');
    expect(followed(refused ? 'cancel' : (write as Follows), { code }, { refused })).toMatchObject({
      code,
      listed: true,
      ...verdict,
    });
  });

  it('takes what is followed, expected and charged from the ticket', () => {
    const subject = (operation: string, refused = false): Subject =>
      subjectOfTicket(operationOf(shop, operation), ticketOfCharge, refused);
    expect(subject('payment.charge')).toEqual({
      reference: { order },
      expect: { amount: '100' },
      follows: 'payment',
      charge: true,
      refused: false,
      over: false,
    });
    expect(subject('payment.cancel', true)).toMatchObject({ follows: 'cancel', refused: true });
    expect(subject('payment.query')).toMatchObject({ follows: 'payment' });
  });

  it('takes an order for over only once it was acknowledged and its time is well over', () => {
    const expiresAt = '2026-01-01T00:15:00.000Z';
    const isOver = (known: Partial<Ticket>, at: string): boolean | undefined =>
      subjectOfTicket(operationOf(shop, 'payment.create'), { ...ticketOfCharge, ...known }, false, Date.parse(at)).over;
    expect(isOver({ seen: true, expiresAt }, '2026-01-01T01:00:00.000Z')).toBe(true);
    // Clocks differ, and a payment of the last second takes its time: the very moment is too early.
    expect(isOver({ seen: true, expiresAt }, expiresAt)).toBe(false);
    expect(isOver({ seen: false, expiresAt }, '2026-01-01T01:00:00.000Z')).toBe(false);
    expect(isOver({ seen: true }, '2036-01-01T00:00:00.000Z')).toBe(false);
  });
});

describe('one answer, several rows', () => {
  const rows = (...found: [StateCode, object?][]): object => ({
    rows: found.map(([code, rest]) => ({ code, order, ...rest })),
  });

  it.each<[StateCode, StateCode]>([
    ['paid', 'declined'],
    ['paid', 'blocked'],
    ['paid', 'canceled'],
    ['paid', 'expired'],
    ['paid', 'open'],
    ['paid', 'none'],
    ['paid', 'refused'],
    ['open', 'blocked'],
    ['pending', 'canceled'],
    ['held', 'expired'],
    ['held', 'blocked'],
    ['canceled', 'none'],
    ['blocked', 'refused'],
  ])('%s wins over %s, in whatever order they come', (winner, loser) => {
    for (const body of [rows([winner], [loser]), rows([loser], [winner])])
      expect(followed('payment', body, { charge: true }).code).toBe(winner);
  });

  it('a reference that was paid twice is a success and a conflict', () => {
    const judgement = judge(
      shop,
      { operation: 'payment.query', status: 200, body: rows(['paid'], ['blocked'], ['paid']) },
      { reference: { order }, follows: 'payment' },
    );
    const advice = expect.stringContaining('2 rows') as string;
    expect(judgement).toMatchObject({
      verdict: { kind: 'terminal', outcome: 'succeeded', reason: 'conflict', advice },
      conflict: true,
    });
  });

  it('no rows at all is unreadable', () => {
    expect(followed('payment', { rows: [] })).toMatchObject({ kind: 'retryable', reason: 'unreadable', listed: false });
  });

  it('a paid row of another order is never ours', () => {
    expect(followed('payment', rows(['open'], ['paid', { order: 'B2' }]))).toMatchObject({ kind: 'poll-required' });
  });

  it('rows of other orders do not count: ours decides, whatever they say', () => {
    for (const other of ['paid', 'open', 'blocked'] as const) {
      for (const body of [rows(['expired'], [other, { order: 'B2' }]), rows([other, { order: 'B2' }], ['expired'])]) {
        expect(followed('payment', body)).toMatchObject({ kind: 'terminal', outcome: 'expired' });
      }
    }
  });

  it.each<StateCode>([
    'blocked',
    'canceled',
    'expired',
    'refunded',
  ])('a cancel has not succeeded while one row of the order is paid, though another is %s', dead => {
    for (const body of [rows(['paid'], [dead]), rows([dead], ['paid'])]) {
      expect(followed('cancel', body)).toMatchObject({ kind: 'poll-required', code: 'paid' });
      expect(followed('cancel', body, { refused: true })).toMatchObject({
        kind: 'terminal',
        outcome: 'failed',
        code: 'paid',
      });
    }
  });

  it('two dead rows of a canceled order are a canceled order, not one that was paid twice', () => {
    const judgement = judge(
      shop,
      { operation: 'payment.query', status: 200, body: rows(['blocked'], ['canceled']) },
      { reference: { order }, follows: 'cancel' },
    );
    expect(judgement).toMatchObject({ verdict: { kind: 'terminal', outcome: 'succeeded' }, conflict: false });
    expect(judgement.verdict.reason).not.toBe('conflict');
  });
});

describe('what an answer proves of our order', () => {
  const proofs: [string, boolean, Exchange][] = [
    ...(
      ['paid', 'held', 'open', 'pending', 'declined', 'blocked', 'canceled', 'expired', 'refunded', 'known'] as const
    ).map((code): [string, boolean, Exchange] => [
      `a query that says ${code}`,
      true,
      { operation: 'payment.query', status: 200, body: { code } },
    ]),
    ...(['none', 'refused', 'busy', 'novel'] as const).map((code): [string, boolean, Exchange] => [
      `a query that says ${code}`,
      false,
      { operation: 'payment.query', status: 200, body: { code } },
    ]),
    ['a query under 503', false, { operation: 'payment.query', status: 503, body: { code: 'paid' } }],
    ['PENDING on a write', true, { operation: 'payment.charge', status: 200, body: { code: 'PENDING' } }],
    ['CREATED on a write', true, { operation: 'payment.create', status: 200, body: { code: 'CREATED' } }],
    ['UNSURE on a write', false, { operation: 'payment.charge', status: 200, body: { code: 'UNSURE' } }],
    ['BUSY on a write', false, { operation: 'payment.charge', status: 200, body: { code: 'BUSY' } }],
    ['REFUSED on a write', false, { operation: 'payment.charge', status: 200, body: { code: 'REFUSED' } }],
    ['DUPLICATE on a first send', false, { operation: 'payment.charge', status: 200, body: { code: 'DUPLICATE' } }],
    [
      'DUPLICATE after a send that may have landed',
      true,
      { operation: 'payment.charge', status: 200, attempt: 2, body: { code: 'DUPLICATE' } },
    ],
  ];

  it.each(proofs)('%s proves that it exists: %s', (_what, acknowledges, exchange) => {
    expect(judge(shop, exchange, { reference: { order } }).acknowledges).toBe(acknowledges);
  });
});

describe('what a verified notice means', () => {
  const webhook: Webhook = {
    hear: () => expect.fail('is heard already'),
    codes: states,
    reply: () => ({ body: 'OK' }),
  };
  const subject: Subject = { reference: { order }, expect: { amount: '100' }, follows: 'payment' };
  const noticed = (
    code: string,
    rest: Partial<HeardNotice> = {},
    about: Partial<Subject> = {},
  ): ReturnType<typeof judgeNotice> =>
    judgeNotice(
      webhook,
      { verified: true, operation: 'payment.create', names: [code], ...rest },
      { ...subject, ...about },
    );

  it.each<[string, StateCode, Partial<Subject>, object]>([
    ['a payment that was paid', 'paid', {}, { kind: 'terminal', outcome: 'succeeded' }],
    ['an order the payer may still pay', 'declined', {}, { kind: 'poll-required', reason: 'declined' }],
    ['a declined charge in the call', 'declined', { charge: true }, { kind: 'terminal', outcome: 'failed' }],
    ['an order that was made', 'made', {}, { kind: 'poll-required', reason: 'awaiting-payer' }],
    [
      'a canceled payment, to who follows its cancel',
      'canceled',
      { follows: 'cancel' },
      { kind: 'terminal', outcome: 'succeeded' },
    ],
    ['a paid payment, to who follows its cancel', 'paid', { follows: 'cancel' }, { kind: 'poll-required' }],
  ])('is read as a query’s answer would be: %s', (_what, code, about, verdict) => {
    expect(noticed(code, {}, about)).toMatchObject({ verdict: { ...verdict, listed: true, code }, conflict: false });
  });

  it('is unknown where the table has no such name, and never final', () => {
    for (const code of ['novel', '__proto__', 'constructor'])
      expect(noticed(code).verdict).toMatchObject({ kind: 'poll-required', listed: false, code });
  });

  it.each<[string, Partial<HeardNotice>]>([
    ['another order', { reference: { order: 'B2' } }],
    ['another amount', { amount: '1' }],
  ])('is a conflict when it speaks of %s', (_what, rest) => {
    expect(noticed('paid', rest)).toMatchObject({
      verdict: { kind: 'poll-required', reason: 'conflict' },
      conflict: true,
    });
  });
});

describe('reconcile: two final words on one payment', () => {
  it.each([
    ['unresolved', 'failed', 'failed', false],
    ['unsent', 'succeeded', 'succeeded', false],
    ['created', 'expired', 'expired', false],
    ['authorized', 'succeeded', 'succeeded', false],
    ['rejected', 'succeeded', 'succeeded', false],
    ['succeeded', 'succeeded', 'succeeded', false],
    ['succeeded', 'refunded', 'refunded', false],
    ['succeeded', 'canceled', 'canceled', false],
    ['succeeded', 'created', 'succeeded', false],
    ['succeeded', 'failed', 'succeeded', true],
    ['succeeded', 'expired', 'succeeded', true],
    ['failed', 'succeeded', 'succeeded', true],
    ['expired', 'succeeded', 'succeeded', true],
    ['absent', 'succeeded', 'succeeded', true],
    ['refunded', 'succeeded', 'refunded', true],
    ['canceled', 'failed', 'canceled', true],
  ] as const)('%s, then %s: %s stands (a contradiction: %s)', (known, heard, outcome, conflict) => {
    expect(reconcile(known, heard)).toEqual({ outcome, conflict });
  });

  it('never calls paid “failed”, in whatever order the words come', () => {
    const word = fc.constantFrom<Outcome>('succeeded', 'failed', 'expired', 'created', 'authorized', 'rejected');
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), heard => {
        const last = heard.reduce<Outcome | 'unresolved'>(
          (known, next) => reconcile(known, next).outcome,
          'unresolved',
        );
        if (heard.includes('succeeded')) expect(last).toBe('succeeded');
      }),
    );
  });
});

describe('what the tables may lack', () => {
  it.each<[string, boolean, Partial<Exchange>]>([
    ['a code without a row', true, { body: { code: 'novel' } }],
    ['a code without a row under 404', true, { status: 404, body: { code: 'novel' } }],
    ['a code with a row', false, { body: { code: 'paid' } }],
    ['a code without a row under 503', false, { status: 503, body: { code: 'novel' } }],
    ['an answer without a code', false, { body: {} }],
    ['a page of HTML', false, { body: '<html>' }],
    ['another order’s answer', false, { body: { code: 'paid', order: 'B2' } }],
  ])('%s leaves the answer unlisted: %s', (_what, unlisted, exchange) => {
    expect(
      judge(shop, { operation: 'payment.query', status: 200, body: {}, ...exchange }, { reference: { order } })
        .unlisted,
    ).toBe(unlisted);
  });
});

describe('isFinal', () => {
  const terminal = (outcome: Outcome): Verdict => ({
    kind: 'terminal',
    outcome,
    code: 'x',
    reason: 'approved',
    listed: true,
  });

  it.each<[Outcome, boolean, boolean]>([
    ['succeeded', true, true],
    ['failed', true, true],
    ['canceled', true, true],
    ['expired', true, true],
    ['refunded', true, true],
    ['authorized', false, false],
    ['created', false, false],
    ['rejected', true, false],
  ])('%s: %s of a write, %s of a read', (outcome, ofWrite, ofRead) => {
    expect([isFinal(terminal(outcome), 'payment.create'), isFinal(terminal(outcome), { effect: 'write' })]).toEqual([
      ofWrite,
      ofWrite,
    ]);
    for (const read of ['payment.query', 'payment.list', { effect: 'read' as const }])
      expect(isFinal(terminal(outcome), read)).toBe(ofRead);
  });

  it('is never true of a verdict that is not terminal', () => {
    for (const code of ['PENDING', 'BUSY', 'NEVER-HEARD']) expect(isFinal(charged(code), 'payment.charge')).toBe(false);
  });

  it('knows a read by its name', () => {
    expect(
      ['payment.query', 'payment.list', 'payment.create', 'query.create', 'payment.queryAll'].map(effectOf),
    ).toEqual(['read', 'read', 'write', 'write', 'write']);
  });
});

describe('whatever the gateway answers', () => {
  const hostile = fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '');
  const code = fc.oneof(
    fc.constantFrom(...Object.keys(writes), ...Object.keys(states)),
    hostile,
    fc.string(),
    fc.jsonValue(),
  );
  const body: fc.Arbitrary<unknown> = fc.oneof(
    fc.jsonValue(),
    fc.record(
      { code, message: fc.jsonValue(), order: fc.jsonValue(), amount: fc.jsonValue(), rows: fc.jsonValue() },
      { requiredKeys: [] },
    ),
    fc.record({
      rows: fc.array(
        fc.oneof(fc.record({ code, order: fc.constantFrom('A1', 'B2') }, { requiredKeys: [] }), fc.jsonValue()),
      ),
    }),
  );
  const status = fc.oneof(
    fc.constantFrom(200, 201, 302, 400, 404, 409, 429, 500, 503),
    fc.integer({ min: 0, max: 999 }),
  );
  const operation = fc.constantFrom(...writeNames, ...readNames);
  const exchange: fc.Arbitrary<Exchange> = fc.record(
    {
      operation,
      status,
      body,
      attempt: fc.integer({ min: 1, max: 5 }),
      mayHaveLanded: fc.boolean(),
      sent: fc.dictionary(fc.constantFrom('order', 'amount', 'orderNumber', 'refund'), fc.jsonValue()),
    },
    { requiredKeys: ['operation', 'status', 'body'] },
  );

  it('never throws, and gives a verdict with a code, a reason and no more than plain JSON', () => {
    fc.assert(
      fc.property(exchange, given => {
        const verdict = shop.classify(given);
        expect(verdict.code).toBeTypeOf('string');
        expect(verdict.reason).toBeTypeOf('string');
        expect(verdict.listed).toBeTypeOf('boolean');
        expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict);
      }),
    );
  });

  it('is final only by a row: an unlisted verdict is never terminal', () => {
    fc.assert(fc.property(exchange, given => shop.classify(given).listed || shop.classify(given).kind !== 'terminal'));
  });

  it('is a success only by a row that says so', () => {
    const saying: readonly string[] = ['PAID', '0000', 'DONE', 'paid', 'partly-refunded'];
    fc.assert(
      fc.property(exchange, given => {
        const verdict = shop.classify(given);
        if (verdict.kind === 'terminal' && verdict.outcome === 'succeeded') expect(saying).toContain(verdict.code);
      }),
    );
  });

  it('is never final under a 5xx, a 3xx or a 429', () => {
    const unfinished = fc.oneof(
      fc.integer({ min: 500, max: 599 }),
      fc.integer({ min: 300, max: 399 }),
      fc.constant(429),
    );
    fc.assert(
      fc.property(
        exchange,
        unfinished,
        (given, unfinishedStatus) => shop.classify({ ...given, status: unfinishedStatus }).kind !== 'terminal',
      ),
    );
  });

  it('is the same each time, and leaves the exchange as it was', () => {
    fc.assert(
      fc.property(exchange, given => {
        const before = structuredClone(given);
        expect(shop.classify(given)).toEqual(shop.classify(given));
        expect(given).toEqual(before);
      }),
    );
  });
});

describe('whatever the table says', () => {
  const reason = fc.constantFrom<Reason>(
    'approved',
    'processing',
    'not-found',
    'duplicate',
    'declined',
    'already-final',
    'risk',
    'unknown-outcome',
    'conflict',
  );
  const outcome = fc.constantFrom<Outcome>(
    'succeeded',
    'failed',
    'canceled',
    'expired',
    'refunded',
    'authorized',
    'created',
    'rejected',
  );
  const row: fc.Arbitrary<Row> = fc.oneof(
    fc.record({ kind: fc.constant('terminal' as const), outcome, reason }),
    fc.record({
      kind: fc.constant('terminal' as const),
      outcome: fc.constant('failed' as const),
      reason,
      payerMayRetry: fc.constant(true as const),
    }),
    fc.record({ kind: fc.constant('retryable' as const), reason }),
    fc.record({ kind: fc.constant('poll-required' as const), reason }),
  );
  const table: fc.Arbitrary<CodeTable> = fc.dictionary(
    fc.oneof(fc.constantFrom('a', 'b', '0'), fc.string({ minLength: 1 })),
    row,
    { minKeys: 1 },
  );
  const tableAndCode = table.chain(given => fc.tuple(fc.constant(given), fc.constantFrom(...Object.keys(given))));

  it('a write after one that may have landed is final only as its own success', () => {
    fc.assert(
      fc.property(tableAndCode, fc.integer({ min: 200, max: 599 }), ([codes, code], status) => {
        const verdict = adapterWith(codes, codes).classify({
          operation: 'payment.charge',
          status,
          mayHaveLanded: true,
          body: { code },
        });
        if (verdict.kind === 'terminal') expect(['succeeded', 'created', 'authorized']).toContain(verdict.outcome);
      }),
    );
  });

  it('a first send says exactly what its row says', () => {
    fc.assert(
      fc.property(tableAndCode, ([codes, code]) => {
        const { kind, reason: said } = codes[code] ?? expect.fail('the code is of the table');
        expect(classifyWrite(adapterWith(codes, codes), { code })).toMatchObject({
          kind,
          reason: said,
          code,
          listed: true,
        });
      }),
    );
  });

  it('a followed payment is paid only by a row that says paid, and a refused query ends nothing', () => {
    fc.assert(
      fc.property(tableAndCode, fc.boolean(), fc.boolean(), ([codes, code], charge, refused) => {
        const subject: Subject = { reference: {}, follows: 'payment', charge, refused };
        const { verdict } = judge(
          adapterWith(codes, codes),
          { operation: 'payment.query', status: 200, body: { code } },
          subject,
        );
        const said = codes[code];
        if (verdict.kind === 'terminal' && verdict.outcome === 'succeeded')
          expect(said).toMatchObject({ outcome: 'succeeded' });
        if (said?.kind === 'terminal' && said.outcome === 'rejected')
          expect(isFinal(verdict, 'payment.query')).toBe(false);
        if (verdict.kind === 'terminal') expect(verdict.outcome).not.toBe('created');
      }),
    );
  });
});

describe('whatever an adapter of one’s own does', () => {
  const exchange: Exchange = { operation: 'payment.charge', status: 200, body: { code: '0000' } };

  it.each<[string, () => unknown]>([
    ['throws', () => expect.fail('choked')],
    ['returns nothing', () => undefined],
    ['returns null', () => null],
    ['returns an object without names', () => ({})],
    ['returns null among its rows', () => [null, { names: ['0000'] }]],
    ['returns a number for a name', () => ({ names: [7] })],
    ['returns a number for a message', () => ({ names: ['novel'], message: 7 })],
  ])('a reader that %s does not make classify throw', (_what, read) => {
    const adapter = adapterWith(writes, states, { read: read as () => Reading });
    expect(['poll-required', 'terminal']).toContain(classifyWrite(adapter, { code: '0000' }).kind);
  });

  it('a table that cannot be chosen makes an answer unknown', () => {
    const broken = (): CodeTable => expect.fail('choked');
    expect(classifyWrite(adapterWith(broken, states), { code: '0000' })).toMatchObject({
      kind: 'poll-required',
      listed: false,
    });
  });

  it('functions of the fields are not run on fields nobody gave', () => {
    const adapter = defineAdapter<{ 'payment.charge': { order: string; amount: { value: string } } }>({
      ...shell,
      operations: {
        'payment.charge': {
          path: '/',
          required: { order: { expects: '', accepts: () => true }, amount: { expects: '', accepts: () => true } },
          codes: writes,
          reference: ({ order: number }) => ({ order: number.trim() }),
          expect: ({ amount }) => ({ amount: amount.value }),
          sameReference: 'unknown',
        },
      },
    });
    expect(adapter.classify(exchange)).toMatchObject({ outcome: 'succeeded' });
  });

  it.each([
    'payment.steal',
    '__proto__',
    'constructor',
    '',
    'x'.repeat(10_000),
  ])('an unknown operation is bad input: %.20s', operation => {
    const error = thrownBy(() => shop.classify({ ...exchange, operation }));
    expect(isInputError(error)).toBe(true);
    expect((error as Error).message).toMatch(/^acme has no operation .*Known: payment\.charge, /s);
    expect((error as Error).message.length).toBeLessThan(400);
  });

  it('an exchange without an operation is bad input too', () => {
    expect(isInputError(thrownBy(() => shop.classify({ status: 200, body: {} } as Exchange)))).toBe(true);
  });
});

const shell = {
  name: 'invented',
  account: 'shop-1',
  environment: 'sandbox',
  baseUrl: 'https://invented.test',
  encodings: ['json'],
  read: readAcme,
} as const;

interface TwoFields {
  'payment.charge': { order: string };
  'payment.query': { order: string };
}

/** An adapter of one write and one read with these tables. */
function adapterWith(
  writeCodes: CodeTable | (() => CodeTable),
  readCodes: CodeTable,
  rest: Partial<Pick<AdapterDefinition<TwoFields>, 'read'>> = {},
): Adapter<TwoFields> {
  const order = { expects: 'a text', accepts: () => true };
  return defineAdapter<TwoFields>({
    ...shell,
    operations: {
      'payment.charge': {
        path: '/charge',
        required: { order },
        codes: writeCodes,
        reference: ['order'],
        sameReference: 'unknown',
      },
      'payment.query': { path: '/query', required: { order }, codes: readCodes, reference: { order: 'order' } },
    },
    ...rest,
  });
}

const classifyWrite = (adapter: Adapter<TwoFields>, body: unknown): Verdict =>
  adapter.classify({ operation: 'payment.charge', status: 200, body });

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
