import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { qfpay, type QfpayFields } from '../../src/adapters/qfpay/index.ts';
import { createGateway, isInputError, type Gateway, type SettleOptions, type Ticket } from '../../src/index.ts';
import { acme } from '../testing/acme.ts';
import { bench, hang, said, state, type Bench } from '../testing/bench.ts';

/**
 * A misspelt or misshapen option is refused before anything is sent: an `onTickets` that nobody calls loses payments.
 */

const charge = { order: 'A1', amount: 100 };
const ticket: Ticket = {
  version: 1,
  gateway: 'acme',
  account: 'shop-1',
  environment: 'sandbox',
  operation: 'payment.charge',
  reference: { order: 'A1' },
  openedAt: '2026-01-01T00:00:00.000Z',
  seen: false,
  polls: 0,
};
const thrown = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('resolved'),
    (error: unknown) => error,
  );

type Door = [name: string, through: (scene: Bench, options: object) => Promise<unknown>];
const post = (tillpaid: object): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(charge),
  headers: { 'content-type': 'application/json' },
  ...{ context: { tillpaid } },
});

const settling: Door[] = [
  ['settle', ({ gateway }, options) => gateway.settle('payment.charge', charge, options)],
  [
    'context.tillpaid',
    ({ gateway }, options) => gateway.client.post('charge', { json: charge, context: { tillpaid: options } }),
  ],
  ['context.tillpaid of fetch', ({ gateway }, options) => gateway.fetch('/charge', post(options))],
];
const following: Door[] = [
  ['untilSettled', ({ gateway }, options) => gateway.untilSettled(ticket, options)],
  ['ask', ({ gateway }, options) => gateway.ask(ticket, options)],
];

const misspelt: [given: object, message: RegExp][] = [
  [{ onTickets: () => undefined }, /there is no option "onTickets"\. Did you mean onTicket\?$/],
  [{ idempotencykey: 'K' }, /there is no option "idempotencykey"\. Did you mean idempotencyKey\?$/],
  [{ mayHaveBeenSend: true }, /Did you mean mayHaveBeenSent\?$/],
  [{ newtry: true }, /Did you mean newTry\?$/],
  [{ onprogress: () => undefined }, /Did you mean onProgress\?$/],
  [{ timeout: 5 }, /there is no option "timeout"\. Known: .*onTicket/],
  [JSON.parse('{"__proto__":1}') as object, /there is no option "__proto__"/],
];
const misshapen: [given: object, message: RegExp][] = [
  [{ onTicket: 'store' }, /onTicket must be a function\.$/],
  [{ onProgress: {} }, /onProgress must be a function\.$/],
  [{ mayHaveBeenSent: 'yes' }, /mayHaveBeenSent must be true or false\.$/],
  [{ mayHaveBeenSent: 1 }, /mayHaveBeenSent must be true or false\.$/],
  [{ policy: { pol: {} } }, /there is no group "pol"/],
];

describe.each(settling)('%s', (_door, through) => {
  it.each([...misspelt, ...misshapen])('refuses %o, and sends nothing', async (given, message) => {
    const scene = bench({ sends: [said('PAID')] });
    const error = await scene.clock.run(thrown(through(scene, given)));
    expect([isInputError(error), scene.sends.length]).toEqual([true, 0]);
    expect((error as Error).message).toMatch(message);
    // Nothing of it is left behind: the same payment may be sent.
    await scene.clock.run(through(scene, { onTicket: undefined }));
    expect(scene.sends.length).toBe(1);
  });
});

describe.each(following)('%s', (_door, through) => {
  it.each([
    [{ onprogress: () => undefined }, /Did you mean onProgress\?$/],
    [{ signal: {} }, /signal must be an AbortSignal\.$/],
    [{ onProgress: true }, /onProgress must be a function/],
  ] as [object, RegExp][])('refuses %o, and asks nothing', async (given, message) => {
    const scene = bench({ polls: [state('paid')] });
    const error = await scene.clock.run(thrown(through(scene, given)));
    expect([isInputError(error), scene.polls.length]).toEqual([true, 0]);
    expect((error as Error).message).toMatch(message);
  });
});

describe('settle', () => {
  it.each([
    [{ signal: new AbortController() }, /signal must be an AbortSignal/],
    [null, /pass the options as an object/],
    [[], /pass the options as an object/],
    ['fast', /pass the options as an object/],
  ])('refuses %o as its options', async (given, message) => {
    const { gateway, sends } = bench({ sends: [said('PAID')] });
    const error = await thrown(gateway.settle('payment.charge', charge, given as SettleOptions));
    expect([isInputError(error), sends.length]).toEqual([true, 0]);
    expect((error as Error).message).toMatch(message);
  });
});

describe('createGateway', () => {
  it.each<[given: object, message: RegExp]>([
    [{ onevent: () => undefined }, /^createGateway: there is no option "onevent"\. Did you mean onEvent\?$/],
    [{ onTickets: () => undefined }, /Did you mean onTicket\?$/],
    [{ policies: {} }, /Did you mean policy\?|Known: adapter/],
    [{ fetch }, /there is no option "fetch"\. Known: adapter, client/],
    [{ onEvent: 'log' }, /onEvent must be a function/],
    [{ onTicket: {} }, /onTicket must be a function/],
    [{ clock: Date }, /clock must be a clock/],
    [{ unmatched: 'throw' }, /unmatched must be 'event' or 'refuse'/],
    [{ unmatched: true }, /unmatched must be 'event' or 'refuse'/],
  ])('refuses %o', (given, message) => {
    const make = (): unknown => createGateway({ adapter: acme(), ...given });
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ name: 'InputError' }) as Error);
  });
});

describe('context', () => {
  it.each([
    'Tillpaid',
    'tillPaid',
    'tilpaid',
    'tillpaid ',
  ])('with %o is a misspelt context.tillpaid, and is refused', async name => {
    const { gateway, sends } = bench({ sends: [said('PAID')] });
    const error = await thrown(
      gateway.client.post('charge', { json: charge, context: { [name]: { mayHaveBeenSent: true } } }),
    );
    expect([isInputError(error), (error as Error).message, sends.length]).toEqual([
      true,
      expect.stringMatching(/Did you mean tillpaid\?$/),
      0,
    ]);
  });

  it('of the user’s own goes along, whatever it is called', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('PAID')] });
    await clock.run(
      gateway.client.post('charge', { json: charge, context: { team: 'checkout', trace: 'T', billpaid: true } }),
    );
    expect(sends.length).toBe(1);
  });

  it('is nobody’s business where a request matches nothing', async () => {
    const { gateway, sends } = bench({ sends: [said('PAID')] });
    await gateway.client.get('https://elsewhere.test/', { context: { tilpaid: true, tillpaid: { odd: 1 } as object } });
    expect(sends.length).toBe(1);
  });
});

describe('onTicket of the gateway', () => {
  it.each(
    settling,
  )('is told of every write, before the call’s own and before the first byte leaves: %s', async (_door, through) => {
    const told: string[] = [];
    const base = bench({ sends: [said('PENDING', { id: 'P-1' })], polls: [state('paid')] });
    const gateway = createGateway({
      adapter: acme(),
      clock: base.clock,
      client: ky.create({ fetch: ((request: Request) => (told.push('sent'), base.fetch(request))) as typeof fetch }),
      onTicket: ({ reference }) => told.push(`gateway ${JSON.stringify(reference)}`),
    });
    await base.clock.run(
      through(
        { ...base, gateway },
        { onTicket: ({ reference }: Ticket) => told.push(`call ${JSON.stringify(reference)}`) },
      ),
    );
    expect(told.slice(0, 2)).toEqual(['gateway {"order":"A1"}', 'call {"order":"A1"}']);
    expect(told.indexOf('sent')).toBeGreaterThan(1);
    expect(told.filter(line => line.includes('P-1'))).toEqual([
      'gateway {"order":"A1","id":"P-1"}',
      'call {"order":"A1","id":"P-1"}',
    ]);
  });

  it.each(settling)('that fails the first time stops the send: %s', async (_door, through) => {
    const base = bench({ sends: [said('PAID')] });
    const gateway = createGateway({
      adapter: acme(),
      clock: base.clock,
      client: ky.create({ fetch: base.fetch as typeof fetch }),
      onTicket: () => Promise.reject(new Error('database down')),
    });
    expect(await base.clock.run(thrown(through({ ...base, gateway }, {})))).toMatchObject({ message: 'database down' });
    expect(base.sends.length).toBe(0);
  });

  it('hears what a follower learns, so that the next one starts from there', async () => {
    const base = bench({ polls: [state('pending', { id: 'P-1' }), state('paid')] });
    const told: Ticket[] = [];
    const gateway = createGateway({
      adapter: acme(),
      clock: base.clock,
      client: ky.create({ fetch: base.fetch as typeof fetch }),
      onTicket: kept => told.push(kept),
    });
    await base.clock.run(gateway.untilSettled(ticket));
    expect(told).toMatchObject([{ seen: true, reference: { order: 'A1', id: 'P-1' } }]);
  });

  it('keeps the ticket of a payment that a client’s own time limit gave up', async () => {
    const base = bench({ sends: [hang], polls: [state('paid')] });
    const tickets: Ticket[] = [];
    const gateway = createGateway({
      adapter: acme(),
      clock: base.clock,
      client: ky.create({ fetch: base.fetch as typeof fetch }),
      onTicket: kept => tickets.push(kept),
    });
    const error = await thrown(gateway.fetch('/charge', { ...post({}), signal: AbortSignal.timeout(20) }));
    expect((error as Error).name).toBe('TimeoutError');
    const [kept] = tickets;
    expect(await base.clock.run(gateway.untilSettled(kept ?? expect.fail('no ticket')))).toMatchObject({
      outcome: 'succeeded',
      polls: 1,
    });
  });
});

describe('a field that nearly is a known one which is missing', () => {
  const scanned = { out_trade_no: 'ORDER-1', txamt: 1000, txcurrcd: 'HKD', pay_type: '800108' };
  const shop = (): Gateway<QfpayFields> => {
    const adapter = qfpay({ appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' });
    return createGateway({ adapter, client: ky.create({ fetch: () => expect.unreachable() }) });
  };

  it.each([
    [
      { ...scanned, authCode: '284957310466312987' },
      'qfpay payment.create has no field "authCode". Did you mean auth_code?',
    ],
    [
      { ...scanned, AUTH_CODE: '284957310466312987' },
      'qfpay payment.create has no field "AUTH_CODE". Did you mean auth_code?',
    ],
    [
      { txamt: 1000, txcurrcd: 'HKD', pay_type: '800108', outTradeNo: 'ORDER-1' },
      'qfpay payment.create has no field "outTradeNo". Did you mean out_trade_no?',
    ],
  ])('is refused before anything is sent, and no ticket is made: %#', async (fields, message) => {
    const gateway = shop();
    const error = await thrown(gateway.settle('payment.create', fields as never));
    expect(isInputError(error) && error.message).toBe(message);
    expect(() => gateway.ticketFor('payment.create', fields as never)).toThrow(message);
  });

  it('is let through where the known one is there, or where it is like none: the gateway may take it', () => {
    const gateway = shop();
    for (const beside of [{ auth_code: '28', authCode: '28' }, { goods_info: 'shoes' }, { authCode: undefined }]) {
      expect(gateway.ticketFor('payment.create', { ...scanned, ...beside }).reference).toMatchObject({
        out_trade_no: 'ORDER-1',
      });
    }
  });
});

describe('a policy that sends upon absence, and sends once,', () => {
  const once = { retry: { attempts: 1 }, poll: { absentAfterMs: 1000, resendWhenAbsent: true } };

  it.each(settling)('is refused for a write that was not sent before: %s', async (_door, through) => {
    const scene = bench({ sends: [said('PAID')] });
    const error = await thrown(through(scene, { policy: once }));
    expect(isInputError(error) && error.message).toMatch(/resendWhenAbsent has no effect, since retry\.attempts is 1/);
    expect(scene.sends).toEqual([]);
  });

  it('acts on what may have been sent, and is taken for it', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('PAID')], polls: [state('none')] });
    expect(
      await clock.run(gateway.settle('payment.charge', charge, { mayHaveBeenSent: true, policy: once })),
    ).toMatchObject({ outcome: 'succeeded' });
    expect(sends).toHaveLength(1);
  });
});
