import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Simulator } from 'tillpaid/testing';
import { serve } from '../demo/serve.ts';
import { heading } from '../demo/report.ts';
import { orders, providers } from './gateways.ts';
import { openDatabase, openShop } from './shop.ts';
import { showProgress } from './progress.ts';
import { booksAgree, killTable, paymentTable, type Kill } from './report.ts';
import { simulateGateways } from './simulated.ts';

/*
 * npm run demo:crash    one worker on SQLite, killed three times
 * npm run demo:fleet    three workers on PostgreSQL, one killed at a time
 */
const isFleet = process.argv.includes('--fleet');
const WORKERS = isFleet ? 3 : 1;
const KILLS = 3;
/** Whoever is not done by then has failed. */
const MOST_MS = 55_000;

const database = await openDatabase(isFleet);
const simulated = simulateGateways();
/** A request and its answer take 20 to 60 ms each. */
const latencyMs = (): number => 20 + 40 * Math.random();
const servers = await serve(
  providers.map(provider => simulated[provider]),
  latencyMs,
);
const baseUrls = providers.map(provider => servers.baseUrlOf(simulated[provider]));
const shop = await openShop(database.place);
console.log(
  heading(
    `tillpaid: ${orders.length} payments at ${providers.length} simulated gateways on 127.0.0.1; ${WORKERS === 1 ? 'a worker' : `${WORKERS} workers`} on ${database.name}, killed with SIGKILL`,
  ),
);

const beganAtMs = Date.now();
const progress = showProgress(beganAtMs);
const processes = new Set<ChildProcess>();
const kills: Kill[] = [];
process.once('SIGINT', () => process.exit(130));
process.once('exit', () => processes.forEach(each => each.kill('SIGKILL')));

await sendAndDie();
const workers = Array.from({ length: WORKERS }, () => startChild('worker'));
const settled = await followUntilSettled();
progress.end();

const seconds = ((Date.now() - beganAtMs) / 1000).toFixed(1);
console.log(heading('What the shop was told, beside the gateways’ books'));
console.log(paymentTable(simulated, settled));
console.log(heading(`The processes that died, ${seconds} s in all`));
console.log(`${killTable(kills)}\n`);
process.exitCode = booksAgree(simulated, settled) ? 0 : 1;

await Promise.all(
  workers.map(worker => {
    worker.kill('SIGTERM');
    return once(worker, 'exit');
  }),
);
await servers.close();
await shop.close();
await database.close();

function startChild(role: 'shop' | 'worker'): ChildProcess {
  const file = fileURLToPath(new URL('child.ts', import.meta.url));
  const child = fork(file, [role, database.place, ...baseUrls], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  processes.add(child);
  child.once('exit', () => processes.delete(child));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** A shop sends them all, and dies before it knows how any of them ends. */
async function sendAndDie(): Promise<void> {
  const child = startChild('shop');
  const sent = (): number => orders.filter(({ provider, number }) => isBooked(simulated[provider], number)).length;
  while (sent() < orders.length) {
    progress.show(0, orders.length, `${sent()} sent`);
    await sleep(80);
  }
  // Some answers are here, some are on their way, some were lost.
  await sleep(100);
  await kill(child);
  kills.push({ who: 'the shop, with all payments open', atMs: Date.now(), before: 0 });
  progress.say(`SIGKILL for the shop's process: ${orders.length} payments sent, and nobody is left who knows of them`);
}

function isBooked(gateway: Simulator, number: string): boolean {
  return gateway.ledger.payment(number) !== undefined;
}

/** Kills a worker whenever another quarter is settled, and starts the next one in its place. */
async function followUntilSettled(): Promise<ReadonlyMap<string, string>> {
  let ends = await shop.ends();
  while (ends.size < orders.length && Date.now() - beganAtMs < MOST_MS) {
    const last = kills.at(-1);
    if (last !== undefined && last.backAfterMs === undefined && ends.size > last.before)
      last.backAfterMs = Date.now() - last.atMs;
    if (kills.length <= KILLS && ends.size >= (kills.length * orders.length) / (KILLS + 1)) {
      await killNext();
      ends = await shop.ends();
    }
    progress.show(
      ends.size,
      orders.length,
      `${WORKERS === 1 ? 'a worker' : `${WORKERS} workers`}, ${kills.length - 1} killed`,
    );
    await sleep(80);
    ends = await shop.ends();
  }
  return ends;
}

async function killNext(): Promise<void> {
  const slot = (kills.length - 1) % WORKERS;
  const victim = workers[slot];
  if (victim === undefined) return;
  await kill(victim);
  const atMs = Date.now();
  const { size: before } = await shop.ends();
  kills.push({ who: WORKERS === 1 ? 'the worker' : `worker ${slot + 1} of ${WORKERS}`, atMs, before });
  progress.say(`SIGKILL for ${WORKERS === 1 ? 'the worker' : `worker ${slot + 1}`}: ${before} settled`);
  workers[slot] = startChild('worker');
}
