import ky from 'ky';
import type { Gateway, Settlement } from '../../src/index.ts';
import { createGateway } from '../../src/index.ts';
import type { Fault, FaultList, FaultName, LedgerEntry, Simulator } from '../../src/testing/index.ts';
import { always, anothersAnswer, deliveredLate, lagging, lives, simulateGateway, slowed, withRetryAfter } from '../../src/testing/index.ts';
import type { PartyClock } from './clock.ts';
import type { Dice } from './dice.ts';
import { isUndecided } from './invariants.ts';
import type { Account, Order, Provider, Scene } from './providers.ts';
import { calm, type FaultPlan, type Trouble, type Weather } from './weather.ts';

/** The gateway of one payment, with its weather, and what is there before the payment begins. */
export interface World {
  readonly simulator: Simulator;
  /** What the merchant wants. */
  readonly order: Order;
  /** For a provider that has them. */
  readonly key: string | undefined;
  /** Somebody else owns the number. */
  readonly isTaken: boolean;
  /** An answer was another order's, and did not say so. */
  readonly isMisled: boolean;
  /** How often a proxy has copied a send. */
  readonly copies: number;
  /** The payment or refund that the intention is about, as the ledger has it now. */
  entry(): LedgerEntry | undefined;
  /** What nobody wanted: neither the intention's own, nor what was there before it, nor the other order. */
  strangers(): readonly LedgerEntry[];
  /** From now on the faults are these. */
  blow(weather: Pick<Weather, 'sends' | 'queries' | 'tokens'>): void;
  calm(): void;
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
}): Promise<World> {
  const { seed, dice, provider, scene, account, weather, clock } = options;
  const { adapter, voice } = account;
  const operation = adapter.operations[scene.operation];
  const key = operation !== undefined && 'idempotencyKey' in operation ? uuidOf(seed) : undefined;
  const sameReference = weather.sameReference ?? voice.sameReference;
  const simulator = simulateGateway({
    voice,
    clock,
    lives: { create: lives.open(), charge: weather.life, refund: weather.life, ...(scene.opens !== undefined && { [scene.opens]: weather.life }) },
    sameReference,
  });

  const reference = `260131-${seed}`;
  const minor = dice.between(101, 99_999);
  const shop = (fetch: typeof globalThis.fetch = simulator.fetch): Gateway<object> => createGateway({ adapter, client: ky.create({ fetch }), fetchSendsOnce: true, clock });
  const make = (by: Gateway<object>, what: Scene, order: Order): Promise<Settlement> =>
    by.settle(what.operation as never, what.fields(order) as never, { policy: { poll: { deadlineMs: 0 } } });

  const nothing = { reference: '', providerId: '' };
  const prior = scene.after === undefined ? undefined : provider.scenes[scene.after];
  const of = prior === undefined ? nothing : await makePrior(prior);
  const order: Order = { reference, minor, of };

  /** The payment that a refund, a cancel, a capture is about. */
  async function makePrior(what: Scene): Promise<Order['of']> {
    const half = scene.opens === 'refund' && dice.percent(50);
    await make(shop(), what, { reference: `${reference}P`, minor: half ? 2 * minor : minor, of: nothing });
    const made = simulator.ledger.payment(`${reference}P`);
    if (made === undefined) throw new Error(`${provider.name} could not make the payment that ${scene.operation} is about.`);
    if (scene.opens === undefined) simulator.script(made.reference, { life: weather.life });
    if (scene.opens === 'refund') simulator.script(made.reference, { life: lives.paid() });
    return { reference: made.reference, providerId: made.providerId };
  }

  const own = scene.byKey === true ? (key ?? '') : reference;
  const isAboutPrior = prior !== undefined && scene.opens !== 'refund';
  const numbers = [...new Set([reference, of.reference, key ?? ''])].filter((number) => number !== '');
  const entry = (): LedgerEntry | undefined => (scene.opens === 'refund' ? simulator.ledger.refund(own) : simulator.ledger.payment(isAboutPrior ? of.reference : own));

  const isTaken = weather.taken && prior === undefined && scene.amount !== undefined && sameReference === 'refuses';
  if (isTaken) await make(shop(), scene, { reference, minor: minor + 1, of });

  const faults = faultMaker({ weather, scene, entry, other: prior === undefined && namesAnother(weather) ? await makeOther() : undefined });

  /** Another order of the same shop, and what was answered about it. */
  async function makeOther(): Promise<OtherOrder> {
    const heard: Response[] = [];
    const listening = shop(async (input, init) => {
      const response = await simulator.fetch(input, init);
      if (response.url.includes(new URL(adapter.baseUrl).pathname) && !response.url.includes('token')) heard.push(response.clone());
      return response;
    });
    const other = { reference: `${reference}D`, minor: minor + 2, of };
    const ends = scene.queryNamesItsOrder ? dice.pick([lives.paid(), lives.declined(), lives.expiresAfter(0)]) : lives.paid();
    simulator.script(other.reference, { life: ends });
    const { ticket } = await make(listening, scene, other);
    const send = heard[0];
    heard.length = 0;
    // One that names neither its order nor another amount could not be told from the right one (assumptions.ts, 2).
    if (scene.queryNamesItsOrder || scene.amount !== undefined) await listening.ask(ticket).catch(() => undefined);
    return { send, query: heard.at(-1) };
  }

  const blow: World['blow'] = ({ sends, queries, tokens }) => {
    for (const number of numbers) simulator.script(number, { onSend: faults.list(sends, 'send'), onQuery: faults.list(queries, 'query') });
    if (account.tokensOf !== undefined) simulator.script(account.tokensOf, { on: { token: faults.list(tokens, 'token') } });
  };
  blow(weather);
  const wereThere = new Set(simulator.ledger.entries.map((each) => each.reference));

  return {
    simulator,
    order,
    key,
    isTaken,
    get isMisled() {
      return faults.isMisled();
    },
    get copies() {
      return simulator.requests.filter(({ fault, act }) => fault.startsWith('delivered-twice') && act !== 'query' && act !== 'refund-query').length / 2;
    },
    entry,
    strangers: () => simulator.ledger.entries.filter(({ reference: each }) => each !== own && !wereThere.has(each)),
    blow,
    calm() {
      faults.catchUp();
      blow({ sends: calm, queries: calm, tokens: calm });
    },
    decide(end) {
      const found = entry();
      if (found !== undefined && !isUndecided(found, scene)) return;
      const isOrder = (found?.act ?? scene.opens) === 'create';
      const state = end === 'paid' ? 'paid' : scene.wants === 'off' ? 'canceled' : isOrder ? 'expired' : 'declined';
      // The payer of an order acts after its answer was given.
      simulator.script(found?.reference ?? own, { life: [{ afterMs: isOrder ? 1_000 : 0, state }] });
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

const namesAnother = ({ sends, queries }: Weather): boolean => [...sends.first, ...queries.first].some(({ fault }) => fault === 'another-order');

/** Turns plans into faults. */
function faultMaker(world: { readonly weather: Weather; readonly scene: Scene; readonly entry: () => LedgerEntry | undefined; readonly other: OtherOrder | undefined }): {
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

  const replica = lagging(() => lagMs, () => entry()?.openedAtMs);

  const faultOf = ({ fault, delayMs, retryAfter }: FaultPlan, kind: 'send' | 'query' | 'token'): FaultName | Fault => {
    if (fault === 'delivered-late') return deliveredLate(delayMs ?? 0);
    let made: FaultName | Fault = fault === 'another-order' ? (kind === 'token' ? 'garbage' : anotherOrder(kind)) : fault;
    if (made === 'none' && kind === 'query' && lagMs > 0) made = replica;
    if (delayMs !== undefined) made = slowed(delayMs, made);
    if (retryAfter === undefined) return made;
    const { seconds, as } = retryAfter;
    return withRetryAfter(as === 'seconds' ? String(seconds) : (nowMs) => new Date(nowMs + seconds * 1000).toUTCString(), made);
  };

  return {
    list: ({ first, then }, kind) => [...first.map((plan) => faultOf(plan, kind)), always(faultOf(then, kind))],
    isMisled: () => isMisled,
    catchUp: () => void (lagMs = 0),
  };
}

/** A UUID v4 of a seed. */
function uuidOf(seed: number): string {
  return `00000000-0000-4000-8000-${seed.toString(16).padStart(12, '0')}`;
}
