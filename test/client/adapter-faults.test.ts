import { describe, expect, it } from 'vitest';
import {
  constant,
  createGateway,
  defineAdapter,
  isInputError,
  type Adapter,
  type AdapterDefinition,
  type GatewayEvent,
  type Ticket,
} from '../../src/index.ts';
import type { CodeTable, Exchange, Fields, Reading, Webhook, WriteOperation } from '../../src/kit/index.ts';
import { manualClock } from '../../src/testing/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, reset, said, state } from '../testing/bench.ts';

/**
 * A function of the adapter's that throws is a bug of the adapter: it is named, with nothing of what it read, and the
 * payment is neither failed nor paid by it.
 */
const CARD = '4111111111111111';
const charge = { order: 'A1', amount: 100 };
const policy = { poll: { backoff: constant(1000), deadlineMs: 5000 } };

const changed = (name: string, change: object, more: Partial<Adapter<AcmeFields>> = {}): Adapter<AcmeFields> => {
  const base = acme();
  const operation = base.operations[name];
  return {
    ...base,
    ...more,
    operations: { ...base.operations, [name]: { ...operation, ...change } },
  } as Adapter<AcmeFields>;
};

const readingBy = (read: Adapter['read']): Adapter<AcmeFields> =>
  defineAdapter<AcmeFields>({ ...(acme() as unknown as AdapterDefinition<AcmeFields>), read });

const faultsIn = (events: readonly GatewayEvent[]): object[] =>
  events.flatMap(event => (event.type === 'adapter-fault' ? [event.fault] : []));

const careless = ({ body }: Exchange): Reading => ({ names: [(body as { code: { text: string } }).code.text.trim()] });

describe('a reader that throws', () => {
  it('names the adapter’s bug in the verdict and the event, and the payment is asked about and known to be paid', async () => {
    const adapter = changed('payment.charge', { read: careless });
    const { gateway, clock, sends, events } = bench({ adapter, policy, sends: [said('PAID')], polls: [state('paid')] });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'query', attempts: 1 });
    expect(sends).toHaveLength(1);
    const fault = {
      operation: 'payment.charge',
      part: 'read',
      message: "TypeError: Cannot read properties of undefined (reading 'trim')",
    };
    expect(faultsIn(events)).toEqual([fault]);
    expect(settlement.timeline).toContainEqual(expect.objectContaining({ type: 'adapter-fault', fault }));
    expect(settlement.timeline).toContainEqual(
      expect.objectContaining({
        type: 'answer',
        verdict: {
          kind: 'poll-required',
          code: 'adapter/read',
          reason: 'unknown-outcome',
          listed: false,
          advice: expect.stringMatching(
            /^The adapter’s read of payment\.charge threw \(TypeError: .*bug of the adapter/,
          ) as string,
        },
      }),
    );
  });

  it('of the query too leaves the payment unresolved, never failed, and says whose bug it is', async () => {
    const broken = changed('payment.query', { read: careless }, {});
    const { gateway, clock, sends, events } = bench({
      adapter: broken,
      policy,
      sends: [reset()],
      polls: [state('declined')],
    });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'unresolved', attempts: 1, verdict: { code: 'adapter/read' } });
    expect(sends).toHaveLength(1);
    expect(faultsIn(events).length).toBeGreaterThan(1);
  });

  it('is not believed to have listed anything, whatever the status, and classify does not throw', () => {
    const adapter = readingBy(careless);
    for (const status of [200, 400, 404, 429, 500]) {
      expect(adapter.classify({ operation: 'payment.charge', status, body: { code: 'PAID' } })).toMatchObject({
        kind: 'poll-required',
        listed: false,
      });
    }
  });
});

describe('what is told of it', () => {
  const thrownAt = (
    body: object,
    error: (exchange: Exchange) => unknown,
    sent: Record<string, unknown> = {},
  ): string => {
    const adapter = readingBy(exchange => {
      throw error(exchange);
    });
    return JSON.stringify(adapter.classify({ operation: 'payment.charge', status: 200, body, sent }));
  };

  it.each<[string, object, (exchange: Exchange) => unknown, Record<string, unknown>?]>([
    [
      'a card number of the answer',
      { card: CARD },
      ({ body }) => new Error(`odd card ${(body as { card: string }).card}`),
    ],
    [
      'a number that is no text',
      { card: Number(CARD) },
      ({ body }) => new Error(`odd ${(body as { card: number }).card}`),
    ],
    [
      'what was sent',
      {},
      ({ sent }) => new RangeError(`code ${String(sent?.['auth'])}?`),
      { auth: 'payers-secret-code' },
    ],
    [
      'a parser’s piece of it',
      { text: 'payers-secret-code' },
      () => attempt(() => JSON.parse('payers-secret-code') as unknown),
    ],
    ['an error that is a text', { card: CARD }, ({ body }) => (body as { card: string }).card],
    [
      'a value that is taken for a name',
      { text: 'secret4111' },
      ({ body }) => attempt(() => (undefined as unknown as Record<string, object>)[(body as { text: string }).text]),
    ],
    ['a deep value', { a: [{ b: { c: 'payers-secret-code' } }] }, () => new Error('read payers-secret-code there')],
  ])('holds nothing of %s', (_what, body, error, sent) => {
    const told = thrownAt(body, error, sent);
    expect(told).toContain('adapter/read');
    expect(told).not.toMatch(/4111|secret|payers-/);
  });

  it('is one line, and short', () => {
    const told = thrownAt({}, () => new Error(`first\n\u001b[31m${'x'.repeat(5000)}`));
    expect(told.length).toBeLessThan(500);
    expect(JSON.parse(told)).toMatchObject({ advice: expect.not.stringMatching(/[\n\u001b]/) as string });
  });
});

function attempt(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

describe('a table that cannot be chosen', () => {
  it('names the adapter’s bug, and the payment is asked about', async () => {
    const codes = ({ sent = {} }: Exchange): CodeTable => (sent['channel'] as { table: CodeTable }).table;
    const adapter = changed('payment.charge', { codes });
    const { gateway, clock, events } = bench({ adapter, policy, sends: [said('DECLINED')], polls: [state('paid')] });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
    expect(faultsIn(events)).toMatchObject([{ operation: 'payment.charge', part: 'codes' }]);
    expect(events.filter(({ type }) => type === 'unlisted')).toEqual([]);
  });
});

describe('a status query whose fields cannot be made', () => {
  const asksBy = (fields: NonNullable<WriteOperation['query']>['fields']): Adapter<AcmeFields> =>
    changed('payment.charge', { query: { operation: 'payment.query', fields } });
  const never = asksBy(() => {
    throw new TypeError('no such number');
  });

  it('is told before anything is sent: what could not be asked about does not leave', async () => {
    const { gateway, clock, sends } = bench({ adapter: never, policy, sends: [said('PAID')] });
    const error: unknown = await clock.run(gateway.settle('payment.charge', charge).catch((reason: unknown) => reason));
    expect(isInputError(error)).toBe(true);
    expect(String(error)).toMatch(
      /acme: The adapter’s query\.fields of payment\.charge threw \(TypeError\).*Nothing was sent/,
    );
    expect(sends).toEqual([]);
  });

  it('once its answer taught the ticket a number that it trips over leaves the payment open, and names the bug', async () => {
    const adapter = asksBy(({ reference }) => {
      if (reference['id'] !== undefined) throw new TypeError('odd id');
      return { order: reference['order'] };
    });
    const sends = [said('PENDING', { id: 'P-1' })];
    const { gateway, clock, events, ...wire } = bench({ adapter, policy, sends, polls: [state('paid')] });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      verdict: { code: 'adapter/query.fields', listed: false },
    });
    expect(settlement.ticket.reference['id']).toBe('P-1');
    expect(wire.sends).toHaveLength(1);
    expect(wire.polls).toHaveLength(0);
    expect(faultsIn(events)[0]).toEqual({
      operation: 'payment.charge',
      part: 'query.fields',
      message: 'TypeError',
    });
  });

  it('does not throw at whoever asks by a ticket, or follows it', async () => {
    const { gateway, clock } = bench({ adapter: never, policy });
    const ticket: Ticket = acmeTicket();
    expect(await clock.run(gateway.ask(ticket))).toMatchObject({ kind: 'poll-required', code: 'adapter/query.fields' });
    const settlement = await clock.run(gateway.untilSettled(ticket));
    expect(settlement).toMatchObject({ outcome: 'unresolved', verdict: { code: 'adapter/query.fields' } });
  });

  it('leaves the look-up, which is asked instead', async () => {
    const adapter = changed('payment.charge', {
      query: { operation: 'payment.query', fields: () => JSON.parse('{') as object },
      lookUp: { operation: 'payment.query', fields: ({ reference }: Ticket) => ({ order: reference['order'] }) },
    });
    const { gateway, clock, polls } = bench({ adapter, policy, polls: [state('paid', { order: 'A1' })] });
    await clock.run(gateway.untilSettled(acmeTicket()));
    expect(polls.length).toBeGreaterThan(0);
  });
});

const acmeTicket = (): Ticket => ({
  version: 1,
  gateway: 'acme',
  account: 'shop-1',
  environment: 'sandbox',
  operation: 'payment.charge',
  reference: { order: 'A1' },
  openedAt: new Date(manualClock().now()).toISOString(),
  seen: false,
  polls: 0,
});

describe('a request that the adapter cannot tell apart', () => {
  it('is not sent, signed or not, and the caller is told whose bug it is', async () => {
    const adapter = changed('payment.charge', { match: (fields: { kind: string }) => fields.kind.startsWith('a') });
    const { gateway, clock, sends } = bench({ adapter, policy, sends: [said('PAID')] });
    const sending = gateway.client.post('https://acme.test/api/charge', { json: { ...charge, note: CARD } });
    const error: unknown = await clock.run(sending.then(undefined, (reason: unknown) => reason));
    expect(isInputError(error)).toBe(true);
    expect(String(error)).toMatch(/The adapter’s match of payment\.charge threw \(TypeError: .*Nothing was sent/);
    expect(String(error)).not.toContain('4111');
    expect(sends).toEqual([]);
  });
});

describe('a notice that the adapter trips over', () => {
  const webhook = (hear: Webhook['hear']): Webhook => ({
    hear,
    codes: {},
    reply: word => ({ status: word === 'stored' ? 200 : 400, body: word }),
  });
  const received = async (hear: Webhook['hear'], body: string) => {
    const events: GatewayEvent[] = [];
    const clock = manualClock();
    const adapter: Adapter<AcmeFields> = { ...acme(), webhook: webhook(hear) };
    const gateway = createGateway({ adapter, clock, onEvent: event => events.push(event) });
    const request = new Request('https://shop.test/notices', { method: 'POST', body });
    return { notice: await clock.run(gateway.receive(request)), events };
  };

  it('is refused, and named as the adapter’s bug, with nothing of the notice', async () => {
    const { notice, events } = await received(({ text }) => {
      throw new TypeError(`cannot read ${text}`);
    }, `{"card":"${CARD}"}`);
    expect(notice).toMatchObject({
      verified: false,
      reason: expect.stringMatching(/^The adapter’s hear of notices threw \(TypeError\)/) as string,
    });
    expect(faultsIn(events)).toEqual([{ operation: 'notices', part: 'hear', message: 'TypeError' }]);
  });

  it('is nobody’s bug where it is no JSON', async () => {
    const { notice, events } = await received(({ text }) => JSON.parse(text) as never, 'not json');
    expect(notice).toMatchObject({ verified: false, reason: 'it could not be read as a notice of this provider' });
    expect(faultsIn(events)).toEqual([]);
  });
});

describe('a status query that is not about the order', () => {
  const asking = (fields: (ticket: Ticket) => Fields): Adapter<AcmeFields> => {
    const plain = acme();
    const write = plain.operations['payment.charge'];
    if (write === undefined) throw new Error('acme has a charge');
    const query = { operation: 'payment.query' as const, fields };
    return { ...plain, operations: { ...plain.operations, 'payment.charge': { ...write, query } } };
  };

  it.each<[string, (ticket: Ticket) => Fields]>([
    ['its field is misspelt', ({ reference }) => ({ oder: reference['order'] })],
    ['its field is empty', () => ({ order: '' })],
    ['it names another order', () => ({ order: 'B2' })],
  ])('is not asked, and nothing is sent on its strength: %s', async (_what, fields) => {
    const { gateway, clock, sends, polls } = bench({
      adapter: asking(fields),
      sends: [reset()],
      polls: [state('none')],
      policy: { poll: { absentAfterMs: 100, resendWhenAbsent: true } },
    });
    await expect(clock.run(gateway.settle('payment.charge', { order: 'A1', amount: 100 }))).rejects.toThrow(
      /The adapter’s query\.fields of payment\.charge is wrong/,
    );
    expect([sends.length, polls.length]).toEqual([0, 0]);
  });
});

describe('tables that are none', () => {
  it('leave the payment open, named as the adapter’s bug, and asked about', async () => {
    const plain = acme();
    const write = plain.operations['payment.charge'];
    if (write === undefined) throw new Error('acme has a charge');
    const none = (): CodeTable => Reflect.get({}, 'none') as CodeTable;
    const adapter = { ...plain, operations: { ...plain.operations, 'payment.charge': { ...write, codes: none } } };
    const { gateway, clock, events } = bench({ adapter, sends: [said('PAID')], polls: [state('paid')] });
    expect(await clock.run(gateway.settle('payment.charge', { order: 'A1', amount: 100 }))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
    });
    expect(events).toContainEqual(expect.objectContaining({ type: 'adapter-fault' }));
  });
});
