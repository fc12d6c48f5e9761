import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from '../../src/journal/store.ts';
import { openBank, type Bank } from './bank.ts';
import { CANARY } from './canaries.ts';
import { storyOf, type Line } from './chronicle.ts';
import { judge, type Violation } from './judge.ts';
import type { Task } from './messages.ts';
import type { Premises } from './place.ts';
import { start, type Party } from './processes.ts';

/** A process that nobody could serve any more has left its payments unsent or parked by then. */
export const STATED_MS = 20_000;

/** What was seen of the processes of one run, and of their payments. */
export interface Report {
  readonly seed: number;
  readonly orders: number;
  readonly sends: number;
  /** How many rows there are in each state. */
  readonly states: Readonly<Record<string, number>>;
  /** Why rows were parked, and how many for each reason. */
  readonly parked: Readonly<Record<string, number>>;
  /** How many deliveries there were of each outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
  story(order: string): string;
}

/** One bank, one database, and the processes between them. */
export class Stage {
  readonly bank: Bank;
  readonly lines: Line[] = [];
  readonly #premises: Premises;
  readonly #seed: number;
  readonly #account: string = `shop-${crypto.randomUUID()}`;
  readonly #parties: Party[] = [];

  private constructor(seed: number, premises: Premises, bank: Bank) {
    this.#seed = seed;
    this.#premises = premises;
    this.bank = bank;
  }

  static async open(seed: number, premises: Premises): Promise<Stage> {
    return new Stage(seed, premises, await openBank(seed));
  }

  /** Starts a process. Unless told otherwise it does not end by itself before its task is done. */
  start(task: Partial<Task> & Pick<Task, 'role'>): { readonly task: Task; readonly party: Party } {
    const whole: Task = {
      name: `${task.role}-${this.#parties.length + 1}`,
      bankUrl: this.bank.baseUrl,
      account: this.#account,
      place: this.#premises.place,
      ...{ point: 'random', nth: 1, blow: 'kill', orders: [], books: 'own', failing: 0, hasJournal: true },
      ...task,
    };
    const party = start(whole, line => void this.lines.push(line));
    this.#parties.push(party);
    return { task: whole, party };
  }

  happened(words: string): void {
    this.lines.push({ atMs: Date.now(), process: 'stage', words });
  }

  /** One worker that nobody kills, until nothing is open any more. */
  async rest(): Promise<void> {
    const { party } = this.start({ role: 'worker' });
    await party.ready;
    const untilMs = Date.now() + 2 * STATED_MS;
    while (Date.now() < untilMs) {
      const rows = await this.#rows();
      if (rows.every(({ state }) => ['delivered', 'archived', 'unsent', 'parked'].includes(state))) break;
      await sleep(250);
    }
    party.signal('SIGTERM');
    await party.ended;
  }

  async #rows(): Promise<Row[]> {
    const rows = await this.#premises.rows();
    return rows.filter(({ data }) => data.ticket.account === this.#account);
  }

  async report(): Promise<Report> {
    const rows = await this.#rows();
    const all = await this.#premises.deliveries();
    const deliveries = all.filter(({ deliveryId }) => deliveryId.includes(this.#account));
    const evidence = { bank: this.bank, rows, deliveries, lines: this.lines, statedMs: STATED_MS };
    const leaks = (await this.#premises.bytes()).flatMap(bytes => placesOf(bytes));
    return {
      seed: this.#seed,
      orders: rows.length,
      sends: this.bank.arrivals.filter(({ kind }) => kind === 'send').length,
      states: countBy(rows, ({ state }) => state),
      parked: countBy(
        rows.filter(({ state }) => state === 'parked'),
        ({ data }) => data.parked?.reason ?? 'without a reason',
      ),
      outcomes: countBy(deliveries, ({ outcome }) => outcome),
      violations: [
        ...judge(evidence),
        ...leaks.map(says => ({ rule: 'noSecret', order: '-', says }) satisfies Violation),
      ],
      story: order =>
        storyOf(order, {
          ...evidence,
          seed: this.#seed,
          row: rows.find(({ data }) => data.ticket.reference['order'] === order),
        }),
    };
  }

  close(): void {
    for (const party of this.#parties) party.end();
    this.bank.close();
  }
}

/** Where secrets are, each with what stands around it. */
function placesOf(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = bytes.indexOf(CANARY); at >= 0; at = bytes.indexOf(CANARY, at + 1))
    found.push(bytes.subarray(Math.max(0, at - 60), at + 40).toString('latin1'));
  return found;
}

function countBy<T>(values: readonly T[], nameOf: (value: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[nameOf(value)] = (counts[nameOf(value)] ?? 0) + 1;
  return counts;
}
