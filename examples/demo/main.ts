import type { Settlement } from 'tillpaid';
import type { Seen } from './draw.ts';
import { showLive } from './live.ts';
import { books, comparison, heading, outcomes, timelines } from './report.ts';
import { scenes, type Mark, type Scene } from './scenes.ts';
import { serve } from './serve.ts';
import { withoutTillpaid } from './without.ts';

const providers = [...new Set(scenes.map(({ provider }) => provider))];
const servers = await serve(providers.map(({ gateway }) => gateway));
console.log(
  heading(
    `tillpaid: ${scenes.length} payments side by side, against ${providers.length} simulated gateways on 127.0.0.1`,
  ),
);

const beganAtMs = Date.now();
const nowMs = (): number => Date.now() - beganAtMs;
const performances = scenes.map((scene): { scene: Scene; marks: Seen[]; settlements: Settlement[] } => ({
  scene,
  marks: [],
  settlements: [],
}));
const live = showLive(performances, nowMs);
const [compared] = await Promise.all([
  withoutTillpaid(servers.baseUrlOf),
  ...performances.map(async ({ scene, marks, settlements }) => {
    const onMark = (mark: Mark): void => {
      const seen = { atMs: nowMs(), mark };
      marks.push(seen);
      live.seen(scene, seen);
    };
    settlements.push(...(await scene.play(servers.baseUrlOf(scene.provider.gateway), onMark)));
  }),
]);
live.end();
await servers.close();

const { text, agree } = books(performances);
console.log(outcomes(performances));
console.log(heading('What happened'));
console.log(timelines(performances));
console.log(heading('The gateways’ books, beside the verdicts'));
console.log(text);
console.log(heading('Without tillpaid: the lost answer of payment 2'));
console.log(`${comparison(compared)}\n`);
process.exitCode = agree ? 0 : 1;
