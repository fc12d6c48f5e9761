import type { Message } from './messages.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { dice } from '../storm/dice.ts';
import type { Arrival } from './bank.ts';
import { newOrders } from './orders.ts';
import type { Premises } from './place.ts';
import { Stage, type Report } from './stage.ts';

/** Single things that happen to processes, each seen to its end. */

/** Two processes settle the same orders at the same time. Each order with what the two were told. */
export async function twins(
  seed: number,
  premises: Premises,
  count = 12,
): Promise<{ readonly report: Report; readonly told: ReadonlyMap<string, readonly string[]> }> {
  return onStage(seed, premises, async stage => {
    const orders = newOrders(dice(seed), 1, count);
    const both = [1, 2].map(() => stage.start({ role: 'shop', orders }).party);
    await Promise.all(both.map(({ ended }) => ended));
    await stage.rest();
    const told = Map.groupBy(
      stage.lines.flatMap(({ message }) => (message?.type === 'told' || message?.type === 'threw' ? [message] : [])),
      ({ order }) => order,
    );
    const wordOf = (message: Message): string => (message.type === 'told' ? message.outcome : JSON.stringify(message));
    return {
      report: await stage.report(),
      told: new Map([...told].map(([order, words]) => [order, words.map(wordOf)])),
    };
  });
}

/** A shop stops itself between what is durable and the wire, for longer than its lease; a worker takes over. */
export async function stoppedBeforeTheWire(
  seed: number,
  premises: Premises,
  { point = 'leaving', forMs = 5000 }: { readonly point?: 'leaving' | 'wire'; readonly forMs?: number } = {},
): Promise<Report & { readonly sendsAfter: number }> {
  return onStage(seed, premises, async stage => {
    const orders = newOrders(dice(seed), 1, 6);
    const worker = stage.start({ role: 'worker' }).party;
    await worker.ready;
    const shop = stage.start({ role: 'shop', orders, point, nth: 3, blow: 'stop' }).party;
    await shop.stopped;
    const before = new Set(stage.bank.arrivals);
    await sleep(forMs);
    shop.signal('SIGCONT');
    await shop.ended;
    worker.signal('SIGTERM');
    await worker.ended;
    await stage.rest();
    const after = stage.bank.arrivals.filter(arrival => !before.has(arrival) && arrival.kind === 'send');
    return { ...(await stage.report()), sendsAfter: after.length };
  });
}

/** The disk is full while a shop settles; then there is room again. */
export async function diskFull(
  seed: number,
  premises: Premises,
): Promise<Report & { readonly sentWhileFull: number; readonly refused: number }> {
  return onStage(seed, premises, async stage => {
    const orders = newOrders(dice(seed), 1, 30);
    const shop = stage.start({ role: 'shop', orders }).party;
    await shop.ready;
    await sleep(300);
    shop.tell('full');
    const fullAtMs = Date.now() + 200;
    await sleep(5000);
    const isWhileFull = ({ kind, signedAtMs }: Arrival): boolean => kind === 'send' && signedAtMs > fullAtMs;
    const sentWhileFull = stage.bank.arrivals.filter(isWhileFull).length;
    shop.tell('room');
    await shop.ended;
    // Who was refused tries again.
    const refused = stage.lines.flatMap(({ message }) => (message?.type === 'threw' ? [message.order] : []));
    await stage.start({ role: 'shop', orders: refused }).party.ended;
    await stage.rest();
    return { ...(await stage.report()), sentWhileFull, refused: refused.length };
  });
}

async function onStage<T>(seed: number, premises: Premises, play: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await Stage.open(seed, premises);
  try {
    return await play(stage);
  } finally {
    stage.close();
  }
}
