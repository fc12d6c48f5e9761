import { http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manualClock, simulateGateway, type FaultName, type Simulator } from 'tillpaid/testing';
import { serveSimulator, type ServedSimulator } from 'tillpaid/testing/serve';
import { acmeVoice, call } from './acme.ts';

const clock = manualClock();
const gateway: Simulator = simulateGateway({ voice: acmeVoice(), clock });
let orders = 0;
const scripted = (...onSend: FaultName[]): string => {
  const order = `A${++orders}`;
  gateway.script(order, { onSend });
  return order;
};
const bookings = (order: string): number => gateway.ledger.payment(order)?.bookings ?? 0;

describe('behind a real HTTP server', () => {
  let server: ServedSimulator;
  beforeAll(async () => void (server = await serveSimulator({ simulated: gateway })));
  afterAll(() => server.close());

  const charge = (order: string, init: { signal?: AbortSignal; redirect?: RequestRedirect } = {}) =>
    call({ fetch }, 'payment.charge', { order, amount: '5' }, { origin: server.url, ...init });

  it('answers, refuses and keeps its ledger', async () => {
    const order = scripted('none', 'maintenance');
    expect(await charge(order)).toMatchObject({ order, state: 'paid' });
    expect(await charge(order)).toEqual({ code: 'maintenance' });
    expect(await charge(order)).toMatchObject({ code: 'duplicate' });
    expect((await fetch(`${server.url}/payment.charge`)).status).toBe(401);
    expect(gateway.ledger.payment(order)).toMatchObject({ bookings: 1, sends: 3 });
  });

  it.each<[FaultName, number]>([
    ['reset-before-booking', 0],
    ['reset-after-booking', 1],
  ])('shows %s as Node sees a reset', async (fault, booked) => {
    const order = scripted(fault);
    await expect(charge(order)).rejects.toMatchObject({
      name: 'TypeError',
      message: 'fetch failed',
      cause: { code: 'ECONNRESET' },
    });
    expect(bookings(order)).toBe(booked);
  });

  it('shows an answer that was cut short as Node sees it', async () => {
    const order = scripted('truncated');
    await expect(charge(order)).rejects.toMatchObject({
      name: 'TypeError',
      message: 'terminated',
      cause: { code: 'UND_ERR_SOCKET' },
    });
    expect(bookings(order)).toBe(1);
  });

  it('hangs until the client gives up', async () => {
    const order = scripted('hang-after-booking');
    const timeout = new AbortController();
    clock.timer(10_000, () => timeout.abort('timed out'));
    await expect(clock.run(charge(order, { signal: timeout.signal }))).rejects.toBe('timed out');
    expect(bookings(order)).toBe(1);
  });

  it('drips until the client gives up, and stops then', async () => {
    const order = scripted('drip');
    const timeout = new AbortController();
    clock.timer(3500, () => timeout.abort('timed out'));
    await expect(clock.run(charge(order, { signal: timeout.signal }))).rejects.toBe('timed out');
    await expect.poll(() => clock.pending).toBe(0);
  });

  it('leaves it to the client whether a redirect is followed', async () => {
    expect(await charge(scripted('redirect'))).toMatchObject({ state: 'paid' });
    await expect(charge(scripted('redirect-after-booking'))).resolves.toMatchObject({ code: 'duplicate' });
  });
});

describe('through msw', () => {
  const server = setupServer(http.all('https://acme.test/*', gateway.resolver));
  beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
  afterAll(() => server.close());

  const charge = (order: string, signal?: AbortSignal) =>
    call({ fetch }, 'payment.charge', { order, amount: '5' }, signal && { signal });

  it('answers', async () => {
    const order = scripted();
    expect(await charge(order)).toMatchObject({ order, state: 'paid' });
  });

  it.each<[FaultName, number]>([
    ['refused-connection', 0],
    ['reset-before-booking', 0],
    ['reset-after-booking', 1],
  ])('shows %s as a network error, which is all it can', async (fault, booked) => {
    const order = scripted(fault);
    await expect(charge(order)).rejects.toThrow(TypeError);
    expect(bookings(order)).toBe(booked);
  });

  it('shows an answer that was cut short', async () => {
    const order = scripted('truncated');
    await expect(charge(order)).rejects.toThrow(TypeError);
    expect(bookings(order)).toBe(1);
  });

  it('hangs until the client gives up', async () => {
    const order = scripted('hang-after-booking');
    const timeout = new AbortController();
    clock.timer(10_000, () => timeout.abort('timed out'));
    await expect(clock.run(charge(order, timeout.signal))).rejects.toBe('timed out');
    expect(bookings(order)).toBe(1);
    const request = new Request('https://acme.test/payment.charge', { method: 'POST', signal: AbortSignal.abort() });
    expect((await gateway.resolver({ request })).type).toBe('error');
  });

  it('lets an error of the voice through', async () => {
    const broken = simulateGateway({ voice: { ...acmeVoice(), hear: () => Promise.reject(new Error('a bug')) } });
    await expect(broken.resolver({ request: new Request('https://acme.test/') })).rejects.toThrow('a bug');
  });
});
