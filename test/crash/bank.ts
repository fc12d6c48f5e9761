import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { SIGNED_FOR_MS, type Write } from './bank-adapter.ts';
import { planOf, type Fault, type Plan } from './bank-plan.ts';
import { canary } from './canaries.ts';

/** One request about a number, as the bank saw it. */
export interface Arrival {
  readonly atMs: number;
  /** Which process sent it. */
  readonly from: string;
  readonly kind: 'send' | 'query';
  readonly order: string;
  readonly operation: Write;
  readonly signedAtMs: number;
  readonly fault: Fault;
  /** Money moved, or will. */
  readonly isBooked: boolean;
  /** The code of the answer, whether or not it came through. */
  readonly code: string;
}

/** The bank's own books. Nothing in them is tillpaid's. */
export interface Bank {
  readonly baseUrl: string;
  readonly arrivals: readonly Arrival[];
  about(order: string): readonly Arrival[];
  /** How often money moved, or will, under that number. */
  bookings(order: string): number;
  close(): void;
}

interface Booking {
  readonly id: string;
  readonly atMs: number;
  readonly key: string | undefined;
  readonly amount: number | undefined;
}

/** What was asked for, read from the request. */
interface Call {
  readonly from: string;
  readonly kind: Arrival['kind'];
  readonly operation: Write;
  readonly order: string;
  readonly amount: number | undefined;
  readonly key: string | undefined;
  readonly signedAtMs: number;
}

type Answer = { readonly code: string; readonly isBooked?: boolean; readonly entry?: object };

const places: Readonly<Record<string, readonly [Arrival['kind'], Write]>> = {
  '/charge': ['send', 'payment.charge'],
  '/payout': ['send', 'payout.create'],
  '/coupon': ['send', 'coupon.redeem'],
  '/query': ['query', 'payment.charge'],
  '/payouts': ['query', 'payout.create'],
};

const SLOW_MS = 250;
const TOKEN = canary('token');

/** A bank that stays alive, on a port of the system's choice, whose weather comes from the seed. */
export async function openBank(seed: number): Promise<Bank> {
  const arrivals: Arrival[] = [];
  const byOrder = new Map<string, Arrival[]>();
  const bookings = new Map<string, Booking[]>();
  let numbers = 0;

  const of = <T>(map: Map<string, T[]>, order: string): T[] => {
    const list = map.get(order) ?? [];
    map.set(order, list);
    return list;
  };

  const write = (call: Call, plan: Plan): Answer => {
    const earlier = of(bookings, call.order);
    const replayed = call.key === undefined ? undefined : earlier.find(({ key }) => key === call.key);
    const isTaken = replayed === undefined && earlier.length > 0 && plan.again === 'refuses';
    if (isTaken) return { code: 'TAKEN' };
    const booking = replayed ?? { id: `B${++numbers}`, atMs: Date.now(), key: call.key, amount: call.amount };
    if (replayed === undefined) earlier.push(booking);
    const state = stateOf(booking, plan);
    const code = state === 'pending' ? 'WAIT' : state === 'declined' ? 'DECLINED' : 'OK';
    return { code, isBooked: replayed === undefined && plan.ends === 'paid', entry: entryOf(call, booking, plan) };
  };

  const query = (call: Call, plan: Plan): Answer => {
    const booking = of(bookings, call.order).at(-1);
    if (booking === undefined || Date.now() - booking.atMs < plan.hiddenForMs) return { code: 'NONE' };
    return { code: 'OK', entry: entryOf(call, booking, plan) };
  };

  const hear = async (call: Call, outgoing: ServerResponse): Promise<void> => {
    const plan = planOf(seed, call.order);
    const nth = of(byOrder, call.order).filter(({ kind }) => kind === call.kind).length;
    const fault = (call.kind === 'send' ? plan.onSend : plan.onQuery)[nth] ?? 'none';
    await sleep(plan.travelMs + (fault === 'slow' ? SLOW_MS : 0));
    const answer = answerTo(call, fault, () => (call.kind === 'send' ? write(call, plan) : query(call, plan)));
    const { from, kind, order, operation, signedAtMs } = call;
    const arrival: Arrival = {
      ...{ atMs: Date.now(), from, kind, order, operation, signedAtMs, fault },
      isBooked: answer.isBooked === true,
      code: answer.code,
    };
    arrivals.push(arrival);
    of(byOrder, order).push(arrival);
    await say(outgoing, fault, answer);
  };

  const server = createServer((incoming, outgoing) => {
    listen(incoming, outgoing, hear).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivals,
    about: order => byOrder.get(order) ?? [],
    bookings: order => (byOrder.get(order) ?? []).filter(({ isBooked }) => isBooked).length,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Reads a request, checks its credentials, and hands it on. */
async function listen(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  hear: (call: Call, outgoing: ServerResponse) => Promise<void>,
): Promise<void> {
  const { url = '/', headers } = incoming;
  const body = await text(incoming);
  if (url === '/token') return reply(outgoing, headers['x-api-key'] === canary('api-key') ? { token: TOKEN } : {});
  const place = places[url];
  if (place === undefined || headers.authorization !== `Bearer ${TOKEN}`) return reply(outgoing, { code: 'SIGN' });
  const { order, amount } = JSON.parse(body) as { order: string; amount?: number };
  const key = headers['idempotency-key'];
  await hear(
    {
      from: String(headers['x-process']),
      kind: place[0],
      operation: place[1],
      order,
      amount,
      key: typeof key === 'string' ? key : undefined,
      signedAtMs: Number(headers['x-signed-at']),
    },
    outgoing,
  );
}

function answerTo({ signedAtMs }: Call, fault: Fault, act: () => Answer): Answer {
  if (fault === 'busy') return { code: 'BUSY' };
  if (fault === 'reset-before-booking') return { code: '(none)' };
  return Date.now() - signedAtMs > SIGNED_FOR_MS ? { code: 'LATE' } : act();
}

async function say(outgoing: ServerResponse, fault: Fault, { code, entry }: Answer): Promise<void> {
  if (fault === 'slow-answer') await sleep(SLOW_MS);
  if (fault === 'hang-after-booking') return;
  if (fault.startsWith('reset')) {
    outgoing.socket?.resetAndDestroy();
    return;
  }
  if (fault === '503-after-booking') outgoing.writeHead(503).end('<h1>Service unavailable</h1>');
  else reply(outgoing, { code, ...(entry !== undefined && { entry }), client_secret: canary('answer') });
}

function reply(outgoing: ServerResponse, body: object): void {
  outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const stateOf = ({ atMs }: Booking, { ends, decidedAfterMs }: Plan): 'pending' | Plan['ends'] =>
  Date.now() - atMs < decidedAfterMs ? 'pending' : ends;

const entryOf = ({ order }: Call, booking: Booking, plan: Plan): object => ({
  ...{ order, id: booking.id, amount: booking.amount, state: stateOf(booking, plan) },
});
