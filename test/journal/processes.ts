import ky from 'ky';
// Loads with the first notice, in real time, which no manual clock waits for: here it is there from the start.
import '../../src/client/receive.ts';
import type { Clock } from '../../src/clock.ts';
import { isWrite, type WriteOperation } from '../../src/core/operation.ts';
import { constant, createGateway, type Adapter, type Gateway, type GatewayOptions } from '../../src/index.ts';
import { createJournal, type Journal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import type { JournalStore, Row } from '../../src/journal/store.ts';
import { createWorker, type Worker, type WorkerOptions } from '../../src/journal/worker.ts';
import { declined, pollRequired, succeeded } from '../../src/kit/index.ts';
import { manualClock, type ManualClock } from '../../src/testing/manual-clock.ts';
import { acme, type AcmeFields, type AcmeOptions } from '../testing/acme.ts';

/**
 * Processes that share a journal and talk to one payment gateway, on a manual clock. Each can be stopped at any of its
 * exchanges with the world, for a while or for good, and what it asks of the store or the gateway can fail, before it
 * was done or after.
 */

/** What happens to one exchange of a process with the world. */
export interface Fault {
  readonly type: 'fail' | 'freeze' | 'kill';
  readonly when: 'before' | 'after';
  readonly forMs?: number;
}

/** @param nth how many exchanges of that name this process had before */
export type FaultOf = (exchange: string, nth: number) => Fault | undefined;

export const LEASE_MS = 30_000;

/** A number in [0, 1) at each call, from a seed. */
export function dice(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * How the gateway answers one send. `busy` and `refused`: it did nothing. `unreached`: it did not get it. `created`: its
 * payer must act.
 */
export type Said = 'truth' | 'created' | 'lost' | 'late' | '503' | 'processing' | 'busy' | 'refused' | 'unreached';

/** What becomes of an order at the gateway. */
export interface Fate {
  readonly end: 'paid' | 'declined';
  /** How long after it has come it ends, in milliseconds. */
  readonly afterMs: number;
  /** What each send is told, the last one again and again. Default: the truth. */
  readonly says?: readonly Said[];
  /** So long queries do not find it. Default 0. */
  readonly lagMs?: number;
}

/** One send that the gateway has processed. */
export interface Booking {
  readonly order: string;
  readonly amount: number;
  readonly arrivedAtMs: number;
  readonly endsAtMs: number;
  readonly end: Fate['end'];
  readonly by: string;
}

const atOnce: Fate = { end: 'paid', afterMs: 0 };

const reset = (code = 'ECONNRESET'): Error =>
  Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('read'), { code }) });

/** How long after it was signed a send is taken. */
export const SIGNATURE_MS = 60_000;

/** A payment gateway with a ledger of its own. */
export class Ledger {
  readonly bookings: Booking[] = [];
  /** Every request to a write's path that came, whatever was done with it. */
  readonly arrived: { readonly order: string; readonly by: string; readonly atMs: number; readonly key?: string }[] =
    [];
  readonly #clock: ManualClock;
  readonly #fateOf: (order: string, nth: number) => Fate;
  readonly #sameReference: AcmeOptions['sameReference'];
  readonly #sends = new Map<string, number>();
  polls = 0;
  /** What is told of queries; `undefined`: the truth. */
  pollFault: (() => 'busy' | 'lost' | 'late' | undefined) | undefined;
  /** Something has happened to an order. */
  onNews: ((booking: Booking, state: 'paid' | 'declined' | 'pending') => void) | undefined;

  constructor(
    clock: ManualClock,
    fateOf: (order: string, nth: number) => Fate,
    sameReference: AcmeOptions['sameReference'],
  ) {
    this.#clock = clock;
    this.#fateOf = fateOf;
    this.#sameReference = sameReference;
  }

  of(order: string): Booking[] {
    return this.bookings.filter(booking => booking.order === order);
  }

  /** Paid, or going to be. */
  paidFor(order: string): Booking[] {
    return this.of(order).filter(({ end }) => end === 'paid');
  }

  stateOf({ endsAtMs, end }: Booking): 'paid' | 'declined' | 'pending' {
    return endsAtMs <= this.#clock.now() ? end : 'pending';
  }

  /** What it does and says; `undefined`: nothing that arrives. */
  send(
    order: string,
    amount: number,
    signedAtMs: number,
    by: string,
    key?: string,
  ): { said: Said; body: object; status?: number } {
    const nowMs = this.#clock.now();
    const nth = this.#sends.get(order) ?? 0;
    this.#sends.set(order, nth + 1);
    const fate = this.#fateOf(order, nth);
    const said = fate.says?.[Math.min(nth, fate.says.length - 1)] ?? 'truth';
    if (said === 'unreached') return { said, body: {} };
    this.arrived.push({ order, by, atMs: nowMs, ...(key !== undefined && { key }) });
    if (said === 'busy') return { said, body: { code: 'BUSY' } };
    if (said === 'refused') return { said, body: { code: 'REFUSED' } };
    if (nowMs - signedAtMs > SIGNATURE_MS) return { said: 'truth', body: { code: 'REFUSED' } };
    const known = this.of(order).findLast(({ end }) => end !== 'declined' || this.#sameReference === 'replays');
    if (known !== undefined && this.#sameReference === 'refuses') return { said, body: { code: 'DUPLICATE' } };
    if (known !== undefined && this.#sameReference === 'replays') return { said, body: this.#answer(known) };
    const booking = { order, amount, arrivedAtMs: nowMs, endsAtMs: nowMs + fate.afterMs, end: fate.end, by };
    this.bookings.push(booking);
    if (fate.afterMs > 0) this.onNews?.(booking, 'pending');
    this.#clock.timer(fate.afterMs, () => this.onNews?.(booking, fate.end));
    return { said, body: this.#answer(booking) };
  }

  query(order: string): object {
    this.polls++;
    const nowMs = this.#clock.now();
    const own = this.of(order);
    const latest = own.find(booking => this.stateOf(booking) === 'paid') ?? own.at(-1);
    const { lagMs = 0 } = this.#fateOf(order, 0);
    if (latest === undefined || nowMs < latest.arrivedAtMs + lagMs) return { state: 'none' };
    return { state: this.stateOf(latest), amount: latest.amount, order };
  }

  #answer(booking: Booking): object {
    const codes = { paid: 'PAID', declined: 'DECLINED', pending: 'PENDING' };
    return { code: codes[this.stateOf(booking)], amount: booking.amount, order: booking.order };
  }
}

/** A charge can be made for ten minutes: until then a provider that replays may be sent it again. */
export function chargeable(adapter: Adapter<AcmeFields>, more: Partial<WriteOperation> = {}): Adapter<AcmeFields> {
  const { 'payment.charge': charge, ...others } = adapter.operations;
  if (charge === undefined || !isWrite(charge)) throw new Error('acme takes no charges');
  const lasting = { ...charge, chargeableForMs: () => 10 * 60_000, ...more };
  return { ...adapter, operations: { ...others, 'payment.charge': lasting } };
}

interface NoticeBody {
  readonly order: string;
  readonly state: string;
  readonly amount?: number;
  readonly signed?: string;
}

/** Notices are JSON; signed where they say so. */
export const noticing = (options: AcmeOptions, confirm: boolean): Adapter<AcmeFields> => ({
  ...chargeable(acme(options)),
  webhook: {
    codes: { paid: succeeded(), declined: declined(), pending: pollRequired('processing') },
    confirm,
    hear({ text }) {
      const { order, state, amount, signed } = JSON.parse(text) as NoticeBody;
      const heard = {
        operation: 'payment.charge',
        names: [state],
        reference: { order },
        ...(amount !== undefined && { amount: String(amount) }),
      };
      return signed === undefined
        ? { verified: false, reason: 'it is not signed', hint: heard }
        : { verified: true, ...heard };
    },
    reply: () => ({ body: 'OK' }),
  },
});

export const notice = (order: string, state: string, amount?: number, signed = true): Request =>
  new Request('https://shop.test/', {
    method: 'POST',
    body: JSON.stringify({ order, state, amount, ...(signed && { signed: 'yes' }) }),
  });

export interface TownOptions extends AcmeOptions {
  readonly fateOf?: (order: string, nth: number) => Fate;
  readonly confirm?: boolean;
  readonly seed?: number;
  /** The longest that the store or the network takes, in milliseconds. Default 0: no time. */
  readonly slowestMs?: number;
  readonly gateway?: Partial<GatewayOptions<AcmeFields>>;
}

export interface Told {
  readonly order: string;
  readonly amount: string | undefined;
  readonly outcome: string;
  readonly deliveryId: string;
  readonly atMs: number;
}

/** All that share a journal. */
export class Town {
  readonly clock: ManualClock;
  readonly ledger: Ledger;
  readonly store: JournalStore;
  readonly options: TownOptions;
  readonly processes: Process[] = [];
  /** What `onSettled` was given, by every worker. */
  readonly told: Told[] = [];

  constructor(options: TownOptions = {}) {
    this.options = options;
    this.clock = manualClock();
    this.store = memoryJournal({ clock: this.clock }).store;
    this.ledger = new Ledger(this.clock, options.fateOf ?? (() => atOnce), options.sameReference);
  }

  process(faultOf: FaultOf = () => undefined, options: Partial<GatewayOptions<AcmeFields>> = {}): Process {
    const made = new Process(this, `P${this.processes.length + 1}`, faultOf, options);
    this.processes.push(made);
    return made;
  }

  pass(delayMs: number): Promise<void> {
    return this.clock.run(new Promise(resolve => void this.clock.timer(delayMs, resolve)));
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.clock.run(work);
  }

  rows(): Promise<Row[]> {
    return this.store.list({ limit: 1000 });
  }

  async row(order: string): Promise<Row> {
    const row = (await this.rows()).find(({ data }) => data.ticket.reference['order'] === order);
    if (row === undefined) throw new Error(`There is no row of ${order}.`);
    return row;
  }
}

/** One process: what it asks of the world goes through here, and stops when it does. */
export class Process {
  readonly name: string;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly gateway: Gateway<AcmeFields>;
  readonly workers: Worker[] = [];
  /** Changed while it runs, by a test that has seen enough. */
  faultOf: FaultOf;
  state: 'running' | 'frozen' | 'dead' = 'running';
  /** Timers that are set and have not fired. */
  timers = 0;
  readonly #town: Town;
  readonly #chance: () => number;
  readonly #exchanges = new Map<string, number>();
  #thawed = Promise.withResolvers<undefined>();
  #late: (() => void)[] = [];

  constructor(town: Town, name: string, faultOf: FaultOf, options: Partial<GatewayOptions<AcmeFields>>) {
    const { confirm = false, seed = 1, gateway, ...rest } = town.options;
    this.#town = town;
    this.name = name;
    this.faultOf = faultOf;
    this.#chance = dice(seed * 1000 + town.processes.length);
    this.clock = this.#clockOf(town.clock);
    this.journal = createJournal(this.#storeOf(town.store), { leaseMs: LEASE_MS });
    this.gateway = createGateway<AcmeFields>({
      adapter: noticing(rest, confirm),
      client: ky.create({ fetch: ((request: Request) => this.#fetch(request)) as typeof globalThis.fetch }),
      fetchSendsOnce: true,
      clock: this.clock,
      policy: {
        retry: { backoff: constant(500) },
        poll: { backoff: constant(2000), deadlineMs: 60_000 },
        attemptTimeoutMs: 10_000,
      },
      journal: this.journal,
      ...gateway,
      ...options,
    });
  }

  /** SIGSTOP, and SIGCONT after so long. */
  freeze(forMs: number = Infinity): void {
    if (this.state !== 'running') return;
    this.state = 'frozen';
    if (Number.isFinite(forMs)) this.#town.clock.timer(forMs, () => this.thaw());
  }

  thaw(): void {
    if (this.state !== 'frozen') return;
    this.state = 'running';
    const { resolve } = this.#thawed;
    this.#thawed = Promise.withResolvers();
    const late = this.#late;
    this.#late = [];
    const isTimersFirst = this.#chance() < 0.5;
    if (!isTimersFirst) resolve(undefined);
    for (const fire of late) fire();
    if (isTimersFirst) resolve(undefined);
  }

  /** SIGKILL: nothing of it ever goes on. */
  kill(): void {
    this.state = 'dead';
    this.#late = [];
    this.timers = 0;
  }

  worker(options: Partial<WorkerOptions> = {}): Worker {
    const worker = createWorker({
      gateways: [this.gateway],
      journal: this.journal,
      clock: this.clock,
      onSettled: async (settlement, { deliveryId }) => {
        await this.exchange('handler', async () => {
          await Promise.resolve();
          this.#town.told.push({
            order: settlement.reference.merchant,
            amount: settlement.ticket.expect?.amount,
            outcome: settlement.outcome,
            deliveryId,
            atMs: this.#town.clock.now(),
          });
        });
      },
      ...options,
    });
    this.workers.push(worker);
    worker.start();
    return worker;
  }

  /** Something is asked of the world: then it may stop, or fail, before it is done or after. */
  async exchange<T>(name: string, work: () => Promise<T>): Promise<T> {
    await this.whileRunning();
    const nth = this.#exchanges.get(name) ?? 0;
    this.#exchanges.set(name, nth + 1);
    const fault = this.faultOf(name, nth);
    if (fault?.when === 'before') await this.#suffer(fault);
    await this.#takeTime();
    await this.whileRunning();
    const result = await work();
    if (fault?.when === 'after') await this.#suffer(fault);
    await this.#takeTime();
    await this.whileRunning();
    return result;
  }

  async #suffer({ type, forMs = 2 * LEASE_MS }: Fault): Promise<void> {
    if (type === 'fail') throw new Error('made up');
    if (type === 'kill') this.kill();
    else this.freeze(forMs);
    await this.whileRunning();
  }

  async #takeTime(): Promise<void> {
    const { slowestMs = 0 } = this.#town.options;
    if (slowestMs === 0) return;
    const delayMs = Math.floor(this.#chance() * (slowestMs + 1));
    if (delayMs > 0) await new Promise<void>(resolve => void this.#town.clock.timer(delayMs, resolve));
  }

  async whileRunning(): Promise<void> {
    if (this.state === 'dead') await new Promise(() => undefined);
    while (this.state === 'frozen') await this.#thawed.promise;
  }

  #clockOf(base: ManualClock): Clock {
    return {
      now: () => base.now(),
      monotonicMs: () => base.monotonicMs(),
      random: this.#chance,
      timer: (delayMs: number, callback: () => void): (() => void) => {
        let isSet = true;
        const fire = (): void => {
          if (!isSet || this.state === 'dead') return;
          if (this.state === 'frozen') {
            this.#late.push(fire);
            return;
          }
          isSet = false;
          this.timers--;
          callback();
        };
        this.timers++;
        const cancel = base.timer(delayMs, fire);
        return () => {
          if (!isSet) return;
          isSet = false;
          if (this.state !== 'dead') this.timers--;
          cancel();
        };
      },
    };
  }

  #storeOf(base: JournalStore): JournalStore {
    return {
      ...base,
      insert: (row, db) => this.exchange('insert', () => base.insert(row, db)),
      get: id => this.exchange('get', () => base.get(id)),
      find: (account, names) => this.exchange('find', () => base.find(account, names)),
      update: (changes, db) => this.exchange('update', () => base.update(changes, db)),
      take: turn => this.exchange('take', () => base.take(turn)),
      renew: (holder, forMs) => this.exchange('renew', () => base.renew(holder, forMs)),
      release: holder => this.exchange('release', () => base.release(holder)),
    };
  }

  async #fetch(request: Request): Promise<Response> {
    const { ledger, clock } = this.#town;
    const { pathname } = new URL(request.url);
    const { order, amount } = JSON.parse(await request.clone().text()) as { order: string; amount: number };
    const isPoll = pathname.endsWith('/query');
    const aborted = new Promise<never>((_resolve, reject) =>
      request.signal.addEventListener('abort', () => reject(request.signal.reason)),
    );
    aborted.catch(() => undefined);
    const signedAtMs = Number(request.headers.get('x-signed-at'));
    const asked = isPoll ? ledger.pollFault?.() : undefined;
    const answering = this.exchange(isPoll ? 'poll' : 'send', async () => {
      await Promise.resolve();
      // Given up before it left this machine.
      request.signal.throwIfAborted();
      if (isPoll) return { said: asked ?? 'truth', body: ledger.query(order) };
      return ledger.send(order, amount, signedAtMs, this.name, request.headers.get('x-key') ?? undefined);
    }).catch((error: unknown) => {
      throw error instanceof Error && error.message === 'made up' ? reset() : error;
    });
    const answer = await Promise.race([answering, aborted]);
    switch (answer.said) {
      case 'lost':
        throw reset();
      case 'unreached':
        throw reset('ECONNREFUSED');
      case '503':
        return Response.json({}, { status: 503 });
      case 'processing':
        return Response.json({ code: 'PENDING', order });
      case 'busy':
        return Response.json({ code: 'BUSY' });
      case 'created':
        return Response.json({ code: 'CREATED', order });
      case 'late':
        await Promise.race([new Promise<void>(resolve => void clock.timer(15_000, resolve)), aborted]);
        await this.whileRunning();
        return Response.json(answer.body);
      default:
        return Response.json(answer.body);
    }
  }
}
