import { createHmac } from 'node:crypto';
import ky from 'ky';
import { createGateway } from 'tillpaid';
import { statedOf } from 'tillpaid/adapter';
import {
  lives,
  manualClock,
  simulateGateway,
  type EntryState,
  type Heard,
  type Situation,
  type Voice,
  type ManualClock,
  type Simulator,
} from 'tillpaid/testing';
import { lantern } from './own-provider.ts';

const acts: Readonly<Record<string, Pick<Heard, 'operation' | 'act'>>> = {
  '/charge': { operation: 'payment.charge', act: 'charge' },
  '/create': { operation: 'payment.create', act: 'create' },
  '/cancel': { operation: 'payment.cancel', act: 'cancel' },
  '/query': { operation: 'payment.query', act: 'query' },
  '/refund': { operation: 'refund.create', act: 'refund' },
  '/refunds': { operation: 'refund.query', act: 'refund-query' },
};

const states: Readonly<Record<EntryState, string>> = {
  open: 'open',
  pending: 'pending',
  authorized: 'pending',
  paid: 'done',
  refunded: 'done',
  declined: 'declined',
  canceled: 'canceled',
  expired: 'canceled',
};

/** A charge is decided in the call; every other write is answered once it is taken. */
const charged: Readonly<Partial<Record<EntryState, string>>> = { paid: 'OK', declined: 'DECLINED' };

const codes: Readonly<Record<Exclude<Situation['answer'], 'state'>, string>> = {
  done: 'OK',
  'not-found': 'NONE',
  duplicate: 'TAKEN',
  'already-final': 'LATE',
  maintenance: 'BUSY',
  'rate-limited': 'LIMIT',
  'system-error': 'ERROR',
};

/** A request of Lantern Pay's, which names an order or a refund of one. */
function requestIn(body: string): { order: string; refund?: string; amount?: string } {
  const sent: unknown = JSON.parse(body);
  const [order = '', refund, amount] = ['order', 'refund', 'amount'].map(name => statedOf(sent, name));
  return { order, ...(refund !== undefined && { refund }), ...(amount !== undefined && { amount }) };
}

/** How Lantern Pay hears and speaks, for the simulator. It checks signatures with arithmetic of its own. */
export function lanternVoice(key: string): Voice {
  return {
    gateway: 'lantern',
    // The worst that "not documented" may mean.
    sameReference: 'books-again',
    hear({ url, headers, body }) {
      const signature = createHmac('sha256', key)
        .update(`${headers.get('x-time') ?? ''}.${body}`)
        .digest('base64');
      if (headers.get('x-sign') !== signature) return { refused: { status: 401, body: { code: 'SIGN' } } };
      const call = acts[url.pathname];
      if (call === undefined) return { refused: { status: 404, body: 'Not Found' } };
      const { order, refund, amount } = requestIn(body);
      const asked = {
        ...call,
        fields: {},
        reference: refund ?? order,
        ...(amount !== undefined && { amount }),
      };
      return call.act === 'refund' ? { ...asked, of: order } : asked;
    },
    say({ heard: { act }, answer, entry }) {
      if (answer !== 'state') return { body: { code: codes[answer] } };
      if (entry === undefined) return { body: { code: 'ERROR' } };
      const { kind, state, amount, reference, providerId: id } = entry;
      const about = kind === 'refund' ? { refund: reference, amount } : { order: reference, id, amount };
      if (act === 'query' || act === 'refund-query') return { body: { code: 'OK', state: states[state], ...about } };
      return { body: { code: act === 'charge' ? (charged[state] ?? 'PENDING') : 'OK', ...about } };
    },
  };
}

// Time is simulated too: five seconds pass at once.
export const clock: ManualClock = manualClock();
export const simulated: Simulator = simulateGateway({ voice: lanternVoice('secret'), clock });
const client = ky.create({ fetch: simulated.fetch });
const gateway = createGateway({ adapter: lantern({ shop: 'shop-1', key: 'secret' }), client, clock });

export async function charge(order: string): Promise<string> {
  const settlement = await gateway.settle('payment.charge', { order, amount: 1250, scanned: '284957310466312987' });
  const { outcome, settledBy, attempts, polls } = settlement;
  const charges = simulated.ledger.payment(order)?.bookings ?? 0;
  return `${outcome} by ${settledBy}; sends: ${attempts}, queries: ${polls}, charges: ${charges}`;
}

/** The gateway takes the money, and the answer is lost. */
export async function main(): Promise<string> {
  simulated.script('ORDER-1', { life: lives.paidAfter(5000), onSend: ['reset-after-booking'] });
  return clock.run(charge('ORDER-1'));
}

if (import.meta.main) console.log(await main());
