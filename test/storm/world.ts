import ky from 'ky';
import type { Gateway, Settlement } from '../../src/index.ts';
import { createGateway } from '../../src/index.ts';
import type { Fault, FaultList, FaultName, Life, LedgerEntry, Simulator } from '../../src/testing/index.ts';
import {
  always,
  anothersAnswer,
  deliveredLate,
  lagging,
  lives,
  simulateGateway,
  slowed,
  withRetryAfter,
} from '../../src/testing/index.ts';
import { sleep } from '../../src/testing/sleep.ts';
import type { PartyClock } from './clock.ts';
import type { Dice } from './dice.ts';
import { isUndecided } from './invariants.ts';
import { numberOf, type Account, type Order, type Provider, type Scene } from './providers.ts';
import { calm, type FaultPlan, type NextTry, type Trouble, type Weather } from './weather.ts';

/** The gateway of one payment, with its weather, and what is there before the payment begins. */
export interface World {
  readonly simulator: Simulator;
  /** What the merchant wants: of several tries under one number, the last. */
  readonly order: Order;
  /** For a provider that has them. */
  readonly key: string | undefined;
  /** Somebody else owns the number. */
  readonly isTaken: boolean;
  /** An answer was another order's, and did not say so. */
  readonly isMisled: boolean;
  /** How often a proxy has copied a send, or the shop's own `fetch` has sent it again. */
  readonly copies: number;
  /** The payment or refund that the intention is about, as the ledger has it now. */
  entry(): LedgerEntry | undefined;
  /** Its number was used before, and nothing has come of this try. */
  readonly isOnlyEarlier: boolean;
  /** What nobody wanted: neither the intention's own, nor what was there before it, nor the other order. */
  strangers(): readonly LedgerEntry[];
  /** From now on the faults are these. */
  blow(weather: Pick<Weather, 'sends' | 'queries' | 'tokens'>): void;
  calm(): void;
  /** The shop's own way to the gateway, with whatever else it does. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** The number is used again, after it was declined. */
  tryAgain(plan: NextTry): void;
  /** The payer makes up his mind: about what is open, and about what is still on its way. */
  decide(end: Weather['end']): void;
  /** The provider does not answer any more for an order this old. */
  forget(): void;
}

export async function openWorld(options: {
  readonly seed: number;
  readonly dice: Dice;
  readonly provider: Provider;
  readonly scene: Scene;
  readonly account: Account;
  readonly weather: Weather;
  /** The gateway's clock. */
  readonly clock: PartyClock;
  /** One that other payments are at as well. Default: its own. */
  readonly simulator?: Simulator | undefined;
}): Promise<World> {
  const { seed, dice, provider, scene, account, weather, clock } = options;
  const { adapter, voice } = account;
  const operation = adapter.operations[scene.operation];
  const key = operation !== undefined && 'idempotencyKey' in operation ? uuidOf(seed) : undefined;
  const sameReference = weather.sameReference ?? voice.sameReference;
  const simulator =
    options.simulator ??
    simulateGateway({
      voice,
      clock,
      lives: {
        create: lives.open(),
        charge: weather.life,
        refund: weather.life,
        ...(scene.opens !== undefined && { [scene.opens]: weather.life }),
      },
      sameReference,
    });

  const reference = numberOf(provider.name, seed);
  const isMine = (number: string): boolean =>
    number.startsWith(reference) && !/^\d/.test(number.slice(reference.length));
  const minor = dice.between(101, 99_999);
  const shop = (fetch: typeof globalThis.fetch = simulator.fetch): Gateway<object> =>
    createGateway({ adapter, client: ky.create({ fetch }), fetchSendsOnce: true, clock });
  const make = (by: Gateway<object>, what: Scene, order: Order): Promise<Settlement> =>
    by.settle(what.operation as never, what.fields(order) as never, { policy: { poll: { deadlineMs: 0 } } });

  const nothing = { reference: '', providerId: '' };
  const prior = scene.after === undefined ? undefined : provider.scenes[scene.after];
  const of = prior === undefined ? nothing : await makePrior(prior);
  let order: Order = { reference, minor, of };

  /** The payment that a refund, a cancel, a capture is about. */
  async function makePrior(what: Scene): Promise<Order['of']> {
    const half = scene.opens === 'refund' && dice.percent(50);
    await make(shop(), what, { reference: `${reference}P`, minor: half ? 2 * minor : minor, of: nothing });
    const made = simulator.ledger.payment(`${reference}P`);
    if (made === undefined)
      throw new Error(`${provider.name} could not make the payment that ${scene.operation} is about.`);
    if (scene.opens === undefined) simulator.script(made.reference, { life: weather.life });
    if (scene.opens === 'refund') simulator.script(made.reference, { life: lives.paid() });
    return { reference: made.reference, providerId: made.providerId };
  }

  const own = scene.byKey === true ? (key ?? '') : reference;
  if (options.simulator !== undefined && scene.opens !== undefined) simulator.script(own, { life: weather.life });
  const isAboutPrior = prior !== undefined && scene.opens !== 'refund';
  const numbers = [...new Set([reference, of.reference, key ?? ''])].filter(number => number !== '');
  const found = (): LedgerEntry | undefined =>
    scene.opens === 'refund'
      ? simulator.ledger.refund(own)
      : simulator.ledger.payment(isAboutPrior ? of.reference : own);
  /** The try before, by the gateway's number. */
  let earlier: string | undefined;
  /** This try's own: what there was before is another one. */
  const entry = (): LedgerEntry | undefined => {
    const last = found();
    return last?.providerId === earlier ? undefined : last;
  };

  const isTaken = weather.taken && prior === undefined && scene.amount !== undefined && sameReference === 'refuses';
  if (isTaken) await make(shop(), scene, { reference, minor: minor + 1, of });

  const faults = faultMaker({
    weather,
    scene,
    entry,
    other: prior === undefined && namesAnother(weather) ? await makeOther() : undefined,
  });

  /** Another order of the same shop, and what was answered about it. */
  async function makeOther(): Promise<OtherOrder> {
    const heard: Response[] = [];
    const listening = shop(async (input, init) => {
      const response = await simulator.fetch(input, init);
      if (response.url.includes(new URL(adapter.baseUrl).pathname) && !response.url.includes('token'))
        heard.push(response.clone());
      return response;
    });
    const other = { reference: `${reference}D`, minor: minor + 2, of };
    const ends = scene.queryNamesItsOrder
      ? dice.pick([lives.paid(), lives.declined(), lives.expiresAfter(0)])
      : lives.paid();
    simulator.script(other.reference, { life: ends });
    const { ticket } = await make(listening, scene, other);
    const send = heard[0];
    heard.length = 0;
    // One that names neither its order nor another amount could not be told from the right one (assumptions.ts, 2).
    if (scene.queryNamesItsOrder || scene.amount !== undefined) await listening.ask(ticket).catch(() => undefined);
    return { send, query: heard.at(-1) };
  }

  /** At a gateway of its own all is. */
  const isNear = (number = ''): boolean => options.simulator === undefined || isMine(number);

  const blow: World['blow'] = ({ sends, queries, tokens }) => {
    for (const number of numbers)
      simulator.script(number, { onSend: faults.list(sends, 'send'), onQuery: faults.list(queries, 'query') });
    if (account.tokensOf !== undefined)
      simulator.script(account.tokensOf, { on: { token: faults.list(tokens, 'token') } });
  };
  blow(weather);
  const shopFetch = shopFetchOf(weather, clock, simulator.fetch);
  const wereThere = new Set(simulator.ledger.entries.map(each => each.reference));

  return {
    simulator,
    get order() {
      return order;
    },
    key,
    isTaken,
    get isMisled() {
      return faults.isMisled();
    },
    get copies() {
      return (
        shopFetch.copies() +
        simulator.requests.filter(
          ({ fault, act, reference: of }) =>
            fault.startsWith('delivered-twice') && act !== 'query' && act !== 'refund-query' && isNear(of),
        ).length /
          2
      );
    },
    fetch: shopFetch.fetch,
    entry,
    get isOnlyEarlier() {
      return earlier !== undefined && entry() === undefined;
    },
    strangers: () =>
      simulator.ledger.entries.filter(({ reference: each }) => each !== own && !wereThere.has(each) && isNear(each)),
    blow,
    tryAgain({ fields, life, sends, queries }) {
      earlier = found()?.providerId;
      if (fields === 'other') order = { ...order, minor: minor + 7 };
      simulator.script(own, { nextTry: life });
      blow({ sends, queries, tokens: calm });
    },
    calm() {
      faults.catchUp();
      shopFetch.calm();
      blow({ sends: calm, queries: calm, tokens: calm });
    },
    decide(end) {
      const last = entry();
      if (last !== undefined && !isUndecided(last, scene)) return;
      const isOrder = (last?.act ?? scene.opens) === 'create';
      const state = end === 'paid' ? 'paid' : scene.wants === 'off' ? 'canceled' : isOrder ? 'expired' : 'declined';
      // The payer of an order acts after its answer was given.
      const life: Life = [{ afterMs: isOrder ? 1_000 : 0, state }];
      // What was declined before stays so: only what is still on its way lives like this.
      simulator.script(
        last?.reference ?? own,
        last === undefined && earlier !== undefined ? { nextTry: life } : { life },
      );
    },
    forget() {
      for (const number of numbers) simulator.script(number, { onQuery: [always('not-found')] });
    },
  };
}

interface OtherOrder {
  readonly send: Response | undefined;
  readonly query: Response | undefined;
}

const namesAnother = ({ sends, queries }: Weather): boolean =>
  [...sends.first, ...queries.first].some(({ fault }) => fault === 'another-order');

/** Turns plans into faults. */
function faultMaker(world: {
  readonly weather: Weather;
  readonly scene: Scene;
  readonly entry: () => LedgerEntry | undefined;
  readonly other: OtherOrder | undefined;
}): {
  list: (trouble: Trouble, kind: 'send' | 'query' | 'token') => FaultList;
  isMisled: () => boolean;
  catchUp: () => void;
} {
  const { weather, scene, entry, other } = world;
  let isMisled = false;
  let { lagMs } = weather;

  const anotherOrder = (kind: 'send' | 'query'): FaultName | Fault => {
    const said = other?.[kind];
    if (said === undefined) return 'garbage';
    return anothersAnswer(() => {
      isMisled ||= kind === 'send' && !scene.namesItsOrder;
      return said;
    });
  };

  const replica = lagging(
    () => lagMs,
    () => entry()?.openedAtMs,
  );

  const faultOf = ({ fault, delayMs, retryAfter }: FaultPlan, kind: 'send' | 'query' | 'token'): FaultName | Fault => {
    if (fault === 'delivered-late') return deliveredLate(delayMs ?? 0);
    let made: FaultName | Fault =
      fault === 'another-order' ? (kind === 'token' ? 'garbage' : anotherOrder(kind)) : fault;
    if (made === 'none' && kind === 'query' && lagMs > 0) made = replica;
    if (delayMs !== undefined) made = slowed(delayMs, made);
    if (retryAfter === undefined) return made;
    const { seconds, as } = retryAfter;
    return withRetryAfter(
      as === 'seconds' ? String(seconds) : nowMs => new Date(nowMs + seconds * 1000).toUTCString(),
      made,
    );
  };

  return {
    list: ({ first, then }, kind) => [...first.map(plan => faultOf(plan, kind)), always(faultOf(then, kind))],
    isMisled: () => isMisled,
    catchUp: () => void (lagMs = 0),
  };
}

/** The shop's own `fetch`, and how often it has sent a write again by itself. */
function shopFetchOf(
  { shopFetch }: Weather,
  clock: PartyClock,
  send: Simulator['fetch'],
): { fetch: World['fetch']; copies: () => number; calm: () => void } {
  let left = shopFetch.does === 'audits' ? shopFetch.fails : shopFetch.does === 'repeats' ? shopFetch.times : 0;
  let copies = 0;
  /** The record goes to a host that refuses; what is thrown looks like the request's own failure. */
  const audit = (): never => {
    throw new TypeError('fetch failed', {
      cause: Object.assign(new Error('connect ECONNREFUSED 10.0.0.9:443'), {
        code: 'ECONNREFUSED',
        syscall: 'connect',
      }),
    });
  };
  const audited = async (request: Request): Promise<Response> => {
    const response = await send(request);
    return left-- > 0 ? audit() : response;
  };
  const repeated = async (request: Request): Promise<Response> => {
    for (;;) {
      try {
        return await send(request.clone());
      } catch (error) {
        if (request.signal.aborted || left-- <= 0) throw error;
        await sleep(clock, 200, request.signal);
        if (request.method !== 'GET') copies++;
      }
    }
  };
  return {
    fetch: shopFetch.does === 'audits' ? audited : shopFetch.does === 'repeats' ? repeated : send,
    copies: () => copies,
    calm: () => void (left = 0),
  };
}

/** A UUID v4 of a seed. */
function uuidOf(seed: number): string {
  return `00000000-0000-4000-8000-${seed.toString(16).padStart(12, '0')}`;
}
