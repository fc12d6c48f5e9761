import { parseArgs } from 'node:util';
import { crash, type Run } from './director.ts';
import { rules } from './judge.ts';
import { startPostgres } from '../testing/postgres.ts';
import { postgresPremises, sqlitePremises, type Premises } from './place.ts';
import { points, type Point } from './points.ts';
import { STATED_MS } from './stage.ts';

/*
 * npm run crash                                      300 kills on SQLite
 * npm run crash -- --store postgres                  on PostgreSQL, restarted half way
 * npm run crash -- --kills 50 --seed 7               fewer, with other weather
 */

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    kills: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 1e6)) },
    stops: { type: 'string', default: '25' },
  },
});

const makers: Readonly<Record<string, () => Promise<Premises>>> = { sqlite: sqlitePremises, postgres: onOwnServer };
const make = makers[values.store];
if (make === undefined) throw new Error(`--store is one of ${Object.keys(makers).join(', ')}.`);

const premises = await make();
try {
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
  process.exitCode = run.violations.length === 0 ? 0 : 1;
} finally {
  await premises.close();
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
  for (const order of new Set(run.violations.map(each => each.order).slice(0, 3)))
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
