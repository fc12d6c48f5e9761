import { isAxiosError } from 'axios';
import axiosRetry from 'axios-retry';
import ky from 'ky';
import { FetchError } from 'ofetch';
import { APIError } from 'openai';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { retry } from 'wretch/middlewares/retry';
import { axiosOver } from '../../examples/clients/axios.ts';
import { sdkOver } from '../../examples/clients/generated-sdk.ts';
import { ofetchOver } from '../../examples/clients/ofetch.ts';
import { openapiOver } from '../../examples/clients/openapi-fetch.ts';
import { wretchOver } from '../../examples/clients/wretch.ts';
import {
  constant,
  createGateway,
  findTillpaidError,
  isSettledError,
  isUnresolvedError,
  type Gateway,
  type GatewayEvent,
  type Policy,
  type Ticket,
} from '../../src/index.ts';
import {
  lives,
  simulateGateway,
  type FaultList,
  type Life,
  type Simulator,
  type SimulatorOptions,
} from '../../src/testing/index.ts';
import { acme, acmeVoice, type AcmeFields } from '../testing/acme.ts';

/**
 * Real clients over `gateway.fetch`, told to retry whatever they can. The gateway books again whatever it is sent
 * again, so each send too many is money taken twice. Every timer is vitest's: nothing waits.
 */

const baseUrl = 'https://acme.test/api';

/**
 * One payment by a client's own means. `retries`: how often it may send again, whatever was thrown. Gives the body it
 * was answered with.
 */
type Client = (fetch: Gateway<AcmeFields>['fetch'], retries: number) => Promise<unknown>;

const order = { order: 'A1', amount: 100 };

const clients: [name: string, pay: Client, statusOf: (error: unknown) => number | undefined][] = [
  [
    'ofetch',
    (fetch, retries) =>
      ofetchOver(fetch, baseUrl)('/charge', {
        method: 'POST',
        body: order,
        retry: retries,
        retryDelay: 500,
      }),
    error => (error instanceof FetchError ? error.status : undefined),
  ],
  [
    'openai',
    (fetch, maxRetries) => sdkOver(fetch, baseUrl, maxRetries).post('/charge', { body: order }),
    error => (error instanceof APIError ? (error.status as number | undefined) : undefined),
  ],
  [
    'axios with axios-retry',
    async (fetch, retries) => {
      const client = axiosOver(fetch, baseUrl);
      axiosRetry(client, { retries, retryCondition: () => true, retryDelay: () => 500 });
      return (await client.post<unknown>('/charge', order)).data;
    },
    error => (isAxiosError(error) ? error.response?.status : undefined),
  ],
  [
    'wretch',
    (fetch, maxAttempts) =>
      wretchOver(fetch, baseUrl)
        .middlewares(
          maxAttempts === 0
            ? []
            : [
                retry({
                  maxAttempts,
                  delayTimer: 500,
                  retryOnNetworkError: true,
                  until: response => response?.ok === true,
                }),
              ],
        )
        .url('/charge')
        .post(order)
        .json(),
    error => (error as { status?: number }).status,
  ],
  [
    'openapi-fetch, tried again by its caller',
    async (fetch, retries) => {
      const api = openapiOver<
        Record<
          '/charge',
          {
            post: {
              requestBody: { content: { 'application/json': typeof order } };
              responses: { 200: { content: { 'application/json': object } } };
            };
          }
        >
      >(fetch, baseUrl);
      for (let tried = 0; ; tried++) {
        try {
          const { data, response } = await api.POST('/charge', { body: order });
          if (response.ok) return data;
          throw Object.assign(new Error('refused'), { status: response.status });
        } catch (error) {
          if (tried >= retries) throw error;
          await new Promise(resolve => setTimeout(resolve, 500));
        }
      }
    },
    error => (error as { status?: number }).status,
  ],
];

interface Shop {
  readonly gateway: Gateway<AcmeFields>;
  readonly simulated: Simulator;
  readonly tickets: Ticket[];
  readonly events: GatewayEvent[];
  readonly sends: () => number;
}

/** A gateway that books again, and answers a decline with HTTP 402 as many do. */
function open({
  life,
  onSend,
  policy,
  ...options
}: { life?: Life; onSend?: FaultList; policy?: Policy } & Partial<SimulatorOptions>): Shop {
  const voice = acmeVoice('books-again');
  const simulated = simulateGateway({
    voice: {
      ...voice,
      say: situation => ({ ...voice.say(situation), ...(situation.entry?.state === 'declined' && { status: 402 }) }),
    },
    ...(life !== undefined && { lives: { charge: life } }),
    ...(onSend !== undefined && { faults: { onSend } }),
    ...options,
  });
  const tickets: Ticket[] = [];
  const events: GatewayEvent[] = [];
  const gateway = createGateway({
    adapter: acme({ simulated: true }),
    client: ky.create({ fetch: simulated.fetch }),
    policy: { poll: { backoff: constant(1000), deadlineMs: 30_000 }, ...policy },
    onTicket: ticket => tickets.push(ticket),
    onEvent: event => events.push(event),
  });
  return {
    gateway,
    simulated,
    tickets,
    events,
    sends: () => simulated.requests.filter(({ path }) => path === '/api/charge').length,
  };
}

/** Lets time pass until it ends. */
async function ends(promise: Promise<unknown>): Promise<{ resolved: unknown } | { rejected: unknown }> {
  let result: { resolved: unknown } | { rejected: unknown } | undefined;
  promise.then(
    resolved => (result = { resolved }),
    (rejected: unknown) => (result = { rejected }),
  );
  while (result === undefined) await vi.advanceTimersByTimeAsync(250);
  return result;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe.each(clients)('%s over gateway.fetch', (_name, pay, statusOf) => {
  it('gets an answer where the first one was lost, and the query says paid', async () => {
    const { gateway, simulated, sends } = open({ onSend: ['reset-after-booking'] });
    expect(await ends(pay(gateway.fetch, 0))).toMatchObject({ resolved: { state: 'paid', order: 'A1' } });
    expect([simulated.ledger.payment('A1')?.bookings, sends()]).toEqual([1, 1]);
  });

  it('gets a decline as the answer that it is, with its status and body', async () => {
    const { gateway, simulated, sends } = open({ life: lives.declined() });
    const end = await ends(pay(gateway.fetch, 0));
    expect('rejected' in end && statusOf(end.rejected)).toBe(402);
    expect([simulated.ledger.payment('A1')?.bookings, sends()]).toEqual([0, 1]);
  });

  it('that sends again whatever is thrown takes the money once: refunded in the meantime', async () => {
    const { gateway, simulated, sends } = open({
      onSend: ['reset-after-booking'],
      life: lives.steps([{ state: 'paid' }, { state: 'refunded' }]),
    });
    const end = await ends(pay(gateway.fetch, 2));
    const ours = findTillpaidError('rejected' in end ? end.rejected : undefined);
    expect(isSettledError(ours) && ours.settlement.outcome).toBe('refunded');
    expect([simulated.ledger.payment('A1')?.bookings, sends()]).toEqual([1, 1]);
  });

  it('that sends again whatever is thrown takes no money behind the gateway’s back: absent', async () => {
    const { gateway, simulated, sends, events } = open({
      onSend: ['reset-before-booking'],
      policy: { poll: { absentAfterMs: 2000, backoff: constant(1000), deadlineMs: 30_000 } },
    });
    const end = await ends(pay(gateway.fetch, 2));
    const ours = findTillpaidError('rejected' in end ? end.rejected : undefined);
    expect(isSettledError(ours) && ours.settlement.outcome).toBe('absent');
    expect([simulated.ledger.payment('A1'), sends()]).toEqual([undefined, 1]);
    expect(events.filter(({ type }) => type === 'settled').length).toBeGreaterThan(1);
  });

  it('that sends again after absent is answered by the payment that came late after all', async () => {
    const { gateway, simulated, events } = open({
      onSend: ['reset-booked-later'],
      policy: { poll: { absentAfterMs: 1000, backoff: constant(1000), deadlineMs: 30_000 } },
    });
    expect(await ends(pay(gateway.fetch, 9))).toMatchObject({ resolved: { state: 'paid' } });
    // The network delivers the one send again: the gateway hears it twice.
    expect([simulated.ledger.payment('A1')?.bookings, events.filter(({ type }) => type === 'send').length]).toEqual([
      1, 1,
    ]);
  });

  it('that sends again whatever is thrown leaves one open payment open, with its ticket', async () => {
    const { gateway, simulated, sends, tickets } = open({
      onSend: ['reset-after-booking'],
      life: lives.paidAfter(10 * 60_000),
    });
    const end = await ends(pay(gateway.fetch, 2));
    const ours = findTillpaidError('rejected' in end ? end.rejected : undefined);
    expect([isUnresolvedError(ours) && ours.ticket.reference, sends()]).toEqual([{ order: 'A1' }, 1]);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    const [kept] = tickets;
    expect(await ends(gateway.untilSettled(kept ?? expect.fail('no ticket')))).toMatchObject({
      resolved: { outcome: 'succeeded' },
    });
    expect(simulated.ledger.payment('A1')?.bookings).toBe(1);
  });
});

/** The same with a time limit of the client's own. */
const hurried: [name: string, pay: Client][] = [
  [
    'ofetch',
    (fetch, retries) =>
      ofetchOver(fetch, baseUrl)('/charge', {
        method: 'POST',
        body: order,
        retry: retries,
        retryDelay: 500,
        timeout: 2000,
      }),
  ],
  [
    'openai',
    (fetch, maxRetries) =>
      sdkOver(fetch, baseUrl, maxRetries).withOptions({ timeout: 2000 }).post('/charge', {
        body: order,
      }),
  ],
  [
    'axios with axios-retry',
    async (fetch, retries) => {
      const client = axiosOver(fetch, baseUrl);
      client.defaults.timeout = 2000;
      axiosRetry(client, { retries, retryCondition: () => true, retryDelay: () => 500, shouldResetTimeout: true });
      return (await client.post<unknown>('/charge', order)).data;
    },
  ],
];

describe.each(hurried)('%s with a time limit of its own', (_name, pay) => {
  it('loses no ticket when it gives up', async () => {
    const { gateway, simulated, tickets, sends } = open({ onSend: ['hang-after-booking'] });
    expect(await ends(pay(gateway.fetch, 0))).toHaveProperty('rejected');
    const [kept] = tickets;
    expect(await ends(gateway.untilSettled(kept ?? expect.fail('no ticket')))).toMatchObject({
      resolved: { outcome: 'succeeded', polls: 1 },
    });
    expect([simulated.ledger.payment('A1')?.bookings, sends()]).toEqual([1, 1]);
  });
});

// ofetch gives a second try the first one's signal, which is over.
describe.each(hurried.slice(1))('%s with a time limit of its own', (_name, pay) => {
  it('is answered when it tries again, by a question and not by a second payment', async () => {
    const { gateway, simulated, sends } = open({ onSend: ['hang-after-booking'] });
    expect(await ends(pay(gateway.fetch, 2))).toMatchObject({ resolved: { state: 'paid' } });
    expect([simulated.ledger.payment('A1')?.bookings, sends()]).toEqual([1, 1]);
  });
});
