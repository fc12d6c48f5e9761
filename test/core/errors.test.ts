import { inspect } from 'node:util';
import { AxiosError } from 'axios';
import { describe, expect, it } from 'vitest';
import {
  InputError,
  ReferenceInUseError,
  ResendRefusedError,
  SettledError,
  TicketError,
  UnresolvedError,
  findTillpaidError,
  isInputError,
  isReferenceInUseError,
  isResendRefusedError,
  isSettledError,
  isTicketError,
  isUnresolvedError,
} from '../../src/core/errors.ts';
import type { Settlement } from '../../src/core/settlement.ts';
import type { Ticket } from '../../src/core/ticket.ts';

const ticket: Ticket = {
  version: 1,
  gateway: 'corner',
  account: 'shop-1',
  environment: 'sandbox',
  operation: 'payment.charge',
  reference: { order: 'A1', idempotencyKey: 'key-7f3a' },
  openedAt: '2026-11-01T08:00:00.000Z',
  seen: true,
  polls: 3,
  charge: true,
  expect: { amount: '98765', currency: 'XTS' },
};

const settlement = {
  outcome: 'failed',
  verdict: {
    kind: 'terminal',
    outcome: 'failed',
    code: '1205',
    reason: 'declined',
    listed: true,
    message: 'card 4111111111111111 was declined',
  },
  settledBy: 'query',
  answer: { qrcode: 'https://pay.test/secret-link' },
  body: { token: 'tok_body' },
  ticket,
  reference: { merchant: 'A1' },
  attempts: 1,
  polls: 3,
  elapsedMs: 9000,
  timeline: [],
} satisfies Settlement;

const { body: _of, ...bodiless } = settlement;
const unresolved: Settlement = { ...bodiless, outcome: 'unresolved', settledBy: 'none' };
const cause = new Error('the reason');

const errors = [
  ['InputError', new InputError('corner payment.charge: order is missing.', { cause }), isInputError],
  ['TicketError', new TicketError('This ticket is of another gateway.', { cause }), isTicketError],
  ['UnresolvedError', new UnresolvedError(ticket, unresolved, { cause }), isUnresolvedError],
  ['SettledError', new SettledError(settlement, { cause }), isSettledError],
  ['ResendRefusedError', new ResendRefusedError(ticket, settlement, { cause }), isResendRefusedError],
  ['ReferenceInUseError', new ReferenceInUseError(ticket), isReferenceInUseError],
] as const;

const guards = errors.map(([, , guard]) => guard);

describe.each(errors)('%s', (name, error, guard) => {
  it('has its literal name, which also a minifier leaves alone', () => {
    expect(error.name).toBe(name);
    expect(Object.hasOwn(error, 'name')).toBe(true);
    expect(String(error)).toMatch(new RegExp(`^${name}: `));
  });

  it('is an Error with a stack, and not one of ky’s or fetch’s', () => {
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(TypeError);
    expect(error.stack).toContain('errors.test.ts');
    expect(error).not.toHaveProperty('code');
  });

  it('is known by its guard alone', () => {
    expect(guards.map(each => each(error))).toEqual(guards.map(each => each === guard));
  });

  it('is known across copies of the package, by its name and what it carries', () => {
    const { ticket: carried, settlement: settledBy } = error as { ticket?: unknown; settlement?: unknown };
    expect(guard(Object.assign(new Error('from another copy'), { name, ticket: carried, settlement: settledBy }))).toBe(
      true,
    );
  });

  it('is found inside what other clients make of it', () => {
    const wrapped = [
      new Error('wrapped', { cause: error }),
      AxiosError.from(error, 'ERR_NETWORK'),
      Object.assign(new Error('wrapped'), { originalError: error }),
      { error: new Error('twice', { cause: new Error('wrapped', { cause: error }) }) },
      new AggregateError([new Error('another'), error]),
    ];
    for (const each of wrapped) expect(guard(findTillpaidError(each))).toBe(true);
    expect(findTillpaidError(error)).toBe(error);
  });

  it('has a message of whole sentences', () => {
    expect(error.message).toMatch(/^\S.*\.$/s);
    expect(error.message).not.toMatch(/undefined|\[object|NaN/);
  });
});

describe('the guards', () => {
  it.each([
    undefined,
    null,
    'SettledError',
    { name: 'SettledError' },
    new Error('SettledError'),
    [],
  ])('take %s for none of ours', value => {
    expect(guards.some(guard => guard(value))).toBe(false);
  });

  it('are false for a wrapper that has the name alone: a true one has its ticket or settlement', () => {
    for (const [, error] of errors.slice(2)) {
      const wrapper = AxiosError.from(Object.assign(new Error('lost'), { name: error.name }), 'ERR_NETWORK');
      expect(wrapper.name).toBe(error.name);
      expect(guards.some(guard => guard(wrapper))).toBe(false);
    }
    for (const broken of [
      { ticket: {} },
      { ticket: 'T-1' },
      { settlement: { outcome: 'failed' } },
      { ticket, settlement: 'failed' },
    ]) {
      for (const name of ['UnresolvedError', 'SettledError'])
        expect(guards.some(guard => guard(Object.assign(new Error('odd'), { name }, broken)))).toBe(false);
    }
  });
});

describe('findTillpaidError', () => {
  it.each([
    undefined,
    null,
    'SettledError',
    5,
    new Error('another'),
    { cause: { cause: null } },
  ])('finds nothing in %s', value => {
    expect(findTillpaidError(value)).toBeUndefined();
  });

  it('comes to an end in circles, crowds and depths, and passes over getters that throw', () => {
    const circle: { cause?: unknown; errors: unknown[] } = { errors: [] };
    circle.cause = circle;
    circle.errors = Array.from({ length: 100_000 }, () => circle);
    let deep: unknown = new TicketError('deep');
    for (let depth = 0; depth < 10_000; depth++) deep = { cause: deep };
    const touchy = Object.defineProperty(new Error('touchy', { cause: new InputError('found.') }), 'error', {
      get: () => expect.fail('thrown'),
    });
    expect([findTillpaidError(circle), findTillpaidError(deep)]).toEqual([undefined, undefined]);
    expect(isInputError(findTillpaidError(touchy))).toBe(true);
  });
});

describe('printed', () => {
  const secret = 'card 4111111111111111';
  const request = { headers: { authorization: secret } };

  it('they show no answer, body, request or option, of theirs or of a cause; all of it is there by name', () => {
    const socket = Object.assign(new Error('parser'), { data: secret, socket: { bytes: secret } });
    const sent = Object.assign(new Error('timed out', { cause: new AggregateError([socket]) }), {
      request,
      options: { json: secret },
      response: { body: secret },
    });
    const shown: Settlement = { ...settlement, body: secret, answer: secret };
    for (const error of [
      new UnresolvedError(ticket, shown, { cause: sent }),
      new SettledError(shown, { cause: sent }),
      new ResendRefusedError(ticket, shown, { cause: sent }),
    ]) {
      expect(inspect(error, { depth: 10 }) + JSON.stringify(error)).not.toMatch(/4111|tok_body|secret-link/);
      expect([error.settlement?.body, error.cause]).toEqual([secret, sent]);
      expect(inspect(error)).toContain('timed out');
    }
    expect([sent.request, sent.options.json, sent.response.body, socket.data]).toEqual([
      request,
      secret,
      secret,
      secret,
    ]);
    expect(JSON.parse(JSON.stringify(new UnresolvedError(ticket, shown)))).toMatchObject({ ticket });
  });

  it('they begin no line of their own, and no colour', () => {
    const odd = { ...ticket, reference: { order: 'A1\n\u001b[31mPAID\u202e' } };
    expect(new UnresolvedError(odd).message).toContain('A1 \uFFFD[31mPAID\uFFFD is unresolved');
  });
});

describe('the causes', () => {
  it('are kept', () => {
    for (const error of [errors[0][1], errors[1][1], errors[2][1], errors[3][1], errors[4][1]])
      expect(error.cause).toBe(cause);
  });

  it('are absent where there was none', () => {
    expect(new UnresolvedError(ticket)).not.toHaveProperty('cause');
  });
});

describe('the messages say who, what, and what to do', () => {
  const who = 'corner payment.charge A1';

  it.each<[string, Error, RegExp, RegExp]>([
    [
      'UnresolvedError',
      new UnresolvedError(ticket),
      /is unresolved: it may have been processed/,
      /Ask again with untilSettled\(error\.ticket\); do not send a new one/,
    ],
    ['SettledError', new SettledError(settlement), /ended failed \(declined, code 1205\)/, /error\.settlement/],
    [
      'ResendRefusedError, while it is open',
      new ResendRefusedError(ticket),
      /a second send was refused, since the first may/,
      /Ask with untilSettled\(error\.ticket\)/,
    ],
    [
      'ResendRefusedError, once it has ended',
      new ResendRefusedError(ticket, settlement),
      /It had ended failed/,
      /see error\.settlement/,
    ],
    [
      'ReferenceInUseError',
      new ReferenceInUseError(ticket),
      /is being settled with other fields, or was left open/,
      /Follow that payment with untilSettled\(error\.ticket\)\. Use one reference for one intention/,
    ],
  ])('%s', (_name, error, what, whatToDo) => {
    expect(error.message.startsWith(who)).toBe(true);
    expect(error.message).toMatch(what);
    expect(error.message).toMatch(whatToDo);
  });

  it('names a payment without a number, too', () => {
    expect(new UnresolvedError({ ...ticket, reference: {} }).message).toMatch(
      /^corner payment\.charge \(no reference\) is unresolved/,
    );
  });

  it('say what the gateway said, without the card, link or token in it, and no more than a line', () => {
    const saying = (message: string): string =>
      new SettledError({ ...settlement, verdict: { ...settlement.verdict, message } }).message;
    expect(new SettledError(settlement).message).toBe(
      'corner payment.charge A1 ended failed (declined, code 1205), "card … was declined": see error.settlement.',
    );
    expect(saying('4111 1111 1111 1111 at https://pay.test/secret-link?token=tok_body, 1205\n\u001b[31m')).toMatch(
      /, "… at … 1205 \uFFFD\[31m": see/,
    );
    expect(saying(`So ${'long '.repeat(60)}`).length).toBeLessThan(250);
    expect(saying(' ')).toBe('corner payment.charge A1 ended failed (declined, code 1205): see error.settlement.');
  });

  it('hold no amount, key, link, body or card number', () => {
    for (const [, error] of errors)
      expect(error.message).not.toMatch(/98765|XTS|key-7f3a|secret-link|tok_body|4111|shop-1/);
  });
});

describe('what they carry', () => {
  it('the ticket, to ask with', () => {
    for (const error of [new UnresolvedError(ticket), new ResendRefusedError(ticket), new ReferenceInUseError(ticket)])
      expect(error.ticket).toBe(ticket);
  });

  it('the settlement, where there is one', () => {
    expect(new UnresolvedError(ticket, unresolved).settlement).toBe(unresolved);
    expect(new UnresolvedError(ticket).settlement).toBeUndefined();
    expect(new SettledError(settlement).settlement).toBe(settlement);
    expect(new ResendRefusedError(ticket, settlement).settlement).toBe(settlement);
    expect(new ResendRefusedError(ticket).settlement).toBeUndefined();
  });
});
