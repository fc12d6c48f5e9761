import { getEventListeners } from 'node:events';
import ky, { type KyInstance, type Options } from 'ky';
import type { Gateway, GatewayEvent, SettleOptions, Ticket } from '../../src/index.ts';
import { createGateway, steps } from '../../src/index.ts';
import { sleep } from '../../src/clock.ts';
import { assumptions } from './assumptions.ts';
import { latenessMs, type StormClock } from './clock.ts';
import { dice } from './dice.ts';
import { byClient, byFetch, bySettle, ending, endingOf, type Writing } from './doors.ts';
import { atEveryEnd, bookedAtMostOnce, isDone, isOpen, isOver, noticesAreTrue, overIsNeverPaidLater, tellsTheTruth, type Ending, type Moment, type Rule, type Violation } from './invariants.ts';
import { tapLine, type Line } from './line.ts';
import type { Provider, Scene } from './providers.ts';
import { draw, type NoticePlan, type Weather } from './weather.ts';
import { openWorld, type World } from './world.ts';

/** One payment in the storm, from its seed to its end. */
export interface Story {
  readonly seed: number;
  readonly provider: string;
  readonly scene: string;
  readonly weather: Weather;
  readonly endings: readonly { readonly call: string; readonly ending: Ending }[];
  readonly violations: readonly Violation[];
  readonly line: Line;
  readonly world: World | undefined;
  /** Why a ticket could not find out in the end, and need not. */
  readonly leftOpen: string | undefined;
  readonly done: Promise<void>;
  /** What can only be said when all that is on its way has arrived. */
  judgeTheEnd(hasEnded: boolean): void;
}

/** Once the faults have stopped, a ticket is followed so long, so slowly, and "not found" is believed so late. */
const inTheCalm = { poll: { deadlineMs: 30 * 60_000, backoff: steps([5_000, 11 * 60_000, 9 * 60_000]), absentAfterMs: 10 * 60_000 } };

/** By then the payer has made up his mind. */
const SOON_MS = 2_000;

/** @param onEvent everything tillpaid says, while it says it */
export function tell(seed: number, providers: readonly Provider[], clock: StormClock, onEvent?: (event: GatewayEvent) => void): Story {
  const chance = dice(seed);
  const provider = chance.weigh(providers.map((each) => [each.weight, each] as const));
  const [sceneName, scene] = chance.weigh(Object.entries(provider.scenes).map((named) => [named[1].after === undefined ? 3 : 1, named] as const));
  const weather = draw(chance, provider, scene);
  const account = provider.open(seed, chance.percent(30));
  const { adapter } = account;
  const operation = adapter.operations[scene.operation];
  if (operation === undefined || !('sameReference' in operation)) throw new Error(`${provider.name} has no write ${scene.operation}.`);
  const { query, sameReference } = operation;

  const beganAtMs = clock.now();
  const { frozen } = weather;
  const ours = clock.party({ of: seed, chance: dice(seed + 0.5), ...(frozen !== undefined && { frozen: { fromMs: beganAtMs + frozen.afterMs, untilMs: beganAtMs + frozen.afterMs + frozen.forMs } }) });
  const theirs = clock.party({ of: seed, chance: dice(seed + 0.25), skewMs: weather.skewMs });
  const stage = clock.party({ of: seed, chance: dice(seed + 0.75) });

  const violations: Violation[] = [];
  const breach = (rule: Rule, says: string | undefined): void => {
    if (says !== undefined) violations.push({ rule, says });
  };
  let world: World | undefined;
  const line = tapLine({ adapter, operation: scene.operation, now: () => ours.now(), fetch: (request) => inWorld().simulator.fetch(request), onBreach: breach });
  const endings: { call: string; ending: Ending }[] = [];
  let ticket: Ticket | undefined;
  let sleptMs = 0;
  let leftOpen: string | undefined;

  const followsOf = ({ operation: name }: Ticket): string => {
    const followed = adapter.operations[name];
    return (followed !== undefined && 'follows' in followed ? followed.follows : undefined) ?? 'payment';
  };
  const inWorld = (): World => {
    if (world === undefined) throw new Error('It has not begun.');
    return world;
  };
  /** The shop's own ky; an eager one would send everything again. */
  const shopKy = (): KyInstance => ky.create({ fetch: line.fetch, ...(weather.isEager && eager) });
  /** A process of the shop's. */
  const open = (): Gateway<object> => createGateway({ adapter, client: shopKy(), fetchSendsOnce: true, policy: weather.policy, clock: ours, ...(onEvent !== undefined && { onEvent }) });
  let gateway = open();
  const copied = (given: Ticket): Ticket => JSON.parse(JSON.stringify(given)) as Ticket;

  const writing = (more: SettleOptions = {}): Writing => {
    const { order, key } = inWorld();
    const options = { ...(key !== undefined && { idempotencyKey: key }), onTicket: (given: Ticket) => void (ticket = copied(given)), ...more };
    return { gateway, operation: scene.operation, fields: scene.fields(order), options };
  };
  const safely = (run: () => Promise<Ending>, signal?: AbortSignal): Promise<Ending> => ending(run, signal, (says) => breach('neverThrows', says));
  const settle = (more?: SettleOptions): Promise<Ending> => safely(() => bySettle(writing(more)), more?.signal);
  const follow = (given: Ticket, options = {}): Promise<Ending> => safely(async () => endingOf(await gateway.untilSettled(copied(given), options)));

  /** One call of tillpaid, held against the rules when it ends. */
  const call = async (name: string, run: () => Promise<Ending>, deadlineMs = weather.policy.poll?.deadlineMs ?? 0): Promise<Ending> => {
    const watch = line.watch(name, name.startsWith('settle') ? (weather.policy.retry?.attempts ?? 0) : 0, deadlineMs);
    const last = await run();
    line.end('it was settled');
    endings.push({ call: name, ending: last });
    if (last.ticket !== undefined) ticket = copied(last.ticket);
    if (last.outcome !== 'aborted') {
      const moment = momentOf(last);
      for (const [rule, check] of atEveryEnd) breach(rule, check(moment));
    }
    const tookMs = ours.now() - watch.beganAtMs;
    const mostMs = deadlineMs + (frozen?.forMs ?? 0) + 2 * (weather.policy.attemptTimeoutMs ?? 0) + 4 * latenessMs(clock.now() - beganAtMs);
    if (tookMs > mostMs) breach('endsInTime', `${name} took ${tookMs} ms; ${mostMs} ms were allowed`);
    // What unwinds does so in promises: a moment later nothing may be left.
    await ours.during(breath());
    if (ours.pending > 0) breach('nothingIsLeftBehind', `${ours.pending} timers after ${name}`);
    return last;
  };

  const momentOf = (last: Ending): Moment => {
    const here = inWorld();
    const { order, isTaken, isMisled, copies } = here;
    return { ending: last, scene, entry: here.entry(), amount: scene.amount?.(order.minor), isTaken, isCopied: copies > 0, isMisled };
  };

  /** The caller leaves in the middle. */
  const leaving = async (run: (signal: AbortSignal) => Promise<Ending>): Promise<Ending> => {
    const controller = new AbortController();
    let leftAtMs = Infinity;
    const cancel = stage.timer(weather.leavesAfterMs, () => {
      leftAtMs = clock.now();
      line.end('the caller had left');
      controller.abort(new Error('The caller has left.'));
    });
    const last = await run(controller.signal);
    cancel();
    if (clock.now() > leftAtMs) breach('neverThrows', `an abort took ${clock.now() - leftAtMs} ms`);
    await ours.during(breath());
    const listeners = getEventListeners(controller.signal, 'abort').length;
    if (listeners > 0) breach('nothingIsLeftBehind', `${listeners} listeners on the caller's signal`);
    return last;
  };

  const ways: Readonly<Record<Weather['way'], () => Promise<Ending>>> = {
    settle: () => call('settle', () => settle()),
    client: () => call('settle by the client', () => safely(() => byClient(writing()))),
    fetch: () => call('settle by fetch', () => safely(() => byFetch(writing()))),
    twice: () =>
      call('settle twice', async () => {
        // Each has a signal of his own: when one leaves, the other still hears how it ends.
        const controller = new AbortController();
        const cancel = stage.timer(weather.leavesAfterMs, () => controller.abort(new Error('One of the two has left.')));
        const [one, other] = await Promise.all([settle({ signal: controller.signal }), settle()]);
        cancel();
        if (one.outcome !== 'aborted' && one.outcome !== other.outcome) breach('callersAgree', `${one.outcome} and ${other.outcome}`);
        if (other.outcome === 'aborted') breach('callersAgree', 'one left, and the other was sent away');
        return other;
      }),
    abort: () => call('settle and leave', () => leaving((signal) => settle({ signal }))),
    async redelivered() {
      const before = await call('settle and die', () => leaving((signal) => settle({ signal })));
      if (before.outcome !== 'aborted') return before;
      gateway = open();
      const known = ticket !== undefined && chance.percent(60) ? { ticket } : { mayHaveBeenSent: true };
      return call('settle redelivered', () => settle(known));
    },
  };

  const writeNotice = async (plan: NoticePlan): Promise<void> => {
    await sleep(stage, plan.writtenAfterMs);
    const entry = inWorld().entry();
    await sleep(stage, plan.delayMs);
    // Signed when it is sent, but of what was true when it was written.
    const genuine = entry === undefined ? undefined : await stage.during(Promise.resolve(account.notice?.(entry, theirs.now())));
    if (genuine === undefined) return;
    const notice = plan.forged ? await stage.during(forged(genuine)) : genuine;
    const isStale = Math.abs(weather.skewMs) >= 5 * 60_000;
    for (let time = 0; time < plan.times; time++) {
      try {
        const received = await line.receiving(gateway.receive(notice.clone()));
        if (received.verified === plan.forged && !isStale) breach('noticesAreTrue', received.verified ? 'a forged notice was believed' : `a genuine notice was refused: ${received.reason}`);
        if (received.verified) breach('noticesAreTrue', noticesAreTrue(received.verdict, inWorld().entry(), followsOf(received.ticket)));
      } catch (error) {
        breach('neverThrows', `receive: ${String(error)}`);
      }
    }
  };

  const live = async (): Promise<void> => {
    world = await openWorld({ seed, dice: chance, provider, scene, account, weather, clock: theirs });
    const notices = weather.notices.map(writeNotice);
    const { stealToken } = account;
    if (weather.tokenStolenAfterMs !== undefined && stealToken !== undefined) {
      stage.timer(weather.tokenStolenAfterMs, () => void inWorld().simulator.fetch(stealToken()).catch(() => undefined));
    }
    let last = await ways[weather.way]();
    if (isUnsettled(last) && weather.follows) last = await goOn(last);
    if (isUnsettled(last)) await calmDown();
    else if (isOver(last) && isOwn(scene)) world.decide('paid');
    await Promise.all(notices);
  };

  /** Somebody comes back to it while the storm still blows. */
  const goOn = async (before: Ending): Promise<Ending> => {
    if (weather.sleepsMs > 0) {
      await sleep(stage, weather.sleepsMs);
      sleptMs = weather.sleepsMs;
      gateway = open();
      if (sleptMs >= (query?.answersForMs ?? Infinity)) inWorld().forget();
    }
    if (before.outcome === 'absent' && weather.sendsAgain && sleptMs < assumptions.keyLivesMs) return call('settle again', () => settle());
    if (ticket === undefined || query === undefined) return before;
    const given = ticket;
    return call('follow', () => follow(given));
  };

  const calmDown = async (): Promise<void> => {
    inWorld().calm();
    gateway = open();
    if (ticket === undefined && line.requests > 0) breach('openHasATicket', 'the caller left without a ticket, and something had been sent');
    if (ticket === undefined || query === undefined) return;
    if (scene.hasOwnQuery !== true) inWorld().decide(weather.end);
    await sleep(stage, SOON_MS);
    const { deadlineMs } = inTheCalm.poll;
    const followed = (given: Ticket): Promise<Ending> => call('follow in the calm', () => follow(given, { policy: inTheCalm }), deadlineMs);
    let last = await followed(ticket);
    if (last.outcome === 'unresolved' && sameReference === 'replays' && sleptMs < assumptions.keyLivesMs) {
      const given = ticket;
      last = await call('settle in the calm', () => settle({ ticket: given, policy: inTheCalm }), deadlineMs);
      if (last.outcome === 'created') last = await followed(ticket);
    }
    const wrong = tellsTheTruth(last, scene, inWorld().entry());
    leftOpen = wrong === undefined ? undefined : whyOpen(last);
    if (leftOpen === undefined) breach('ticketSettlesInTheEnd', wrong);
  };

  /** The answer that would have named it was lost. */
  const isNumberLost = ({ reference }: Ticket): boolean => (operation.learns ?? []).some((name) => reference[name] === undefined);

  const whyOpen = (last: Ending): string | undefined => {
    const isOver = last.outcome === 'absent' && inWorld().entry()?.state === 'expired';
    if (scene.wants === 'off' && isOver) return 'the provider has one word for expired and not found';
    if (last.outcome !== 'unresolved') return undefined;
    if (scene.wants === 'off' && !isDone(scene, inWorld().entry())) return 'a cancel is called failed only once it was refused';
    if (scene.wants === 'off' && last.verdict?.reason === 'not-found') return 'the provider has one word for expired and not found';
    if (last.ticket?.lastSentAt === undefined && inWorld().entry() === undefined) return 'nothing was sent, as its ticket says: a follower calls it open';
    const isEndWithout = ['declined', 'expired', 'canceled', 'refunded'].includes(inWorld().entry()?.state ?? '');
    if (last.ticket?.repeats === true && isEndWithout) return 'the number may have been used before, and nothing tells whose try ended so';
    if (inWorld().isTaken) return 'another intention owns the number';
    if (sleptMs >= (query?.answersForMs ?? Infinity) && inWorld().entry() === undefined) return 'the provider does not answer for an order this old';
    if (last.ticket === undefined || query?.fields(last.ticket, ours.now()) === undefined || (last.verdict?.reason === 'unknown-outcome' && isNumberLost(last.ticket)) || query.incomplete?.(last.ticket) === true) return 'the provider answers only to its own number, which was lost';
    return undefined;
  };

  return {
    seed,
    provider: provider.name,
    scene: sceneName,
    weather,
    endings,
    violations,
    line,
    get world() {
      return world;
    },
    get leftOpen() {
      return leftOpen;
    },
    done: live(),
    judgeTheEnd(hasEnded) {
      if (!hasEnded) breach('endsInTime', 'a call never ended');
      const here = inWorld();
      breach('bookedAtMostOnce', bookedAtMostOnce(here.entry(), here.copies, here.strangers()));
      const last = endings.at(-1)?.ending;
      if (last !== undefined && last.outcome !== 'aborted') breach('overIsNeverPaidLater', overIsNeverPaidLater(momentOf(last)));
      if (ours.pending > 0) breach('nothingIsLeftBehind', `${ours.pending} timers in the end`);
    },
  };
}

/** Whatever a merchant's ky can be told to send again by. */
const eager: Options = {
  retry: { limit: 9, methods: ['get', 'post'], statusCodes: [200, 400, 402, 429, 500, 502, 503, 504], shouldRetry: () => true, retryOnTimeout: true, delay: () => 0 },
  hooks: {
    beforeRetry: [({ request }) => new Request(request)],
    afterResponse: [({ response }) => (response.ok ? undefined : ky.retry())],
  },
};

const isUnsettled = (last: Ending): boolean => last.outcome === 'aborted' || isOpen(last);

/** The ledger's entry is there because of this intention, and of no other. */
const isOwn = ({ opens, after }: Scene): boolean => opens === 'refund' || (opens !== undefined && after === undefined);

/** The same notice with other figures, by somebody who cannot sign it. */
async function forged(genuine: Request): Promise<Request> {
  const text = await genuine.text();
  const body = text.replaceAll(/[1-8]/g, (digit) => String(Number(digit) + 1));
  return new Request(genuine.url, { method: genuine.method, headers: genuine.headers, body });
}

const breath = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 0));
