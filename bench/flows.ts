import ky from 'ky';
import { createGateway, type Fields, type Settlement } from '../src/index.ts';
import { lives, manualClock, simulateGateway, type FaultList, type Life } from '../src/testing/index.ts';
import { findProviders, numberOf, type Account, type Provider, type Scene } from '../test/storm/providers.ts';
import { printTable } from './table.ts';

/**
 * How a payment feels at each provider, with every default: what is reported, when, and after how many queries. On
 * the manual clock, against the simulated gateways.
 */
interface Flow {
  readonly name: string;
  /** The scenes it is played with, where the provider has them. */
  readonly scenes: readonly string[];
  readonly life: Life;
  /** When what is told became true, in seconds since the call. */
  readonly trueAtS: number;
  /** What becomes of it late in its own life, which its ticket tells; of an order without one, after `trueAtS`. */
  readonly lateInLife?: 'paid' | 'expired';
  readonly onSend?: FaultList;
  /** The gateway is down for so many seconds. */
  readonly downS?: number;
}

const charges = ['charge', 'scan', 'card', 'order-with-method'];
const orders = ['order', 'qris', 'account', 'wallet'];
const refunds = ['refund'];
const MINUTE_S = 60;
/** The part of an order's life after which a late payer pays. */
const LATE = 0.8;

const flows: readonly Flow[] = [
  { name: 'charge, paid at once', scenes: charges, life: lives.paid(), trueAtS: 0 },
  { name: 'charge, paid after 1 s', scenes: charges, life: lives.paidAfter(1000), trueAtS: 1 },
  { name: 'charge, paid after 8 s', scenes: charges, life: lives.paidAfter(8000), trueAtS: 8 },
  { name: 'charge, paid after 40 s', scenes: charges, life: lives.paidAfter(40_000), trueAtS: 40 },
  {
    name: 'charge, declined after 5 s',
    scenes: charges,
    life: lives.steps([{ afterMs: 5000, state: 'declined' }]),
    trueAtS: 5,
  },
  {
    name: 'charge, lost before booking',
    scenes: charges,
    life: lives.paid(),
    trueAtS: 0,
    onSend: ['reset-before-booking'],
  },
  {
    name: 'charge, lost after booking',
    scenes: charges,
    life: lives.paid(),
    trueAtS: 0,
    onSend: ['reset-after-booking'],
  },
  {
    name: 'charge, lost and declined',
    scenes: charges,
    life: lives.steps([{ state: 'pending' }, { afterMs: 3000, state: 'declined' }]),
    trueAtS: 3,
    onSend: ['reset-after-booking'],
  },
  { name: 'charge, gateway down for 60 s', scenes: charges, life: lives.paid(), trueAtS: 60, downS: 60 },
  { name: 'order, paid after 40 s', scenes: orders, life: lives.paidAfter(40_000), trueAtS: 40 },
  { name: 'order, paid late', scenes: orders, lateInLife: 'paid', life: lives.open(), trueAtS: 20 * MINUTE_S },
  { name: 'order, never paid', scenes: orders, lateInLife: 'expired', life: lives.open(), trueAtS: 30 * MINUTE_S },
  {
    name: 'order, lost before booking',
    scenes: orders,
    life: lives.open(),
    trueAtS: 0,
    onSend: ['reset-before-booking'],
  },
  {
    name: 'order, lost after booking',
    scenes: orders,
    life: lives.open(),
    trueAtS: 0,
    onSend: ['reset-after-booking'],
  },
  { name: 'refund, done after 20 s', scenes: refunds, life: lives.paidAfter(20_000), trueAtS: 20 },
];

interface Told {
  /** When it became true. */
  readonly trueAtS: number;
  readonly outcome: string;
  readonly code: string;
  readonly atS: number;
  readonly queries: number;
  readonly sends: number;
}

const head = ['', 'outcome', 'code', 'true at s', 'ends at s', 'late by s', 'queries', 'sends'];
const order = { minor: 1200 };
/** A key of the merchant's own, for what UQPAY has no number for. */
const idempotencyKey = '00000000-0000-4000-8000-000000000000';

/** Plays one flow of one scene. */
async function play(provider: Provider, account: Account, scene: Scene, flow: Flow): Promise<Told> {
  const clock = manualClock({ startMs: Date.UTC(2026, 10, 16, 3) });
  const opens = scene.opens ?? 'charge';
  const { life } = flow;
  const simulated = simulateGateway({ voice: account.voice, clock, lives: { [opens]: life } });
  let downUntilMs = 0;
  const fetch = (input: Request | URL | string, init?: RequestInit): Promise<Response> =>
    clock.now() < downUntilMs
      ? Promise.resolve(new Response('<html>down</html>', { status: 503 }))
      : simulated.fetch(input, init);
  const gateway = createGateway({ adapter: account.adapter, client: ky.create({ fetch }), clock });
  const settle = (played: Scene, fields: Fields): Promise<Settlement> =>
    clock.run(
      gateway.settle(played.operation as never, fields as never, played.byKey === true ? { idempotencyKey } : {}),
    );

  const reference = numberOf(provider.name, 'B');
  const earlier = numberOf(provider.name, 'A');
  const before = scene.after === undefined ? undefined : provider.scenes[scene.after];
  if (before !== undefined) {
    await settle(before, before.fields({ reference: earlier, ...order, of: { reference: '', providerId: '' } }));
    simulated.script(earlier, { life: lives.paid() });
  }
  const of = { reference: earlier, providerId: simulated.ledger.payment(earlier)?.providerId ?? '' };
  const { onSend } = flow;
  if (onSend !== undefined) simulated.script(reference, { life, onSend });

  const startMs = clock.now();
  downUntilMs = flow.downS === undefined ? 0 : startMs + flow.downS * 1000;
  const first = await settle(scene, scene.fields({ reference, ...order, of }));
  let { trueAtS } = flow;
  if (flow.lateInLife !== undefined) {
    const livesS = (Date.parse(first.ticket.expiresAt ?? '') - startMs) / 1000;
    if (livesS > 0) trueAtS = flow.lateInLife === 'paid' ? Math.min(trueAtS, livesS * LATE) : livesS;
    simulated.script(reference, { life: lives.steps([{ afterMs: trueAtS * 1000, state: flow.lateInLife }]) });
  }
  // An order whose answer was lost has come back with it; all else is followed to its end.
  const last =
    first.outcome === 'created' && onSend === undefined ? await clock.run(gateway.untilSettled(first.ticket)) : first;
  const polls = last === first ? first.polls : first.polls + last.polls;
  return {
    trueAtS,
    outcome: last.outcome,
    code: last.verdict.code,
    atS: (clock.now() - startMs) / 1000,
    queries: polls,
    sends: first.attempts,
  };
}

/** Plays every flow at every provider. */
export async function printFlows(): Promise<void> {
  const rows: string[][] = [];
  for (const provider of await findProviders()) {
    for (const flow of flows) {
      for (const name of flow.scenes) {
        const scene = provider.scenes[name];
        if (scene === undefined) continue;
        const { trueAtS, outcome, code, atS, queries, sends } = await play(
          provider,
          provider.open(1, false),
          scene,
          flow,
        );
        const isTold = outcome !== 'unresolved';
        rows.push([
          `${provider.name} ${name}: ${flow.name.replace(/^\w+, /, '')}`,
          outcome,
          code,
          trueAtS.toFixed(0),
          atS.toFixed(1),
          isTold ? (atS - trueAtS).toFixed(1) : '',
          String(queries),
          String(sends),
        ]);
      }
    }
  }
  console.log('\nFlows, with every default: what is reported, when, and what it took\n');
  printTable(head, rows);
}
