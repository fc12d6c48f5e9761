import fc from 'fast-check';
import {
  findTillpaidError,
  isInputError,
  isReferenceInUseError,
  isResendRefusedError,
  isSettledError,
  isUnresolvedError,
  steps,
  type Settlement,
} from '../../src/index.ts';
import {
  dice,
  LEASE_MS,
  notice,
  Town,
  type Booking,
  type Fate,
  type Fault,
  type Process,
  type Said,
} from './processes.ts';
import { UnansweredError } from '../../src/journal/timed-store.ts';

/**
 * A made-up day of some processes and their callers, and what must hold at the end of it, whatever happened.
 */

const doors = ['settle', 'settle', 'settle', 'post', 'fetch', 'prepare', 'follow', 'ask', 'step'] as const;

interface Call {
  readonly atMs: number;
  readonly process: number;
  readonly order: number;
  readonly door: (typeof doors)[number];
  readonly otherFields: boolean;
  readonly mayHaveBeenSent: boolean;
  readonly abortAfterMs: number | undefined;
}

interface PlannedFault extends Fault {
  readonly process: number;
  readonly exchange: string;
  readonly nth: number;
}

export interface Day {
  readonly seed: number;
  readonly slowestMs: number;
  readonly sameReference: 'unknown' | 'replays' | 'refuses';
  readonly confirm: boolean;
  readonly absence: 'never' | 'told' | 'sent again';
  readonly fates: readonly Fate[];
  readonly hasWorker: readonly boolean[];
  readonly calls: readonly Call[];
  readonly faults: readonly PlannedFault[];
  /** Of each thing that happens at the gateway: to which process, how much later, and whether it is signed. */
  readonly notices: readonly { readonly process: number; readonly afterMs: number; readonly signed: boolean }[];
  readonly lies: readonly { readonly atMs: number; readonly process: number; readonly order: number }[];
}

const exchanges = [
  ...(['update', 'update', 'send', 'send', 'poll', 'insert', 'get', 'renew', 'take', 'find', 'handler'] as const),
];

const time = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.integer({ min: 0, max: 3000 }),
  fc.integer({ min: 29_000, max: 50_000 }),
  fc.integer({ min: 0, max: 120_000 }),
);
const process = fc.nat({ max: 2 });
/** Mostly one and the same. */
const order = fc.nat({ max: 4 }).map(n => (n === 0 ? 1 : 0));
const rarely = fc.integer({ min: 0, max: 9 }).map(n => n === 0);

const anyDays: fc.Arbitrary<Day> = fc.record({
  seed: fc.nat({ max: 1_000_000 }),
  slowestMs: fc.constantFrom(0, 1, 5, 50, 2000),
  sameReference: fc.constantFrom('unknown', 'unknown', 'replays', 'refuses'),
  confirm: fc.boolean(),
  absence: fc.constantFrom('never', 'told', 'sent again'),
  fates: fc.array(
    fc.record({
      end: fc.constantFrom<Fate['end'][]>('paid', 'paid', 'declined'),
      afterMs: fc.constantFrom(0, 0, 3000, 45_000, 100_000),
      lagMs: fc.constantFrom(0, 0, 0, 20_000),
      says: fc.array(
        fc.constantFrom<Said[]>(
          ...(['truth', 'truth', 'lost', 'late', '503', 'processing', 'busy', 'refused', 'unreached'] as const),
        ),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    { minLength: 2, maxLength: 2 },
  ),
  hasWorker: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  calls: fc.array(
    fc.record({
      atMs: time,
      process,
      order,
      door: fc.constantFrom(...doors),
      otherFields: rarely,
      mayHaveBeenSent: rarely,
      abortAfterMs: fc.option(fc.constantFrom(0, 3, 30, 1000, 20_000), { nil: undefined, freq: 4 }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  faults: fc.array(
    fc.record({
      process,
      exchange: fc.constantFrom(...exchanges),
      nth: fc.oneof(fc.nat({ max: 2 }), fc.nat({ max: 2 }), fc.nat({ max: 20 })),
      type: fc.constantFrom<Fault['type'][]>('fail', 'freeze', 'freeze', 'freeze', 'kill'),
      when: fc.constantFrom<Fault['when'][]>('before', 'after'),
      forMs: fc.constantFrom(500, 25_000, 32_000, 45_000, 45_000, 150_000),
    }),
    { maxLength: 8 },
  ),
  notices: fc.array(
    fc.record({ process, afterMs: fc.constantFrom(0, 1, 10, 500, 40_000, 200_000), signed: fc.boolean() }),
    { maxLength: 4 },
  ),
  lies: fc.array(fc.record({ atMs: time, process, order }), { maxLength: 2 }),
});

/** One stands still in the middle of a send until its lease is over, and somebody else wants the same. */
const duel = fc.record({
  stands: fc.record({
    exchange: fc.constantFrom('update', 'update', 'send', 'renew', 'get', 'poll'),
    nth: fc.nat({ max: 2 }),
    when: fc.constantFrom<Fault['when'][]>('before', 'after'),
    forMs: fc.constantFrom(20_000, 31_000, 35_000, 45_000),
  }),
  comesAtMs: fc.constantFrom(29_000, 30_001, 30_500, 31_500, 34_000, 40_000),
  door: fc.constantFrom(...doors),
});

export const days: fc.Arbitrary<Day> = fc
  .tuple(anyDays, fc.option(duel, { nil: undefined, freq: 2 }))
  .map(([day, given]) => {
    if (given === undefined) return day;
    const { stands, comesAtMs, door } = given;
    const call = { order: 0, otherFields: false, mayHaveBeenSent: false, abortAfterMs: undefined };
    const first: Call = { ...call, atMs: 0, process: 0, door: 'settle' };
    const second: Call = { ...call, atMs: comesAtMs, process: 1, door };
    const fault: PlannedFault = { ...stands, type: 'freeze', process: 0 };
    return { ...day, calls: [first, second, ...day.calls], faults: [fault, ...day.faults] };
  });

const ABSENT_MS = 90_000;
/** All that the day brings has begun. */
const DAY_MS = 4 * 60_000;
/** And whatever ends by itself has ended. */
const REST_MS = 12 * 60_000;

interface Telling {
  readonly order: string;
  readonly amount: string | undefined;
  readonly outcome: string;
  readonly atMs: number;
  readonly how: string;
}

/** Answers that the drop-in hands out as they are. */
const ownEnds: Readonly<Record<string, string>> = {
  DECLINED: 'failed',
  BUSY: 'rejected',
  REFUSED: 'rejected',
  DUPLICATE: 'rejected',
};

const names = ['A', 'B'];
const amountOf = (call: Call): number => (call.otherFields ? 7 : 100);

/** Lives through a day. @returns what should not have been */
export async function live(day: Day): Promise<string[]> {
  const run = new Run(day);
  await run.live();
  return run.faults();
}

export class Run {
  readonly town: Town;
  readonly #day: Day;
  readonly #wrong: string[] = [];
  readonly returned: Telling[] = [];
  readonly #waiting = new Map<string, Process>();
  readonly #begun = new Set<string>();

  constructor(day: Day) {
    this.#day = day;
    const { absence } = day;
    const chance = dice(day.seed);
    this.town = new Town({
      ...{ seed: day.seed, slowestMs: day.slowestMs, sameReference: day.sameReference, confirm: day.confirm },
      fateOf: name => day.fates[names.indexOf(name)] ?? { end: 'paid', afterMs: 0 },
      policy: {
        retry: { attempts: 3, backoff: steps([500, 3000]) },
        poll: {
          ...{ backoff: steps([1000, 2000, 5000, 20_000]), deadlineMs: 60_000 },
          ...(absence !== 'never' && { absentAfterMs: ABSENT_MS }),
          ...(absence === 'sent again' && { resendWhenAbsent: true }),
        },
      },
      gateway: { policy: { attemptTimeoutMs: 10_000 } },
    });
    this.town.ledger.pollFault = () => {
      const drawn = this.town.clock.monotonicMs() > DAY_MS ? 1 : chance();
      return drawn < 0.05 ? 'busy' : drawn < 0.1 ? 'lost' : drawn < 0.12 ? 'late' : undefined;
    };
    let news = 0;
    this.town.ledger.onNews = (booking, state) => {
      const planned = day.notices[news++ % Math.max(1, day.notices.length)];
      if (planned !== undefined) this.#notify(planned, booking.order, state, booking.amount);
    };
  }

  async live(): Promise<void> {
    const { town } = this;
    const { hasWorker, calls, lies } = this.#day;
    for (const [index, has] of hasWorker.entries()) {
      const planned = this.#day.faults.filter(fault => fault.process === index);
      const made = town.process((name, nth) => planned.find(fault => fault.exchange === name && fault.nth === nth));
      if (has) made.worker({ idleMs: 10_000 });
    }
    calls.forEach((call, index) => town.clock.timer(call.atMs, () => void this.#call(call, `call ${index}`)));
    for (const lie of lies)
      town.clock.timer(lie.atMs, () =>
        this.#notify({ process: lie.process, afterMs: 0, signed: false }, names[lie.order] ?? '', 'paid', 100),
      );
    await town.pass(DAY_MS);
    for (const each of town.processes) {
      each.faultOf = () => undefined;
      each.thaw();
    }
    town.process().worker({ idleMs: 20_000 });
    await town.pass(REST_MS);
  }

  /** Brought to a process, until one has taken it. */
  #notify(
    { process: index, afterMs, signed }: Day['notices'][number],
    name: string,
    state: string,
    amount: number,
  ): void {
    const { processes, clock } = this.town;
    clock.timer(afterMs, () => {
      const to = processes[index];
      if (to === undefined) return;
      const again = (): void =>
        this.#notify({ process: (index + 1) % processes.length, afterMs: 10_000, signed }, name, state, amount);
      if (to.state !== 'running') return again();
      to.gateway.receive(notice(name, state, amount, signed)).catch((error: unknown) => {
        this.#look(error, 'receive');
        again();
      });
    });
  }

  async #call(call: Call, who: string): Promise<void> {
    const by = this.town.processes[call.process];
    const name = names[call.order];
    if (by === undefined || name === undefined) return;
    await by.whileRunning();
    this.#waiting.set(who, by);
    const controller = new AbortController();
    if (call.abortAfterMs !== undefined)
      by.clock.timer(call.abortAfterMs, () => controller.abort(new Error('it was left')));
    try {
      await this.#through(by, call, name, controller.signal, who);
    } catch (error) {
      this.#look(error, who);
    }
    this.#waiting.delete(who);
  }

  async #through(by: Process, call: Call, name: string, signal: AbortSignal, who: string): Promise<void> {
    const { gateway } = by;
    const fields = { order: name, amount: amountOf(call) };
    const ticket = gateway.ticketFor('payment.charge', fields);
    const { mayHaveBeenSent } = call;
    const tell = (settlement: Settlement): void => this.#tell(settlement, who);
    switch (call.door) {
      case 'settle':
        this.#begun.add(name);
        return tell(
          await gateway.settle('payment.charge', fields, { signal, ...(mayHaveBeenSent && { mayHaveBeenSent }) }),
        );
      case 'prepare':
        this.#begun.add(name);
        await gateway.prepare('payment.charge', fields);
        return;
      case 'follow':
        return tell(await gateway.untilSettled(ticket, { signal }));
      case 'ask':
        await gateway.ask(ticket, { signal });
        return;
      case 'step': {
        const { done } = await gateway.step(ticket, { signal });
        if (done !== undefined) tell(done);
        return;
      }
      default: {
        this.#begun.add(name);
        const response =
          call.door === 'post'
            ? await gateway.client.post('charge', { json: fields, signal })
            : await gateway.fetch('https://acme.test/api/charge', {
                method: 'POST',
                body: JSON.stringify(fields),
                headers: { 'content-type': 'application/json' },
                signal,
              });
        const { code, state } = (await response.json()) as { code?: string; state?: string };
        const isPaid = code === 'PAID' || state === 'paid';
        const outcome = isPaid ? 'succeeded' : (ownEnds[code ?? ''] ?? 'other');
        if (outcome === 'other')
          this.#wrong.push(`${who}: was handed out an answer ${JSON.stringify({ code, state })}`);
        // A refusal was true when it was said.
        const sentAtMs = this.town.ledger.arrived.findLast(each => each.order === name && each.by === by.name)?.atMs;
        const atMs = isPaid ? this.#nowMs : (sentAtMs ?? this.#nowMs);
        this.returned.push({ order: name, amount: String(fields.amount), outcome, atMs, how: who });
      }
    }
  }

  get #nowMs(): number {
    return this.town.clock.now();
  }

  #tell(settlement: Settlement, how: string): void {
    const { outcome, ticket, reference, timeline, repeated } = settlement;
    const settled = timeline.findLast(({ type }) => type === 'settled');
    const atMs = repeated === true || settled === undefined ? this.#nowMs : Date.parse(settled.at);
    this.returned.push({ order: reference.merchant, amount: ticket.expect?.amount, outcome, atMs, how });
  }

  /** What a caller was told by an error. */
  #look(error: unknown, who: string): void {
    const own = findTillpaidError(error);
    const settlement = isSettledError(own) || isUnresolvedError(own) ? own.settlement : undefined;
    if (settlement !== undefined) this.#tell(settlement, who);
    const { message } = error instanceof Error ? error : new Error(String(error));
    const isFine =
      isSettledError(own) ||
      isUnresolvedError(own) ||
      isReferenceInUseError(own) ||
      isResendRefusedError(own) ||
      // Its store took longer than others wait for a process: nothing was sent.
      error instanceof UnansweredError ||
      ['it was left', 'made up'].includes(message);
    if (!isFine && !(isInputError(own) && /duplicate/.test(message))) this.#wrong.push(`${who}: ${String(error)}`);
  }

  async faults(): Promise<string[]> {
    const { told, processes } = this.town;
    for (const name of names) {
      this.#checkBooked(name);
      await this.#checkKept(name);
    }
    for (const each of this.returned) this.#checkTold(each);
    for (const each of told) this.#checkTold({ ...each, how: 'onSettled' }, true);
    for (const [deliveryId, same] of Map.groupBy(told, each => each.deliveryId))
      if (new Set(same.map(({ outcome }) => outcome)).size > 1) this.#wrong.push(`${deliveryId}: two outcomes`);
    for (const [who, by] of this.#waiting)
      if (by.state !== 'dead') this.#wrong.push(`${who}: still waits, in ${by.name}`);
    await this.#stop();
    for (const each of processes)
      if (each.state !== 'dead' && each.timers > 0) this.#wrong.push(`${each.name}: has ${each.timers} timers left`);
    return this.#wrong;
  }

  async #stop(): Promise<void> {
    const live = this.town.processes.filter(({ state }) => state === 'running');
    await this.town.run(Promise.all(live.flatMap(({ workers }) => workers.map(worker => worker.stop()))));
    await this.town.pass(60_000);
  }

  #checkBooked(name: string): void {
    const paid = this.town.ledger.paidFor(name);
    if (paid.length > 1) this.#wrong.push(`${name}: paid ${paid.length} times, by ${paid.map(({ by }) => by).join()}`);
  }

  #checkTold({ order, amount, outcome, atMs, how }: Telling, isLate = false): void {
    const isOurs = (booking: Booking): boolean => amount === undefined || String(booking.amount) === amount;
    const paid = this.town.ledger.paidFor(order).filter(isOurs);
    const what = `${order} ${amount}: ${outcome} told by ${how} at ${atMs % 1e9}`;
    if (outcome === 'succeeded' && !paid.some(({ endsAtMs }) => endsAtMs <= atMs))
      this.#wrong.push(`${what}, not paid`);
    if (['unresolved', 'succeeded'].includes(outcome) || isLate) return;
    if (paid.some(({ arrivedAtMs }) => arrivedAtMs < atMs)) this.#wrong.push(`${what}, but it is paid`);
  }

  async #checkKept(name: string): Promise<void> {
    const rows = (await this.town.rows()).filter(({ data }) => data.ticket.reference['order'] === name);
    const [row] = rows;
    const { ledger, told } = this.town;
    if (row === undefined) {
      if (ledger.of(name).length > 0) this.#wrong.push(`${name}: there is no row`);
      return;
    }
    const { state, holder, dueAtMs, data } = row;
    const what = `${name}: is ${state}, held by ${holder?.slice(0, 4)}, due ${dueAtMs}, to deliver ${data.deliveries.length}`;
    if (rows.length > 1) this.#wrong.push(`${name}: has ${rows.length} rows`);
    const outcomes = told.filter(({ order: of }) => of === name).map(({ outcome }) => outcome);
    const last = outcomes.at(-1);
    const [paid] = ledger.paidFor(name);
    if (data.deliveries.length > 0) this.#wrong.push(`${what}: undelivered`);
    const isOverdue = dueAtMs !== undefined && dueAtMs < this.#nowMs - 4 * LEASE_MS;
    if (isOverdue || (holder !== undefined && state !== 'open')) this.#wrong.push(`${what}: left alone`);
    if (paid !== undefined && last !== 'succeeded') this.#wrong.push(`${what}: paid, but told ${outcomes.join()}`);
    if (
      paid === undefined &&
      ledger.of(name).length > 0 &&
      (!outcomes.includes('failed') || outcomes.includes('succeeded'))
    )
      this.#wrong.push(`${what}: declined, but told ${outcomes.join()}`);
    if (ledger.of(name).length === 0 && outcomes.some(each => ['succeeded', 'failed'].includes(each)))
      this.#wrong.push(`${what}: never there, but told ${outcomes.join()}`);
    if (state === 'intended' || state === 'leaving') this.#wrong.push(`${what}: not followed`);
    if (state === 'open' && dueAtMs === undefined) this.#wrong.push(`${what}: open for ever`);
  }
}
