import { setTimeout as sleep } from 'node:timers/promises';
import { dice, type Dice } from '../storm/dice.ts';
import type { Task } from './messages.ts';
import { newOrders } from './orders.ts';
import type { Premises } from './place.ts';
import { pointsOf, type Point } from './points.ts';
import type { Party } from './processes.ts';
import { Stage, type Report } from './stage.ts';

/** Processes of the shop's at once, beside one worker. */
const SHOPS = 2;
/** A shop's own orders; it dies before they are done. */
const ORDERS = 24;
/** At the latest so long after it is ready a shop is killed from outside; a worker lives three times as long. */
const LONGEST_MS = 2500;
/** A lease is over by then, and what it held was taken over. */
const STOPPED_MS = 4500;

export interface Run extends Report {
  /** Processes that died, by where. */
  readonly kills: ReadonlyMap<Point, number>;
  /** Processes that were stopped beyond their lease, by where. */
  readonly stops: ReadonlyMap<Point, number>;
  readonly tookMs: number;
  /** From the last kill until nothing was open any more. */
  readonly restMs: number;
}

export interface RunOptions {
  readonly seed: number;
  readonly kills: number;
  /** Of 100 processes that could be, so many are stopped beyond their lease before they are killed. */
  readonly stopPercent: number;
  readonly premises: Premises;
  /** Default `true`. Without one, this shows what the judge finds. */
  readonly hasJournal?: boolean;
  readonly onProgress?: (killed: number) => void;
}

/** Kills until it has killed often enough, lets everything come to rest, and judges. */
export async function crash(options: RunOptions): Promise<Run> {
  const beganAtMs = Date.now();
  const stage = await Stage.open(options.seed, options.premises);
  const director = new Director(options, stage);
  try {
    await director.direct();
    const lastKillAtMs = Date.now();
    await stage.rest();
    const endedAtMs = Date.now();
    return {
      ...(await stage.report()),
      ...{ kills: director.kills, stops: director.stops },
      ...{ tookMs: endedAtMs - beganAtMs, restMs: endedAtMs - lastKillAtMs },
    };
  } finally {
    stage.close();
  }
}

/** Starts processes and kills them. */
class Director {
  readonly kills = new Map<Point, number>();
  readonly stops = new Map<Point, number>();
  readonly #options: RunOptions;
  readonly #stage: Stage;
  readonly #roll: Dice;
  /** Points that are still to be met in this round: each is met as often as any other. */
  readonly #left: Record<Task['role'], Point[]> = { shop: [], worker: [] };
  /** Numbers whose process died, for who tries again. */
  readonly #orphans: string[] = [];
  /** What the shop before has begun with: the next one settles the same at the same time. */
  #recent: readonly string[] = [];
  #shops = 0;
  #killed = 0;

  constructor(options: RunOptions, stage: Stage) {
    this.#options = options;
    this.#stage = stage;
    this.#roll = dice(options.seed);
  }

  async direct(): Promise<void> {
    await Promise.all([
      ...Array.from({ length: SHOPS }, () => this.#slot('shop')),
      this.#slot('worker'),
      this.#restartHalfWay(),
    ]);
  }

  async #slot(role: Task['role']): Promise<void> {
    while (this.#killed < this.#options.kills) {
      const { task, party } = this.#stage.start(this.#task(role));
      await this.#untilDead(task, party);
      this.#orphans.push(...task.orders.filter(() => this.#roll.percent(8)));
    }
  }

  #task(role: Task['role']): Partial<Task> & Pick<Task, 'role'> {
    const point = this.#nextPoint(role);
    const mayStop = ['leaving', 'wire', 'random', 'asking'].includes(point);
    return {
      ...{ role, point },
      // A worker gets something done before it dies.
      nth: this.#roll.between(1, role === 'worker' ? 25 : 6),
      blow: mayStop && this.#roll.percent(this.#options.stopPercent) ? 'stop' : 'kill',
      ...(role === 'shop' && { orders: this.#orders() }),
      books: this.#roll.percent(50) ? 'own' : 'journal',
      failing: 5,
      hasJournal: this.#options.hasJournal ?? true,
    };
  }

  #orders(): string[] {
    const own = newOrders(this.#roll, ++this.#shops, ORDERS);
    const orders = [...this.#recent, ...this.#orphans.splice(0, 3), ...own];
    this.#recent = own.slice(0, 4);
    return orders;
  }

  #nextPoint(role: Task['role']): Point {
    const left = this.#left[role];
    if (left.length === 0) left.push(...pointsOf(role));
    return left.splice(this.#roll.between(0, left.length - 1), 1)[0] ?? 'random';
  }

  async #untilDead(task: Task, party: Party): Promise<void> {
    const { ended, ready, stopped } = party;
    const over = ended.then((): 'ended' => 'ended');
    if ((await Promise.race([over, ready])) !== 'ended') {
      const isRandom = task.point === 'random';
      const longestMs = task.role === 'worker' ? 3 * LONGEST_MS : LONGEST_MS;
      const patienceMs = isRandom ? this.#roll.between(20, longestMs) : longestMs;
      const met = await Promise.race([over, stopped.then((): 'stopped' => 'stopped'), sleep(patienceMs)]);
      if (met !== 'ended') {
        if (met === 'stopped' || (isRandom && task.blow === 'stop')) await this.#stopAWhile(task, party);
        party.signal('SIGKILL');
        if (await ended) this.#count(met === 'stopped' ? task.point : 'random');
        return;
      }
    }
    if (await ended) this.#count(task.point);
  }

  /** It lies still until its lease is over, and goes on for a while. */
  async #stopAWhile({ point }: Task, party: Party): Promise<void> {
    party.signal('SIGSTOP');
    this.stops.set(point, (this.stops.get(point) ?? 0) + 1);
    await sleep(STOPPED_MS);
    party.signal('SIGCONT');
    await Promise.race([party.ended, sleep(this.#roll.between(300, 1500))]);
  }

  #count(point: Point): void {
    this.kills.set(point, (this.kills.get(point) ?? 0) + 1);
    this.#killed++;
    this.#options.onProgress?.(this.#killed);
  }

  async #restartHalfWay(): Promise<void> {
    const { premises, kills } = this.#options;
    if (premises.restart === undefined) return;
    while (this.#killed < kills / 2) await sleep(50);
    this.#stage.happened('the database restarts');
    await premises.restart();
    this.#stage.happened('the database is back');
  }
}
