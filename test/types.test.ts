import { describe, expect, expectTypeOf, it } from 'vitest';
import type { IfortepayFields } from 'tillpaid/adapters/ifortepay';
import type { QfpayFields, QfpayPaymentFields } from 'tillpaid/adapters/qfpay';
import type { RebellFields } from 'tillpaid/adapters/rebell';
import type { UqpayFields } from 'tillpaid/adapters/uqpay';
import type { ZalopayCredentials, ZalopayFields } from 'tillpaid/adapters/zalopay';
import {
  createGateway,
  defineAdapter,
  type Adapter,
  type AdapterDefinition,
  type CreatedSettlement,
  type Decision,
  type DropInContext,
  type FinalSettlement,
  type Gateway,
  type GatewayEvent,
  type Observation,
  type Policy,
  type PollRequiredVerdict,
  type RetryableVerdict,
  type SettledBy,
  type SettleOptions,
  type Settlement,
  type TerminalVerdict,
  type Ticket,
  type UnresolvedSettlement,
  type UnsentSettlement,
  type Verdict,
} from 'tillpaid';
import { succeeded, text, type CodeTable } from 'tillpaid/adapter';

// `tsc -p tsconfig.json` is what runs this file. What would really send or throw stands in functions that nobody calls.

interface KioskFields {
  'payment.charge': { order: string; amount: number; note?: string };
  'payment.query': { order: string };
  'payment.list': { page?: number };
}

interface KioskAnswers {
  'payment.charge': { link?: string };
}

/** The operations a gateway's `settle` takes. */
type Writes<F extends Record<keyof F, object>> = Parameters<Gateway<F>['settle']>[0];

const uncalled = (...calls: ((...given: never[]) => unknown)[]): void =>
  calls.forEach(call => expect(call).toBeTypeOf('function'));

describe('operations by adapter', () => {
  it('settle takes the writes of its adapter, by their names', () => {
    expectTypeOf<Writes<QfpayFields>>().toEqualTypeOf<
      'payment.create' | 'payment.charge' | 'payment.reverse' | 'payment.close' | 'refund.create'
    >();
    expectTypeOf<Writes<IfortepayFields>>().toEqualTypeOf<
      'qris.create' | 'qris.cancel' | 'va.create' | 'debit.charge' | 'debit.cancel'
    >();
    expectTypeOf<Writes<RebellFields>>().toEqualTypeOf<
      | 'payment.charge'
      | 'payment.create'
      | 'payment.cancel'
      | 'payment.void'
      | 'payment.capture'
      | 'refund.create'
      | 'message.send'
    >();
    expectTypeOf<Writes<UqpayFields>>().toEqualTypeOf<
      'payment.create' | 'payment.confirm' | 'payment.capture' | 'payment.cancel' | 'refund.create' | 'payout.create'
    >();
    expectTypeOf<Writes<ZalopayFields>>().toEqualTypeOf<
      | (
          | 'payment.create'
          | 'payment.cancel'
          | 'payment.charge'
          | 'payment.scan'
          | 'refund.create'
          | 'binding.create'
          | 'binding.cancel'
        )
      | ('card-binding.create' | 'card-binding.cancel' | 'card-payment.charge')
    >();
  });

  it('ticketFor takes the same', () => {
    expectTypeOf<Parameters<Gateway<QfpayFields>['ticketFor']>[0]>().toEqualTypeOf<Writes<QfpayFields>>();
  });

  it('a read, or an operation of another provider, is refused', () => {
    uncalled(
      // @ts-expect-error: a read is not settled; it is asked.
      (gateway: Gateway<KioskFields>) => gateway.settle('payment.query', { order: 'A1' }),
      // @ts-expect-error: a list is a read.
      (gateway: Gateway<KioskFields>) => gateway.settle('payment.list', {}),
      // @ts-expect-error: a read has no ticket.
      (gateway: Gateway<KioskFields>) => gateway.ticketFor('payment.query', { order: 'A1' }),
      // @ts-expect-error: there is no such operation.
      (gateway: Gateway<KioskFields>) => gateway.settle('payment.steal', { order: 'A1' }),
      // @ts-expect-error: that is QFPay’s.
      (gateway: Gateway<ZalopayFields>) => gateway.settle('payment.reverse', { out_trade_no: 'A1', txamt: 1 }),
    );
  });
});

describe('fields', () => {
  it('required ones are required, optional ones optional, each with its type', () => {
    uncalled(
      (gateway: Gateway<KioskFields>) => gateway.settle('payment.charge', { order: 'A1', amount: 1 }),
      (gateway: Gateway<KioskFields>) =>
        gateway.settle('payment.charge', { order: 'A1', amount: 1, note: 'two coffees' }),
      // @ts-expect-error: the amount is missing.
      (gateway: Gateway<KioskFields>) => gateway.settle('payment.charge', { order: 'A1' }),
      // @ts-expect-error: an amount is a number.
      (gateway: Gateway<KioskFields>) => gateway.settle('payment.charge', { order: 'A1', amount: '1' }),
      // @ts-expect-error: a note is a text.
      (gateway: Gateway<KioskFields>) => gateway.settle('payment.charge', { order: 'A1', amount: 1, note: 7 }),
      // @ts-expect-error: the fields are missing.
      (gateway: Gateway<KioskFields>) => gateway.settle('payment.charge'),
      // @ts-expect-error: the same holds for a ticket.
      (gateway: Gateway<KioskFields>) => gateway.ticketFor('payment.charge', { order: 'A1' }),
      (gateway: Gateway<QfpayFields>) =>
        // @ts-expect-error: QFPay wants a pay type.
        gateway.settle('payment.create', { txamt: 100, txcurrcd: 'HKD', out_trade_no: 'A1' }),
    );
  });

  it('others than the adapter knows are refused in a literal, and go in extraFields: providers have more than their manuals say', () => {
    uncalled(
      // @ts-expect-error: Kiosk knows no such field.
      (gateway: Gateway<KioskFields>) => gateway.settle('payment.charge', { order: 'A1', amount: 1, terminal: 'T7' }),
      (gateway: Gateway<KioskFields>) =>
        // @ts-expect-error: nor does its ticket.
        gateway.ticketFor('payment.charge', { order: 'A1', amount: 1, terminal: 'T7' }),
      (gateway: Gateway<KioskFields>) =>
        gateway.settle('payment.charge', { order: 'A1', amount: 1 }, { extraFields: { terminal: 'T7' } }),
      (gateway: Gateway<QfpayFields>) =>
        gateway.settle(
          'payment.create',
          { txamt: 100, txcurrcd: 'HKD', pay_type: '800101', out_trade_no: 'A1' },
          { extraFields: { novel: true } },
        ),
      (gateway: Gateway<KioskFields>) =>
        gateway.client.post('charge', {
          // @ts-expect-error: a drop-in request says itself what it sends.
          context: { tillpaid: { extraFields: { terminal: 'T7' } } },
        }),
    );
  });

  it('a variable may hold more than the adapter knows', () => {
    const stored = { order: 'A1', amount: 1, terminal: 'T7' };
    uncalled((gateway: Gateway<KioskFields>) => gateway.settle('payment.charge', stored));
  });

  it('may be held in a variable of the adapter’s own exported type', () => {
    uncalled(
      (gateway: Gateway<QfpayFields>, fields: QfpayPaymentFields) => gateway.settle('payment.create', fields),
      (gateway: Gateway<QfpayFields>, fields: QfpayPaymentFields) => gateway.ticketFor('payment.create', fields),
    );
  });
});

describe('what an exchange means', () => {
  it('a switch over verdict.kind is exhaustive, and each kind has its own fields', () => {
    const word = (verdict: Verdict): string => {
      switch (verdict.kind) {
        case 'terminal':
          expectTypeOf(verdict).not.toHaveProperty('delayMs');
          return verdict.outcome;
        case 'retryable':
          expectTypeOf(verdict.remedy).toEqualTypeOf<'reauthenticate' | undefined>();
          return `again in ${verdict.delayMs ?? 0}`;
        case 'poll-required':
          expectTypeOf(verdict).not.toHaveProperty('outcome');
          expectTypeOf(verdict).not.toHaveProperty('remedy');
          return `asked in ${verdict.delayMs ?? 0}`;
        default:
          return verdict satisfies never;
      }
    };
    expect(word({ kind: 'terminal', outcome: 'succeeded', code: '0000', reason: 'approved', listed: true })).toBe(
      'succeeded',
    );
  });

  it('an outcome stands only on a terminal verdict', () => {
    uncalled(
      // @ts-expect-error: only a terminal verdict has an outcome.
      (verdict: Verdict) => verdict.outcome,
      // @ts-expect-error: and a terminal one no delay.
      (): Verdict => ({ kind: 'terminal', outcome: 'failed', code: 'x', reason: 'declined', listed: true, delayMs: 1 }),
      // @ts-expect-error: “unresolved” is a loop’s word, not an answer’s.
      (): Verdict => ({ kind: 'terminal', outcome: 'unresolved', code: 'x', reason: 'processing', listed: true }),
      // @ts-expect-error: reasons are a closed set of words.
      (): Verdict => ({ kind: 'poll-required', code: 'x', reason: 'who knows', listed: false }),
    );
  });
});

describe('how a payment ended', () => {
  it('a switch over settlement.outcome is exhaustive', () => {
    const advice = (settlement: Settlement): string => {
      switch (settlement.outcome) {
        case 'succeeded':
          return 'deliver';
        case 'failed':
        case 'canceled':
        case 'expired':
          return 'not paid';
        case 'refunded':
          return 'paid and given back';
        case 'rejected':
        case 'unsent':
          return 'nothing happened';
        case 'created':
        case 'authorized':
        case 'unresolved':
        case 'absent':
          return settlement.ticket.operation;
        default:
          return settlement satisfies never;
      }
    };
    expect(advice).toBeTypeOf('function');
  });

  it('whoever may still have to ask has a ticket, whatever else is known', () => {
    const ticketOf = (settlement: Settlement): Ticket | undefined => {
      if (settlement.outcome === 'created') expectTypeOf(settlement.ticket).toEqualTypeOf<Ticket>();
      if (settlement.outcome === 'authorized') expectTypeOf(settlement.ticket).toEqualTypeOf<Ticket>();
      if (settlement.outcome === 'unresolved') expectTypeOf(settlement.ticket).toEqualTypeOf<Ticket>();
      if (settlement.outcome === 'absent') expectTypeOf(settlement.ticket).toEqualTypeOf<Ticket>();
      return settlement.ticket;
    };
    expect(ticketOf).toBeTypeOf('function');
  });

  it('says where the word came from, and what is known of the write’s own answer', () => {
    expectTypeOf<Settlement['settledBy']>().toEqualTypeOf<SettledBy>();
    expectTypeOf<SettledBy>().toEqualTypeOf<'answer' | 'query' | 'webhook' | 'none'>();
    expectTypeOf<Settlement['verdict']>().toEqualTypeOf<Verdict>();
    expectTypeOf<Settlement['answer']>().toEqualTypeOf<unknown>();
    expectTypeOf<Settlement['answerOmitted']>().toEqualTypeOf<true | undefined>();
    expectTypeOf<Settlement<{ order_url: string }>['answer']>().toEqualTypeOf<{ order_url: string } | undefined>();
  });

  it('narrowing by the outcome tells which verdict there is, and whose word it was', () => {
    const narrowed = (settlement: Settlement<{ link?: string }>): unknown => {
      switch (settlement.outcome) {
        case 'succeeded':
        case 'failed':
        case 'canceled':
        case 'expired':
        case 'refunded':
        case 'authorized':
          expectTypeOf(settlement.verdict).toEqualTypeOf<TerminalVerdict>();
          expectTypeOf(settlement.settledBy).toEqualTypeOf<'answer' | 'query' | 'webhook'>();
          expectTypeOf(settlement.answer).toEqualTypeOf<{ link?: string } | undefined>();
          expectTypeOf(settlement.cause).toEqualTypeOf<undefined>();
          return settlement.verdict.outcome;
        case 'created':
          expectTypeOf(settlement).toEqualTypeOf<CreatedSettlement<{ link?: string }>>();
          expectTypeOf(settlement.settledBy).toEqualTypeOf<'answer' | 'query'>();
          return settlement.answer?.link;
        case 'rejected':
          expectTypeOf(settlement.verdict).toEqualTypeOf<TerminalVerdict | RetryableVerdict>();
          expectTypeOf(settlement.settledBy).toEqualTypeOf<'answer'>();
          expectTypeOf(settlement.otherVerdict).toEqualTypeOf<Verdict | undefined>();
          return settlement.body;
        case 'absent':
          expectTypeOf(settlement.verdict).toEqualTypeOf<PollRequiredVerdict>();
          expectTypeOf(settlement.settledBy).toEqualTypeOf<'query'>();
          expectTypeOf(settlement.answer).toEqualTypeOf<undefined>();
          expectTypeOf(settlement.answerOmitted).toEqualTypeOf<undefined>();
          return settlement.ticket;
        case 'unresolved':
          expectTypeOf(settlement.verdict).toEqualTypeOf<Verdict>();
          expectTypeOf(settlement.settledBy).toEqualTypeOf<'none'>();
          expectTypeOf(settlement.body).toEqualTypeOf<undefined>();
          expectTypeOf(settlement.repeated).toEqualTypeOf<undefined>();
          return settlement.cause;
        case 'unsent':
          expectTypeOf(settlement.verdict).toEqualTypeOf<RetryableVerdict | PollRequiredVerdict>();
          expectTypeOf(settlement.settledBy).toEqualTypeOf<'none'>();
          expectTypeOf(settlement.answer).toEqualTypeOf<undefined>();
          expectTypeOf(settlement.body).toEqualTypeOf<undefined>();
          expectTypeOf(settlement.response).toEqualTypeOf<undefined>();
          return settlement.cause;
        default:
          return settlement satisfies never;
      }
    };
    expect(narrowed).toBeTypeOf('function');
  });

  it('narrows when it is taken apart, too', () => {
    uncalled(async (gateway: Gateway<KioskFields, KioskAnswers>) => {
      const { outcome, answer, verdict, body, cause } = await gateway.settle('payment.charge', {
        order: 'A',
        amount: 1,
      });
      if (outcome === 'unsent') expectTypeOf(answer).toEqualTypeOf<undefined>();
      if (outcome === 'unresolved') expectTypeOf(body).toEqualTypeOf<undefined>();
      if (outcome === 'failed') expectTypeOf(verdict).toEqualTypeOf<TerminalVerdict>();
      if (outcome === 'created') expectTypeOf(answer).toEqualTypeOf<{ link?: string } | undefined>();
      return cause;
    });
  });

  it('and one of no outcome can be made of what it does not have', () => {
    uncalled(
      (unsent: UnsentSettlement): Settlement => ({ ...unsent }),
      // @ts-expect-error: nothing was answered.
      (unsent: UnsentSettlement): Settlement => ({ ...unsent, answer: {} }),
      // @ts-expect-error: nobody has settled it.
      (open: UnresolvedSettlement): Settlement => ({ ...open, settledBy: 'query' }),
      // @ts-expect-error: a declined payment has a final verdict.
      (paid: FinalSettlement, verdict: PollRequiredVerdict): Settlement => ({ ...paid, verdict }),
    );
  });

  it('is what settle and untilSettled resolve to; ask resolves to a verdict, ticketFor is at once', () => {
    expectTypeOf<Gateway<KioskFields>['settle']>().returns.resolves.toEqualTypeOf<Settlement>();
    expectTypeOf<Gateway<KioskFields>['untilSettled']>().returns.resolves.toEqualTypeOf<Settlement>();
    expectTypeOf<Gateway<KioskFields>['ask']>().returns.resolves.toEqualTypeOf<Verdict>();
    expectTypeOf<Gateway<KioskFields>['ticketFor']>().returns.toEqualTypeOf<Ticket>();
  });

  it('an event is a line of the timeline with the payment it belongs to', () => {
    const told = (event: GatewayEvent): string => {
      if (event.type === 'settled') expectTypeOf(event.outcome).toEqualTypeOf<Settlement['outcome']>();
      if (event.type === 'wait') expectTypeOf(event.delayMs).toEqualTypeOf<number>();
      return `${event.gateway} ${event.operation} ${event.at} ${event.type}`;
    };
    expect(told).toBeTypeOf('function');
  });
});

describe('the drop-in', () => {
  it('context.tillpaid is typed where ky takes a context, and where fetch does', () => {
    uncalled(
      (gateway: Gateway<KioskFields>) =>
        gateway.client.post('charge', {
          context: { trace: 'T', tillpaid: { operation: 'payment.charge', mayHaveBeenSent: true } },
        }),
      (gateway: Gateway<KioskFields>) =>
        gateway.client.extend({ context: { tillpaid: { onTicket: (ticket: Ticket) => ticket.reference } } }),
      (gateway: Gateway<KioskFields>) => gateway.fetch('/charge', { context: { tillpaid: { idempotencyKey: 'K' } } }),
      (gateway: Gateway<KioskFields>) =>
        // @ts-expect-error: nobody would call it.
        gateway.client.post('charge', { context: { tillpaid: { onTickets: () => undefined } } }),
      (gateway: Gateway<KioskFields>) =>
        // @ts-expect-error: the call’s own signal is the one that counts.
        gateway.client.post('charge', { context: { tillpaid: { signal: AbortSignal.timeout(1) } } }),
      (gateway: Gateway<KioskFields>) =>
        // @ts-expect-error: it is true or false, not a word.
        gateway.fetch('/charge', { context: { tillpaid: { mayHaveBeenSent: 'yes' } } }),
    );
  });

  it('gateway.fetch is a fetch for whoever wants one', () => {
    expectTypeOf<Gateway<KioskFields>['fetch']>().toExtend<typeof fetch>();
  });
});

describe('an adapter of one’s own', () => {
  const charge = {
    path: '/charge',
    required: { order: text, amount: text },
    codes: { OK: succeeded() },
    reference: ['order'],
    sameReference: 'unknown',
  } as const;
  const query = { path: '/query', required: { order: text }, codes: { paid: succeeded() } };
  const list = { path: '/list', required: {}, codes: {} };
  const kiosk: AdapterDefinition<KioskFields> = {
    name: 'kiosk',
    account: 'shop-1',
    environment: 'sandbox',
    baseUrl: 'https://kiosk.test',
    encodings: ['json'],
    operations: { 'payment.charge': charge, 'payment.query': query, 'payment.list': list },
    read: () => ({ names: [] }),
  };

  it('gives a gateway its operations', () => {
    const adapter = defineAdapter(kiosk);
    expectTypeOf(adapter).toEqualTypeOf<Adapter<KioskFields>>();
    expectTypeOf(createGateway({ adapter })).toEqualTypeOf<Gateway<KioskFields>>();
    expectTypeOf<ReturnType<(typeof adapter)['classify']>>().toEqualTypeOf<Verdict>();
  });

  it('may say what its writes answer, and only of operations that there are', () => {
    const adapter = defineAdapter<KioskFields, KioskAnswers>(kiosk);
    expectTypeOf(adapter).toEqualTypeOf<Adapter<KioskFields, KioskAnswers>>();
    expectTypeOf(createGateway({ adapter })).toEqualTypeOf<Gateway<KioskFields, KioskAnswers>>();
    expectTypeOf<Gateway<KioskFields, KioskAnswers>>().toExtend<Gateway<KioskFields>>();
    uncalled(
      // @ts-expect-error: there is no such operation.
      () => defineAdapter<KioskFields, { 'payment.chrage': { link?: string } }>(kiosk),
    );
  });

  it('fits wherever only its shared part matters', () => {
    expectTypeOf<Adapter<KioskFields>>().toExtend<Adapter>();
    expectTypeOf<Adapter<ZalopayFields>>().toExtend<Adapter>();
  });

  it('is held to its fields by the compiler', () => {
    const askedByItself = { operation: 'payment.charge' as const, fields: () => ({}) };
    const unsure: Omit<typeof charge, 'sameReference'> = charge;
    const unchecked: Omit<typeof charge.required, 'amount'> = charge.required;
    uncalled(
      // @ts-expect-error: an operation is missing.
      () => defineAdapter<KioskFields>({ ...kiosk, operations: { 'payment.charge': charge, 'payment.query': query } }),
      // @ts-expect-error: a write says how a second send is treated.
      () => defineAdapter<KioskFields>({ ...kiosk, operations: { ...kiosk.operations, 'payment.charge': unsure } }),
      () =>
        defineAdapter<KioskFields>({
          ...kiosk,
          // @ts-expect-error: what may be stored is a field of the write.
          operations: { ...kiosk.operations, 'payment.charge': { ...charge, storable: ['ordre'] as const } },
        }),
      () =>
        defineAdapter<KioskFields>({
          ...kiosk,
          // @ts-expect-error: every required field has a check.
          operations: { ...kiosk.operations, 'payment.charge': { ...charge, required: unchecked } },
        }),
      () =>
        defineAdapter<KioskFields>({
          ...kiosk,
          // @ts-expect-error: a reference is one of the fields.
          operations: { ...kiosk.operations, 'payment.charge': { ...charge, reference: ['number'] } },
        }),
      () =>
        defineAdapter<KioskFields>({
          ...kiosk,
          // @ts-expect-error: a write is asked about by a read.
          operations: { ...kiosk.operations, 'payment.charge': { ...charge, query: askedByItself } },
        }),
    );
  });

  it('has tables whose rows are rows', () => {
    expectTypeOf({ '0000': succeeded('approved') }).toExtend<CodeTable>();
    uncalled(
      // @ts-expect-error: a word is no row.
      (): CodeTable => ({ '0000': 'succeeded' }),
      // @ts-expect-error: reasons are a closed set of words.
      () => succeeded('paid'),
    );
  });
});

describe('what is given', () => {
  it('a policy has only the fields there are', () => {
    uncalled(
      (): Policy => ({
        retry: { attempts: 1 },
        poll: { deadlineMs: 1, resendWhenAbsent: true },
        limit: { concurrency: 1 },
        attemptTimeoutMs: 1,
      }),
      // @ts-expect-error: misspelt.
      (): Policy => ({ retry: { atempts: 1 } }),
      // @ts-expect-error: a backoff is a value of its own.
      (): Policy => ({ retry: { backoff: 1000 } }),
    );
  });

  it('a call sets what is its own, and not what all calls share', () => {
    const gateway = {} as Gateway<ZalopayFields>;
    const ticket = {} as Ticket;
    uncalled(
      () =>
        gateway.untilSettled(ticket, {
          policy: {
            retry: { attempts: 2 },
            poll: { deadlineMs: 1000, notices: false, cancelAtDeadline: true, cancelWithinMs: 1 },
            attemptTimeoutMs: 1,
          },
        }),
      () => gateway.ask(ticket, { policy: { poll: { deadlineMs: 1000, cancelAtDeadline: false } } }),
      // @ts-expect-error: all calls share the account's limits.
      () => gateway.untilSettled(ticket, { policy: { limit: { concurrency: 1 } } }),
      // @ts-expect-error: all calls share the circuit.
      () => gateway.untilSettled(ticket, { policy: { circuit: false } }),
      // @ts-expect-error: all calls share the quota.
      () => gateway.untilSettled(ticket, { policy: { retry: { quota: false } } }),
      // @ts-expect-error: calls share their requests.
      () => gateway.untilSettled(ticket, { policy: { poll: { batch: true } } }),
      // @ts-expect-error: notices are watched from the first one on.
      () => gateway.untilSettled(ticket, { policy: { poll: { notices: true } } }),
      // @ts-expect-error: one question sends nothing.
      () => gateway.ask(ticket, { policy: { poll: { cancelAtDeadline: true } } }),
      // @ts-expect-error: nor does one step.
      () => gateway.step(ticket, { policy: { poll: { cancelWithinMs: 1000 } } }),
      (): SettleOptions => ({ policy: { poll: { cancelAtDeadline: true } } }),
      // @ts-expect-error: all calls share the account's limits.
      (): SettleOptions => ({ policy: { limit: {} } }),
      // @ts-expect-error: of the drop-in, too.
      (): DropInContext => ({ policy: { poll: { batch: true } } }),
    );
  });

  it('credentials have an environment, and it is one of two', () => {
    uncalled(
      (): ZalopayCredentials => ({
        appId: 1,
        key1: 'a',
        key2: 'b',
        environment: 'sandbox',
        baseUrl: 'https://proxy.test',
      }),
      // @ts-expect-error: there is no environment.
      (): ZalopayCredentials => ({ appId: 1, key1: 'a', key2: 'b' }),
      // @ts-expect-error: and it is not called so.
      (): ZalopayCredentials => ({ appId: 1, key1: 'a', key2: 'b', environment: 'live' }),
    );
  });

  it('a decision is one of five, on one of a few observations', () => {
    expectTypeOf<Decision['type']>().toEqualTypeOf<'send' | 'ask' | 'cancel' | 'wait' | 'settle'>();
    expectTypeOf<Observation['type']>().toEqualTypeOf<
      'started' | 'due' | 'answered' | 'again' | 'cancel' | 'hint' | 'quiet' | 'in-line' | 'lost' | 'status' | 'notice'
    >();
  });
});
