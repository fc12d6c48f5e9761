import { parseArgs } from 'node:util';
import { crash, type Run } from './director.ts';
import { rules } from './judge.ts';
import { startPostgres } from '../testing/postgres.ts';
import { postgresPremises, sqlitePremises, type Premises } from './place.ts';
import { points, type Point } from './points.ts';
import { diskFull, stoppedBeforeTheWire, twins } from './scenes.ts';
import { STATED_MS, type Report } from './stage.ts';

/*
 * npm run crash                                      300 kills on SQLite
 * npm run crash -- --store postgres                  on PostgreSQL, restarted half way
 * npm run crash -- --kills 50 --seed 7               fewer, with other weather
 * npm run crash -- --scenes                          no kills: a process that is stopped, two at once, a full disk
 */

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    kills: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 1e6)) },
    stops: { type: 'string', default: '25' },
    scenes: { type: 'boolean', default: false },
  },
});

const makers: Readonly<Record<string, () => Promise<Premises>>> = { sqlite: sqlitePremises, postgres: onOwnServer };
const make = makers[values.store];
if (make === undefined) throw new Error(`--store is one of ${Object.keys(makers).join(', ')}.`);

const premises = await make();
try {
  process.exitCode = values.scenes ? await playScenes(Number(values.seed)) : await killMany();
} finally {
  await premises.close();
}

async function killMany(): Promise<number> {
  const kills = Number(values.kills);
  const onProgress = (killed: number): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r${killed} of ${kills} killed`);
  };
  const run = await crash({
    ...{ seed: Number(values.seed), kills, premises, onProgress },
    stopPercent: Number(values.stops),
  });
  if (process.stderr.isTTY) process.stderr.write('\r');
  print(run);
  return run.violations.length === 0 ? 0 : 1;
}

/** @returns 1 where one of them broke a rule */
async function playScenes(seed: number): Promise<number> {
  const scenes: readonly (readonly [string, () => Promise<Report>])[] = [
    ['two processes settle the same orders at once', async () => (await twins(seed, premises)).report],
    ['stopped beyond its lease, before the wire', () => stoppedBeforeTheWire(seed, premises)],
    ['stopped beyond its lease, in fetch', () => stoppedBeforeTheWire(seed, premises, { point: 'wire' })],
    ...(values.store === 'sqlite' ? [['the disk is full', () => diskFull(seed, premises)] as const] : []),
  ];
  let broken = 0;
  for (const [name, play] of scenes) {
    const { orders, sends, states, violations } = await play();
    console.log(`${name}: ${orders} orders, ${sends} sends; rows: ${list(states)}; ${violations.length} broken rules`);
    for (const { rule, order, says } of violations) console.log(`  ${rule}: ${order}: ${says}`);
    broken += violations.length;
  }
  return broken > 0 ? 1 : 0;
}

async function onOwnServer(): Promise<Premises> {
  const server = await startPostgres({ durable: true });
  const premises = await postgresPremises(server.url, () => server.restart());
  return {
    ...premises,
    async close() {
      await premises.close();
      await server.stop();
    },
  };
}

function print(run: Run): void {
  const all = [...run.kills.values()].reduce((sum, times) => sum + times, 0);
  console.log(`seed ${run.seed}, ${values.store}: ${all} processes killed in ${seconds(run.tookMs)}`);
  for (const point of Object.keys(points) as Point[]) {
    const [killed = 0, stopped = 0] = [run.kills.get(point), run.stops.get(point)];
    if (killed + stopped > 0)
      console.log(`  ${point.padEnd(18)}${String(killed).padStart(4)}${stopped > 0 ? `  stopped ${stopped}` : ''}`);
  }
  console.log(`orders ${run.orders}, sends ${run.sends}; rows: ${list(run.states)}; delivered: ${list(run.outcomes)}`);
  for (const [reason, times] of Object.entries(run.parked)) console.log(`  parked ${times}: ${reason}`);
  console.log(`at rest ${seconds(run.restMs)} after the last kill (stated: ${seconds(STATED_MS)})`);
  for (const [rule, words] of Object.entries(rules)) {
    const broken = run.violations.filter(violation => violation.rule === rule);
    console.log(`${String(broken.length).padStart(4)}  ${rule}: ${words}`);
    for (const { order, says } of broken.slice(0, 5)) console.log(`        ${order}: ${says}`);
  }
  // Those about money come first.
  const worst = Object.keys(rules).flatMap(rule => run.violations.filter(each => each.rule === rule));
  for (const order of [...new Set(worst.map(each => each.order))].slice(0, 3))
    if (order !== '-') console.log(`\n${run.story(order)}`);
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, times]) => `${name} ${times}`)
    .join(', ');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
