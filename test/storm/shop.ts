import ky from 'ky';
import {
  constant,
  createGateway,
  type Backoff,
  type Gateway,
  type GatewayEvent,
  type Policy,
} from '../../src/index.ts';
import { defaultPolicy } from '../../src/policies/policy.ts';
import { retryAfterMs } from '../../src/policies/retry-after.ts';
import type { Simulator } from '../../src/testing/index.ts';
import { lives, simulateGateway } from '../../src/testing/index.ts';
import type { StormClock } from './clock.ts';
import { dice, type Dice } from './dice.ts';
import { keepsToTheLimit, type Rule } from './invariants.ts';
import type { Line } from './line.ts';
import { drawListFault } from './list-faults.ts';
import type { Account, Provider } from './providers.ts';
import { calm, drawManners, type Weather } from './weather.ts';

/** Many payments of one gateway object, open at once: they share its queries, its limit, its quota and its circuit. */
export interface Shop {
  readonly provider: Provider;
  /** What happens there. */
  readonly scenes: Provider['scenes'];
  readonly account: Account;
  readonly simulator: Simulator;
  /** Of its gateway. */
  readonly policy: Policy;
  /** The gateway object of the storm, or that of the calm. */
  gateway(isCalm: boolean): Gateway<object>;
  /** A payment's own weather, as far as it can have one here. */
  weatherOf(seed: number, drawn: Weather): Weather;
  startsAfterMs(seed: number): number;
  /** From now on the payment's requests are known by what is in them. */
  join(member: Member): void;
  /** @param onBreach hears what no single payment has done wrong */
  judgeTheEnd(onBreach: (rule: Rule, says: string | undefined) => void): void;
  /** How often what happened here. */
  readonly facts: Readonly<Record<string, number>>;
}

export interface Member {
  owns(text: string): boolean;
  readonly line: Line;
}

/** Seeds that are drawn together. */
export const NEIGHBORS = 24;

/** Which seeds share a shop with this one. `undefined`: it is alone. */
export function neighborsOf(seed: number, providers: readonly Provider[]): readonly number[] | undefined {
  const group = Math.floor((seed - 1) / NEIGHBORS);
  const isShop = providers.some(canBeShop) && dice(-group - 11).percent(14);
  return isShop ? Array.from({ length: NEIGHBORS }, (_, index) => group * NEIGHBORS + 1 + index) : undefined;
}

/** All that is sent there names the merchant's number. */
const canBeShop = ({ sharedNumbers, name }: Provider): boolean => sharedNumbers !== undefined || name === 'zalopay';

/** Notices come for most of these, so that they are trusted; and for few of those after them. */
const NOTIFIED = 16;

export function openShop(
  seeds: readonly number[],
  providers: readonly Provider[],
  clock: StormClock,
  onEvent?: (event: GatewayEvent, atMs: number) => void,
): Shop {
  const seed = seeds[0] ?? 0;
  const chance = dice(-seed - 12);
  const provider = chance.weigh(
    providers.filter(canBeShop).map(each => [each.sharedNumbers === undefined ? 1 : 5, each] as const),
  );
  const account = provider.open(seed, chance.percent(30));
  const { adapter } = account;
  const theirs = clock.party({ of: seed, chance: dice(seed + 0.15) });
  const ours = clock.party({ of: seed, chance: dice(seed + 0.35) });
  const isNotified = adapter.webhook !== undefined && chance.percent(30);
  const policy = drawPolicy(chance, drawManners(chance, {}, adapter), provider, isNotified);
  const sameReference =
    provider.mayBookAgain && chance.percent(50) ? ('refuses' as const) : account.voice.sameReference;
  const simulator = simulateGateway({
    voice: account.voice,
    clock: theirs,
    lives: { create: lives.open() },
    sameReference,
  });
  const sendsOnce = chance.percent(80);
  const attemptTimeoutMs = chance.pick([1_000, 3_000, 10_000]);
  /** In some shops payments are open for long, and are asked about in step. */
  const inStep = chance.percent(60) ? constant(chance.between(5, 20) * 1_000) : undefined;

  const members: Member[] = [];
  const strange: string[] = [];
  const left: { readonly atMs: number[] }[] = [];
  const facts: Record<string, number> = {};
  const count = (fact: string): void => void (facts[fact] = (facts[fact] ?? 0) + 1);

  const sendFor = (isCalm: boolean): typeof fetch => {
    const leftAtMs: number[] = [];
    left.push({ atMs: leftAtMs });
    return async input => {
      const request = input as Request;
      leftAtMs.push(clock.now());
      const text = await theirs.during(textOf(request));
      request.signal.throwIfAborted();
      const owners = members.filter(member => member.owns(text));
      if (owners.length > 1) return holds(await share(request, text, owners, isCalm));
      const [owner] = owners;
      if (owner === undefined) strange.push(text);
      return holds(await (owner === undefined ? simulator.fetch(request) : owner.line.fetch(request)));
    };
  };

  const share = async (
    request: Request,
    text: string,
    owners: readonly Member[],
    isCalm: boolean,
  ): Promise<Response> => {
    count('shared queries');
    facts['payments in shared queries'] = (facts['payments in shared queries'] ?? 0) + owners.length;
    const answered = owners.map(({ line }) => line.joins());
    const numbers = provider.sharedNumbers?.(text);
    if (numbers === undefined) strange.push(text);
    else simulator.script(numbers, { onQuery: isCalm ? [] : [drawListFault(chance)] });
    const response = await simulator.fetch(request);
    await Promise.all(answered.map(tell => tell(response)));
    return response;
  };

  /** Too many requests are too many of all of them. */
  const holds = (response: Response): Response => {
    const waitMs = response.status === 429 ? retryAfterMs(response.headers, clock.now()) : undefined;
    if (waitMs !== undefined)
      for (const { line } of members) line.holds(clock.now() + Math.min(waitMs, defaultPolicy.retry.maxRetryAfterMs));
    return response;
  };

  const hear = (event: GatewayEvent): void => {
    if (event.type === 'circuit') count(`circuit ${event.state}`);
    if (event.type === 'quota' || event.type === 'batch-off') count(event.type);
    if (event.type === 'notices') count(event.trusted ? 'notices trusted' : 'notices doubted');
    onEvent?.(event, clock.now());
  };
  const open = (isCalm: boolean): Gateway<object> =>
    createGateway({
      ...{ adapter, policy, clock: ours, client: ky.create({ fetch: sendFor(isCalm) }), onEvent: hear },
      ...(sendsOnce && { fetchSendsOnce: true }),
    });
  const storm = open(false);
  let rest: Gateway<object> | undefined;

  const { order } = provider.scenes;
  return {
    provider,
    scenes: isNotified && order !== undefined ? { order } : provider.scenes,
    account,
    simulator,
    policy,
    facts,
    gateway: isCalm => (isCalm ? (rest ??= open(true)) : storm),
    weatherOf(of, drawn) {
      const one = common(drawn, sameReference, sendsOnce, attemptTimeoutMs);
      const own = inStep === undefined ? one : slow(dice(of + 0.85), one, inStep);
      return isNotified ? notified(dice(of + 0.8), own, of - seed < NOTIFIED) : own;
    },
    startsAfterMs: of => (isNotified ? (of - seed) * 20_000 : dice(of + 0.45).pick([0, 0, 500, 20_000, 60_000])),
    join: member => void members.push(member),
    judgeTheEnd(onBreach) {
      const { perSecond = Infinity, perMinute = Infinity } = policy.limit ?? {};
      for (const { atMs } of left) {
        onBreach('keepsToTheLimit', keepsToTheLimit(atMs, perSecond, 1_000));
        onBreach('keepsToTheLimit', keepsToTheLimit(atMs, perMinute, 60_000));
      }
      if (ours.pending > 0) onBreach('nothingIsLeftBehind', `${ours.pending} timers of the shop's`);
      if (strange.length > 0) onBreach('neverThrows', `a request is about no payment: ${strange[0] ?? ''}`);
    },
  };
}

const textOf = async (request: Request): Promise<string> => request.url + '\n' + (await request.clone().text());

/** Of the gateway: what each call says by itself is not here. */
function drawPolicy(chance: Dice, drawn: Policy, { sharedNumbers }: Provider, isNotified: boolean): Policy {
  const { retry, circuit } = drawn;
  const batch = { windowMs: chance.pick([0, 250, 250, 2_000, 20_000]), most: chance.pick([2, 3, 10, 50]) };
  const isBatch = sharedNumbers !== undefined && chance.percent(90);
  return {
    retry: { ...(retry?.quota !== undefined && { quota: retry.quota }) },
    poll: { ...(isNotified && { notices: true }), ...(isBatch && { batch }) },
    limit: {
      concurrency: chance.pick([4, 32]),
      ...(chance.percent(30) && { perSecond: chance.between(2, 10) }),
      ...(chance.percent(30) && { perMinute: chance.between(20, 100) }),
    },
    ...(circuit !== undefined && { circuit }),
  };
}

/** What belongs to one process or one number space is the shop's. */
function common(
  drawn: Weather,
  sameReference: Weather['sameReference'],
  sendsOnce: boolean,
  attemptTimeoutMs: number,
): Weather {
  const { frozen: _frozen, nextTry: _nextTry, tokenStolenAfterMs: _stolen, policy, ...weather } = drawn;
  const { retry, poll } = policy;
  const isTold = weather.queries.then.fault === 'not-found';
  return {
    ...weather,
    ...(sameReference !== undefined && { sameReference }),
    ...(isTold && { queries: calm }),
    policy: { retry: retry ?? {}, poll: poll ?? {}, attemptTimeoutMs },
    way: weather.way === 'fetch' ? 'client' : weather.way,
    shopFetch: { does: sendsOnce ? 'sends-once' : 'sends' },
    skewMs: 0,
    taken: false,
    isEager: false,
    isCrowded: false,
    clockSteps: [],
    madeBeforeMs: 0,
    sleepsMs: Math.min(weather.sleepsMs, 600_000),
    notices: weather.notices.map(({ during: _during, ...plan }) => plan),
  };
}

function slow(chance: Dice, weather: Weather, backoff: Backoff): Weather {
  const deadlineMs = Math.max(weather.policy.poll?.deadlineMs ?? 0, chance.pick([60_000, 120_000, 300_000]));
  const isOrdinary = weather.life.length === 0 || weather.life.every(({ state }) => state === 'paid');
  return {
    ...weather,
    policy: { ...weather.policy, poll: { ...weather.policy.poll, backoff, deadlineMs } },
    follows: true,
    deaths: weather.deaths.slice(0, 1),
    ...(isOrdinary && chance.percent(70) && { life: lives.paidAfter(chance.between(1_000, deadlineMs)) }),
  };
}

/** Paid after a while, and followed; the notice comes soon, or never. */
function notified(chance: Dice, weather: Weather, comes: boolean): Weather {
  const paidAfterMs = chance.between(4_000, 60_000);
  const { poll } = weather.policy;
  const backoff = weather.policy.poll?.backoff;
  return {
    ...weather,
    way: 'settle',
    follows: true,
    deaths: [],
    life: comes || chance.percent(50) ? lives.paidAfter(paidAfterMs) : lives.open(),
    ...(comes && { sends: calm, queries: calm, lagMs: 0 }),
    policy: {
      ...weather.policy,
      poll: { ...poll, ...(backoff !== undefined && { backoff }), deadlineMs: comes ? 300_000 : 900_000 },
    },
    notices:
      comes || chance.percent(20)
        ? [{ writtenAfterMs: paidAfterMs + chance.between(20, 3_000), delayMs: 0, times: 1, forged: false }]
        : [],
  };
}
