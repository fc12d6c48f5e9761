import { getEventListeners } from 'node:events';
import ky, { type KyInstance, type Options } from 'ky';
import type {
  Adapter,
  CallPolicy,
  FollowOptions,
  Gateway,
  GatewayEvent,
  Policy,
  SettleOptions,
  Ticket,
} from '../../src/index.ts';
import type { LedgerEntry } from '../../src/testing/index.ts';
import { constant, createGateway, isFinal, isReferenceInUseError, steps } from '../../src/index.ts';
import { MOST_RARELY_MS } from '../../src/engine/notices.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { assumptions } from './assumptions.ts';
import { latenessMs, type StormClock } from './clock.ts';
import { dice } from './dice.ts';
import { byClient, byFetch, bySettle, ending, endingOf, type Writing } from './doors.ts';
import {
  asksCalmly,
  atEveryEnd,
  bookedAtMostOnce,
  goesOnAsking,
  isDone,
  isOpen,
  isOver,
  isWord,
  keepsToTheLimit,
  noticesAreTrue,
  overIsNeverPaidLater,
  settledStaysSettled,
  tellsTheTruth,
  type Ending,
  type Moment,
  type Rule,
  type Violation,
} from './invariants.ts';
import { tapLine, type Line, type OnWire } from './line.ts';
import type { Order, Provider, Scene } from './providers.ts';
import type { Shop } from './shop.ts';
import {
  cancelMsOf,
  draw,
  withCancel,
  withManners,
  type Moment as During,
  type NextTry,
  type NoticePlan,
  type Weather,
} from './weather.ts';
import { openWorld, type World } from './world.ts';

/** One payment in the storm, from its seed to its end. */
export interface Story {
  readonly seed: number;
  readonly provider: string;
  readonly scene: string;
  readonly weather: Weather;
  readonly endings: readonly { readonly call: string; readonly ending: Ending }[];
  readonly violations: Violation[];
  readonly line: Pick<Line, 'requests' | 'sends'>;
  readonly world: World | undefined;
  /** Where it was one of many. */
  readonly shop?: Shop | undefined;
  /** Why a ticket could not find out in the end, and need not. */
  readonly leftOpen: string | undefined;
  readonly done: Promise<void>;
  /** What can only be said when all that is on its way has arrived. */
  judgeTheEnd(hasEnded: boolean): void;
}

/** Once the faults have stopped, a ticket is followed so long, so slowly, and "not found" is believed so late. */
const inTheCalm = {
  poll: { deadlineMs: 30 * 60_000, backoff: steps([5_000, 11 * 60_000, 9 * 60_000]), absentAfterMs: 10 * 60_000 },
};

/** By then the payer has made up his mind. */
const SOON_MS = 2_000;

/** His requests are marked, and never reach the gateway. */
const SOMEBODY_ELSES = 'x-somebody-elses';

/**
 * @param onEvent everything tillpaid says, while it says it, and when that is
 * @param shop whose payment it is, beside others. Default: it is alone
 */
export function tell(
  seed: number,
  providers: readonly Provider[],
  clock: StormClock,
  onEvent?: (event: GatewayEvent, atMs: number) => void,
  shop?: Shop,
): Story {
  const chance = dice(seed);
  const provider = shop?.provider ?? chance.weigh(providers.map(each => [each.weight, each] as const));
  const [sceneName, scene] = chance.weigh(
    Object.entries(shop?.scenes ?? provider.scenes).map(
      named => [named[1].after === undefined ? 3 : 1, named] as const,
    ),
  );
  const own = draw(chance, provider, scene);
  const drawn = shop?.weatherOf(seed, own) ?? own;
  const account = shop?.account ?? provider.open(seed, chance.percent(30));
  const { adapter } = account;
  const canceled = withCancel(dice(seed + 0.6), drawn, adapter.operations[scene.operation]);
  const weather = shop === undefined ? withManners(dice(seed + 0.7), canceled, adapter) : canceled;
  /** The shop's gateway has one policy, and each call its own. */
  const callPolicy = shop === undefined ? undefined : forCall(weather.policy);
  /** At the deadline what is open is canceled: so long it may take. */
  const cancelMs = cancelMsOf(weather);
  /** Signing takes a moment, in which a notice may come. */
  const signing: Adapter = {
    ...adapter,
    async headers(send) {
      if (send.operation === scene.operation && line.sends > 0 && waiting.size > 0 && !isSomebodyElses(send))
        await comes('signing');
      return adapter.headers(send);
    },
  };
  const operation = adapter.operations[scene.operation];
  if (operation === undefined || !('sameReference' in operation))
    throw new Error(`${provider.name} has no write ${scene.operation}.`);
  const { query, sameReference } = operation;

  const beganAtMs = clock.now();
  const { frozen, madeBeforeMs } = weather;
  const sendsFromMs = beganAtMs + madeBeforeMs;
  const ours = clock.party({
    of: seed,
    chance: dice(seed + 0.5),
    ...(frozen !== undefined && {
      frozen: { fromMs: sendsFromMs + frozen.afterMs, untilMs: sendsFromMs + frozen.afterMs + frozen.forMs },
    }),
    steps: weather.clockSteps.map(({ afterMs, forMs, byMs }) => ({
      fromMs: sendsFromMs + afterMs,
      untilMs: sendsFromMs + afterMs + forMs,
      byMs,
    })),
  });
  const theirs = clock.party({ of: seed, chance: dice(seed + 0.25), skewMs: weather.skewMs });
  /** When requests left the gateway object that is there now. */
  let leftAtMs: number[] = [];
  const stage = clock.party({ of: seed, chance: dice(seed + 0.75) });

  const violations: Violation[] = [];
  const breach = (rule: Rule, says: string | undefined): void => {
    if (says !== undefined) violations.push({ rule, says });
  };
  let world: World | undefined;
  const line = tapLine({
    adapter,
    operation: scene.operation,
    cancelMs,
    now: () => clock.now(),
    wallMs: () => ours.now(),
    fetch: request => inWorld().fetch(request),
    onLeaving: () => void leftAtMs.push(clock.now()),
    onAnswer: async kind => whileOnWire(kind),
    onBreach: breach,
  });
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
  const shopKy = (): KyInstance => ky.create({ fetch: shopFetch, ...(weather.isEager && eager) });
  const shopFetch: typeof fetch = async (input, init) => {
    const isElses = input instanceof Request && input.headers.has(SOMEBODY_ELSES);
    if (!isElses) return line.fetch(input, init);
    if (isHeld !== undefined) {
      isHeld();
      isHeld = undefined;
      // Whatever is sent now comes to stand in the queue, and the notice before the slot is free.
      await stage.during(turns());
      await comes('queueing');
    }
    throw new TypeError('fetch failed');
  };
  /** To be called when somebody else has the slot. */
  let isHeld: (() => void) | undefined;
  /** A process of the shop's. */
  const open = (isCalm = false): Gateway<object> => {
    line.heard(undefined);
    if (shop !== undefined) return shop.gateway(isCalm);
    judgeTheLimit();
    return createGateway({
      adapter: signing,
      client: shopKy(),
      ...(weather.shopFetch.does === 'sends-once' && { fetchSendsOnce: true }),
      policy: weather.policy,
      clock: ours,
      ...(onEvent !== undefined && {
        onEvent: (event: GatewayEvent) =>
          Object.values(event.reference).includes(`${inWorld().order.reference}E`)
            ? undefined
            : onEvent(event, clock.now()),
      }),
    });
  };
  const judgeTheLimit = (): void => {
    const { perSecond = Infinity, perMinute = Infinity } = weather.policy.limit ?? {};
    breach('keepsToTheLimit', keepsToTheLimit(leftAtMs, perSecond, 1_000));
    breach('keepsToTheLimit', keepsToTheLimit(leftAtMs, perMinute, 60_000));
    leftAtMs = [];
  };
  let gateway = open();
  const copied = (given: Ticket): Ticket => JSON.parse(JSON.stringify(given)) as Ticket;

  /** Where the shop stores what `onTicket` tells. */
  const onTicket = (given: Ticket): void => void (ticket = copied(given));
  /** The first question has been answered, and truly: whoever is to die once he has heard of the order may go. */
  let onSeen = (): void => undefined;
  const writing = (more: SettleOptions = {}, order: Order = inWorld().order): Writing => {
    const { key } = inWorld();
    const made =
      unsent === undefined ? {} : { ticket: copied(unsent), mayHaveBeenSent: weather.leavesAfterMs % 2 === 0 };
    const options = {
      ...(key !== undefined && more.ticket === undefined && { idempotencyKey: key }),
      onTicket,
      ...made,
      ...more,
      ...policyOver(more.policy),
    };
    return { gateway, operation: scene.operation, fields: scene.fields(order), options };
  };
  const policyOver = (more: CallPolicy | undefined): { readonly policy?: CallPolicy } => {
    const policy = callPolicy === undefined ? more : over(callPolicy, more);
    return policy === undefined ? {} : { policy };
  };
  /** Made long before it is sent. */
  let unsent: Ticket | undefined;
  const safely = (run: () => Promise<Ending>, signal?: AbortSignal): Promise<Ending> =>
    ending(run, signal, says => breach('neverThrows', says));
  const settle = (more?: SettleOptions): Promise<Ending> => safely(() => bySettle(writing(more)), more?.signal);
  const follow = (given: Ticket, options: FollowOptions = {}): Promise<Ending> =>
    safely(
      async () =>
        endingOf(await gateway.untilSettled(copied(given), { onTicket, ...options, ...policyOver(options.policy) })),
      options.signal,
    );

  /** One call of tillpaid, held against the rules when it ends. */
  const call = async (
    name: string,
    run: () => Promise<Ending>,
    deadlineMs = weather.policy.poll?.deadlineMs ?? 0,
    asksFirst = false,
  ): Promise<Ending> => {
    const watch = line.watch(
      name,
      name.startsWith('settle') ? (weather.policy.retry?.attempts ?? 0) : 0,
      deadlineMs,
      asksFirst && canAskFirst(),
    );
    const last = await run();
    line.end('it was settled');
    const tookMs = clock.now() - watch.beganAtMs;
    await Promise.all(holders.splice(0));
    ours.setRight();
    endings.push({ call: name, ending: last });
    breach('settlementsKeepTheirShape', last.unlike);
    if (last.ticket !== undefined) ticket = copied(last.ticket);
    if (last.outcome !== 'aborted') {
      const moment = momentOf(last);
      for (const [rule, check] of atEveryEnd) breach(rule, check(moment));
    }
    breach('asksCalmly', asksCalmly(watch.asks, tookMs));
    const { limit } = { ...weather.policy, ...shop?.policy };
    // It waits for its deadline then, to be canceled.
    const isPutOff = cancelMs > 0 && watch.longestRetryAfterMs > (weather.policy.retry?.maxRetryAfterMs ?? Infinity);
    // Here a timer may fire seconds late, and so a second's permits.
    const isSlowed = limit?.perMinute !== undefined || limit?.perSecond !== undefined || isPutOff;
    if (frozen === undefined && last.outcome !== 'aborted' && !isSlowed) {
      const isLeftOpen = last.outcome === 'unresolved' && canBeAsked(last.ticket);
      breach('goesOnAsking', goesOnAsking({ ...watch, endedAtMs: clock.now() }, isLeftOpen, ...paceOf(deadlineMs)));
    }
    // Each notice may have its question, also when the last one had been asked.
    const mostMs =
      deadlineMs +
      cancelMs +
      (frozen?.forMs ?? 0) +
      weather.notices.length * (weather.policy.attemptTimeoutMs ?? 0) +
      2 * (weather.policy.attemptTimeoutMs ?? 0) +
      4 * latenessMs(clock.now() - beganAtMs);
    if (tookMs > mostMs) breach('endsInTime', `${name} took ${tookMs} ms; ${mostMs} ms were allowed`);
    // What unwinds does so in promises: a moment later nothing may be left.
    await ours.during(breath());
    if (ours.pending > 0 && !line.isReceiving) breach('nothingIsLeftBehind', `${ours.pending} timers after ${name}`);
    return last;
  };

  const canBeAsked = (given: Ticket | undefined): boolean =>
    given !== undefined && query?.fields(given, ours.now()) !== undefined;
  /** The longest wait of a call, and how much longer it may be before the next question has left. */
  const paceOf = (deadlineMs: number): readonly [number, number] => {
    const isCalm = deadlineMs === inTheCalm.poll.deadlineMs;
    const { poll = {}, retry = {}, attemptTimeoutMs = 0 } = weather.policy;
    const backoff = isCalm ? inTheCalm.poll.backoff : poll.backoff;
    const longestMs = typeof backoff === 'object' ? backoff.maxMs : Infinity;
    const { batch, notices } = (shop?.policy ?? weather.policy).poll ?? {};
    const windowMs = typeof batch === 'object' ? (batch.windowMs ?? 0) : 0;
    const slackMs = windowMs + 3 * attemptTimeoutMs + 8 * latenessMs(clock.now() - beganAtMs);
    // While notices come, it is asked about as seldom as this.
    const rareMs = shop !== undefined && notices === true ? MOST_RARELY_MS : 0;
    return [Math.max(longestMs, retry.backoff?.maxMs ?? 0, rareMs), slackMs];
  };

  const momentOf = (last: Ending): Moment => {
    const here = inWorld();
    const { order, isTaken, isMisled, copies } = here;
    return {
      ending: last,
      scene,
      entry: here.entry(),
      amount: scene.amount?.(order.minor),
      isTaken,
      isCopied: copies > 0,
      isMisled,
    };
  };

  /** The caller leaves in the middle. */
  const leaving = async (
    run: (signal: AbortSignal) => Promise<Ending>,
    afterMs = weather.leavesAfterMs,
    onceSeen = weather.leavesOnceSeen === 'caller',
  ): Promise<Ending> => {
    const controller = new AbortController();
    let leftAtMs = Infinity;
    let cancel = (): void => undefined;
    const leave = (): void => {
      leftAtMs = clock.now();
      line.end('the caller had left');
      controller.abort(new Error('The caller has left.'));
    };
    const leaveSoon = (): void => {
      cancel();
      cancel = stage.timer(afterMs, leave);
    };
    if (onceSeen) onSeen = () => (leaveSoon(), (onSeen = () => undefined));
    else leaveSoon();
    const last = await run(controller.signal);
    onSeen = () => undefined;
    cancel();
    if (clock.now() > leftAtMs) breach('neverThrows', `an abort took ${clock.now() - leftAtMs} ms`);
    await ours.during(breath());
    const listeners = getEventListeners(controller.signal, 'abort').length;
    if (listeners > 0) breach('nothingIsLeftBehind', `${listeners} listeners on the caller's signal`);
    return last;
  };

  const ways: Readonly<Record<Weather['way'], () => Promise<Ending>>> = {
    settle: () => call('settle', () => settle()),
    client: () => untilNothingIsThrown('settle by the client', byClient),
    fetch: () => untilNothingIsThrown('settle by fetch', byFetch),
    twice: () =>
      call('settle twice', async () => {
        // Each has a signal of his own: when one leaves, the other still hears how it ends.
        const controller = new AbortController();
        const cancel = stage.timer(weather.leavesAfterMs, () =>
          controller.abort(new Error('One of the two has left.')),
        );
        const [one, other] = await Promise.all([settle({ signal: controller.signal }), settle()]);
        cancel();
        if (one.outcome !== 'aborted' && one.outcome !== other.outcome)
          breach('callersAgree', `${one.outcome} and ${other.outcome}`);
        if (other.outcome === 'aborted') breach('callersAgree', 'one left, and the other was sent away');
        return other;
      }),
    abort: () => call('settle and leave', () => leaving(signal => settle({ signal }))),
    async redelivered() {
      const before = await call('settle and die', () => leaving(signal => settle({ signal })));
      if (before.outcome !== 'aborted') return before;
      gateway = open();
      const known =
        ticket !== undefined && chance.percent(60) ? { ticket, mayHaveBeenSent: true } : { mayHaveBeenSent: true };
      return call('settle redelivered', () => settle(known));
    },
  };

  /** What is asked for again of the gateway object that has settled it. */
  const again = async (name: string, before: Ending, run: () => Promise<Ending>): Promise<Ending> => {
    const { sends } = line;
    const isOpenStill = before.outcome === 'unresolved' || before.outcome === 'absent';
    const last = await call(name, run, undefined, isOpenStill);
    const isForgotten = isTarget && before.outcome !== 'succeeded';
    if (!isForgotten && last.outcome !== 'aborted')
      breach('settledStaysSettled', settledStaysSettled(before, last, line.sends - sends, weather.notices.length > 0));
    return last;
  };

  /** A client that sends again whatever is thrown. */
  const untilNothingIsThrown = async (name: string, door: (writing: Writing) => Promise<Ending>): Promise<Ending> => {
    let last = await call(name, () => safely(() => door(writing())));
    // ky's own retry, forced by a hook, ends with its own error where there was nothing to send.
    for (let left = weather.isEager ? 0 : weather.retries; left > 0 && last.isThrown === true; left--) {
      const { key } = inWorld();
      const fresh =
        key !== undefined && weather.freshKeys && !isKeyed && unsent === undefined
          ? { idempotencyKey: key.replace('-8000-', `-800${left}-`) }
          : {};
      last = await again(`${name} again`, last, () => safely(() => door(writing(fresh))));
    }
    return last;
  };

  /** The number is settled again: the same intention by mistake, or another one. */
  const askAgain = async (before: Ending, fields: Weather['again']): Promise<Ending> => {
    if (fields === 'same fields') return again('settle the same again', before, () => settle());
    const { order } = inWorld();
    // After a stated end, or when nothing has landed, other fields are a new try.
    const isTaken = isWord(before)
      ? !['failed', 'canceled', 'expired'].includes(before.outcome)
      : before.outcome === 'unresolved' || before.outcome === 'absent';
    if (!isTaken || scene.amount === undefined || scene.opens === undefined) return before;
    const { sends } = line;
    try {
      line.watch('settle another', 0, 0, false);
      const { outcome } = await bySettle(
        writing({ mayHaveBeenSent: false, onTicket: () => undefined }, { ...order, minor: order.minor + 7 }),
      );
      breach('settledStaysSettled', `other fields were ${outcome} after ${before.outcome}`);
    } catch (error) {
      if (!isReferenceInUseError(error))
        breach('settledStaysSettled', `other fields after ${before.outcome}: ${String(error)}`);
    }
    line.end('it was settled');
    if (line.sends > sends) breach('settledStaysSettled', `other fields were sent after ${before.outcome}`);
    return before;
  };

  /** The payer was declined, and tries again. */
  const tryAgain = async (plan: NextTry): Promise<Ending> => {
    inWorld().tryAgain(plan);
    line.heard(undefined);
    ticket = undefined;
    unsent = undefined;
    return call('settle another try', () => settle(plan.fields === 'equal' ? { newTry: true } : {}));
  };

  /** What is about to happen, for which a notice waits. */
  const waiting = new Set<NoticePlan & { readonly during: During }>();
  const arriving: Promise<void>[] = [];
  const comes = async (during: During): Promise<void> => {
    for (const plan of [...waiting].filter(each => each.during === during)) {
      const entry = inWorld().entry();
      if (entry === undefined) return;
      waiting.delete(plan);
      const delivery = deliver(plan, entry);
      arriving.push(delivery);
      // A query that it gives rise to may need the very slot that is held here.
      await Promise.race([delivery, sleep(stage, 50)]);
    }
  };
  /** Its own numbers, those of the payment it is about, and of others that were made for it. */
  const numbers = new RegExp(`(?<![0-9])260131[-_N]${seed}(?![0-9])`);
  const owns = (text: string): boolean => numbers.test(text);
  const isSomebodyElses = ({ body, path }: { readonly body: string; readonly path: string }): boolean =>
    (body + path).includes(`${inWorld().order.reference}E`);

  /** Those who hold a slot. */
  const holders: Promise<unknown>[] = [];
  const whileOnWire = async (kind: OnWire): Promise<void> => {
    if (kind === 'ask') onSeen();
    if (waiting.size === 0) return;
    if (kind === 'send') return comes('sending');
    if (kind !== 'ask') return;
    const { absentAfterMs = 0, resendWhenAbsent = false } = weather.policy.poll ?? {};
    const maySendAgain = resendWhenAbsent && clock.now() - line.sentAtMs >= absentAfterMs;
    if (maySendAgain || !weather.isCrowded) await comes('asking');
    if (!maySendAgain || !weather.isCrowded || inWorld().entry() === undefined || holders.length > 0) return;
    // Whatever is sent now has to wait for its slot.
    const held = Promise.withResolvers<undefined>();
    holders.push(holdSlot(() => held.resolve(undefined)));
    await held.promise;
  };
  const holdSlot = (onHeld: () => void): Promise<unknown> => {
    isHeld = onHeld;
    const other = (scene.after === undefined ? undefined : provider.scenes[scene.after]) ?? scene;
    const fields = other.fields({
      reference: `${inWorld().order.reference}E`,
      minor: 999,
      of: { reference: '', providerId: '' },
    });
    const policy = { retry: { attempts: 1 }, poll: { deadlineMs: 0, cancelAtDeadline: false } };
    return byClient(
      { gateway, operation: other.operation, fields, options: { policy } },
      { [SOMEBODY_ELSES]: 'yes' },
    ).catch(() => undefined);
  };

  const writeNotice = async (plan: NoticePlan): Promise<void> => {
    const { during } = plan;
    if (during !== undefined) return void waiting.add({ ...plan, during });
    await sleep(stage, plan.writtenAfterMs);
    const entry = inWorld().entry();
    await sleep(stage, plan.delayMs);
    return deliver(plan, entry);
  };

  const deliver = async (plan: NoticePlan, entry: LedgerEntry | undefined): Promise<void> => {
    // Signed when it is sent, but of what was true when it was written.
    const genuine =
      entry === undefined ? undefined : await stage.during(Promise.resolve(account.notice?.(entry, theirs.now())));
    if (genuine === undefined) return;
    const notice = plan.forged ? await stage.during(forged(genuine)) : genuine;
    const isStale = Math.abs(theirs.now() - ours.now()) >= 5 * 60_000;
    // Of an earlier try, or to another process, it says nothing that must be heeded.
    const to = gateway;
    const of = entry?.providerId;
    for (let time = 0; time < plan.times; time++) {
      try {
        const received = await line.receiving(to.receive(notice.clone()));
        const isHeeded =
          received.verified &&
          !received.confirm &&
          isFinal(received.verdict, { effect: 'read' }) &&
          received.verdict.kind === 'terminal';
        if (
          isHeeded &&
          scene.opens !== undefined &&
          sameReference !== 'replays' &&
          !inWorld().isTaken &&
          to === gateway &&
          of === inWorld().entry()?.providerId
        )
          line.heard(received.verdict.outcome);
        if (received.verified === plan.forged && !isStale)
          breach(
            'noticesAreTrue',
            received.verified ? 'a forged notice was believed' : `a genuine notice was refused: ${received.reason}`,
          );
        if (received.verified)
          breach('noticesAreTrue', noticesAreTrue(received.verdict, inWorld().entry(), followsOf(received.ticket)));
      } catch (error) {
        breach('neverThrows', `receive: ${String(error)}`);
      }
    }
  };

  const live = async (): Promise<void> => {
    const { simulator } = shop ?? {};
    world = await openWorld({ seed, dice: chance, provider, scene, account, weather, clock: theirs, simulator });
    shop?.join({ owns, line });
    if (shop !== undefined) await sleep(stage, shop.startsAfterMs(seed));
    if (madeBeforeMs > 0 && world.key === undefined) {
      unsent = copied(gateway.ticketFor(scene.operation as never, scene.fields(world.order) as never));
      ticket = unsent;
      if (weather.isWatched && query !== undefined) watching = watched(unsent);
    }
    if (madeBeforeMs > 0) await sleep(stage, madeBeforeMs);
    const notices = weather.notices.map(writeNotice);
    const { stealToken } = account;
    if (weather.tokenStolenAfterMs !== undefined && stealToken !== undefined) {
      stage.timer(
        weather.tokenStolenAfterMs,
        () =>
          void inWorld()
            .simulator.fetch(stealToken())
            .catch(() => undefined),
      );
    }
    let last = await ways[weather.way]();
    unsent = undefined;
    if (weather.again !== undefined && last.outcome !== 'aborted') last = await askAgain(last, weather.again);
    const { nextTry } = weather;
    if (nextTry !== undefined && last.outcome === 'failed' && world.entry()?.state === 'declined')
      last = await tryAgain(nextTry);
    if (isUnsettled(last) && weather.follows) last = await goOn(last);
    if (isUnsettled(last)) await calmDown();
    else if (isOver(last) && isOwn(scene)) world.decide('paid');
    await Promise.all([...notices, watching]);
    await Promise.all(arriving);
  };

  /** Another process, with the ticket as it was made. */
  let watching: Promise<void> | undefined;
  const watched = async (given: Ticket): Promise<void> => {
    const other = createGateway({
      adapter,
      client: ky.create({ fetch: (input, init) => inWorld().simulator.fetch(input, init) }),
      fetchSendsOnce: true,
      clock: clock.party({ of: seed, chance: dice(seed + 0.9) }),
    });
    const deadlineMs = madeBeforeMs + 60_000;
    const last = await safely(async () =>
      endingOf(
        await other.untilSettled(given, {
          policy: {
            poll: { deadlineMs, absentAfterMs: assumptions.shortestAbsenceMs, backoff: constant(deadlineMs / 20) },
          },
        }),
      ),
    );
    const moment = momentOf(last);
    for (const [rule, check] of atEveryEnd) breach(rule, check(moment));
    if (last.outcome === 'absent') breach('paidIsNeverCalledOver', 'absent, though its ticket knows of no send');
  };

  /** Somebody comes back to it while the storm still blows. */
  const goOn = async (before: Ending): Promise<Ending> => {
    if (weather.sleepsMs > 0) {
      await sleep(stage, weather.sleepsMs);
      sleptMs = weather.sleepsMs;
      gateway = open();
      if (sleptMs >= (query?.answersForMs ?? Infinity)) inWorld().forget();
    }
    if (before.outcome === 'absent' && weather.sendsAgain && sleptMs < assumptions.keyLivesMs) {
      const { poll } = weather.policy;
      const absentAfterMs = poll?.absentAfterMs ?? assumptions.shortestAbsenceMs;
      const policy = {
        poll: { absentAfterMs, deadlineMs: Math.max(poll?.deadlineMs ?? 0, absentAfterMs), resendWhenAbsent: true },
      };
      return call('settle again', () => settle(sleptMs > 0 ? {} : { policy }), policy.poll.deadlineMs, sleptMs === 0);
    }
    if (ticket === undefined || query === undefined) return before;
    for (const diesAfterMs of weather.deaths) {
      const given = ticket;
      const last = await call('follow and die', () =>
        leaving(signal => follow(given, { signal }), diesAfterMs, weather.leavesOnceSeen === 'follower'),
      );
      if (last.outcome !== 'aborted') return last;
      gateway = open();
    }
    const given = ticket;
    return call('follow', () => follow(given));
  };

  const calmDown = async (): Promise<void> => {
    inWorld().calm();
    gateway = open(true);
    // A process that sleeps through the calm finds nothing out.
    if (frozen !== undefined)
      await sleep(stage, Math.max(0, sendsFromMs + frozen.afterMs + frozen.forMs - clock.now()));
    if (ticket === undefined && line.requests > 0)
      breach('openHasATicket', 'the caller left without a ticket, and something had been sent');
    if (ticket === undefined || query === undefined) return;
    if (scene.hasOwnQuery !== true) inWorld().decide(weather.end);
    await sleep(stage, SOON_MS);
    const { deadlineMs } = inTheCalm.poll;
    const followed = (given: Ticket): Promise<Ending> =>
      call('follow in the calm', () => follow(given, { policy: inTheCalm }), deadlineMs);
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

  /** What acts on a payment is known by it, and remembered only as done. */
  const isTarget =
    operation.identity === 'target' || (operation.identity === undefined && operation.follows === 'cancel');
  /** A key alone tells it from another one: with a fresh key it is another one. */
  const isKeyed =
    scene.byKey === true || (typeof operation.identity === 'object' && operation.identity.number === undefined);
  /** Where nothing can be asked, only a second send finds out: it is sent again where the provider replays. */
  const canAskFirst = (): boolean =>
    sameReference !== 'replays' && ticket !== undefined && query?.fields(ticket, ours.now()) !== undefined;

  /** The answer that would have named it was lost. */
  const isNumberLost = ({ reference }: Ticket): boolean =>
    (operation.learns ?? []).some(name => reference[name] === undefined);

  const whyOpen = (last: Ending): string | undefined => {
    const isOver = last.outcome === 'absent' && inWorld().entry()?.state === 'expired';
    if (scene.wants === 'off' && isOver) return 'the provider has one word for expired and not found';
    if (last.outcome !== 'unresolved') return undefined;
    if (scene.wants === 'off' && !isDone(scene, inWorld().entry()))
      return 'a cancel is called failed only once it was refused';
    if (scene.wants === 'off' && last.verdict?.reason === 'not-found')
      return 'the provider has one word for expired and not found';
    if (last.ticket?.lastSentAt === undefined && !isDone(scene, inWorld().entry()))
      return 'nothing was sent, as its ticket says: a follower calls it open';
    const isEndWithout = ['declined', 'expired', 'canceled', 'refunded'].includes(inWorld().entry()?.state ?? '');
    if (last.ticket?.repeats === true && isEndWithout)
      return 'the number may have been used before, and nothing tells whose try ended so';
    if (last.verdict?.kind === 'terminal' && Math.abs(weather.skewMs) >= 5 * 60_000)
      return 'the gateway refuses every question of a clock so wrong';
    if (inWorld().isTaken) return 'another intention owns the number';
    if (inWorld().isOnlyEarlier) return 'all that is known of its number is an earlier try';
    if (sleptMs >= (query?.answersForMs ?? Infinity) && inWorld().entry() === undefined)
      return 'the provider does not answer for an order this old';
    if (
      last.ticket === undefined ||
      query?.fields(last.ticket, ours.now()) === undefined ||
      (last.verdict?.reason === 'unknown-outcome' && isNumberLost(last.ticket)) ||
      query.incomplete?.(last.ticket) === true
    )
      return 'the provider answers only to its own number, which was lost';
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
    shop,
    get leftOpen() {
      return leftOpen;
    },
    done: live(),
    judgeTheEnd(hasEnded) {
      if (!hasEnded) breach('endsInTime', 'a call never ended');
      const here = inWorld();
      breach('bookedAtMostOnce', bookedAtMostOnce(here.entry(), here.copies, here.strangers()));
      const last = endings.at(-1)?.ending;
      if (last !== undefined && last.outcome !== 'aborted')
        breach('overIsNeverPaidLater', overIsNeverPaidLater(momentOf(last)));
      if (ours.pending > 0) breach('nothingIsLeftBehind', `${ours.pending} timers in the end`);
      judgeTheLimit();
    },
  };
}

/** Whatever a merchant's ky can be told to send again by. */
const eager: Options = {
  retry: {
    limit: 9,
    methods: ['get', 'post'],
    statusCodes: [200, 400, 402, 429, 500, 502, 503, 504],
    shouldRetry: () => true,
    retryOnTimeout: true,
    delay: () => 0,
  },
  hooks: {
    beforeRetry: [({ request }) => new Request(request)],
    afterResponse: [({ response }) => (response.ok ? undefined : ky.retry())],
  },
};

/** What a call may say for itself. */
function forCall({ retry, poll, attemptTimeoutMs }: Policy): CallPolicy {
  const { quota: _quota, ...sends } = retry ?? {};
  const { batch: _batch, notices: _notices, ...asks } = poll ?? {};
  const isOnce = sends.attempts === 1;
  return {
    retry: sends,
    poll: { ...asks, ...(isOnce && { resendWhenAbsent: false }) },
    ...(attemptTimeoutMs !== undefined && { attemptTimeoutMs }),
  };
}

const over = (own: CallPolicy, more: CallPolicy = {}): CallPolicy => ({
  ...own,
  ...more,
  retry: { ...own.retry, ...more.retry },
  poll: { ...own.poll, ...more.poll },
});

const isUnsettled = (last: Ending): boolean => last.outcome === 'aborted' || isOpen(last);

/** The ledger's entry is there because of this intention, and of no other. */
const isOwn = ({ opens, after }: Scene): boolean => opens === 'refund' || (opens !== undefined && after === undefined);

/** The same notice with other figures, by somebody who cannot sign it. */
async function forged(genuine: Request): Promise<Request> {
  const text = await genuine.text();
  const body = text.replaceAll(/[1-8]/g, digit => String(Number(digit) + 1));
  return new Request(genuine.url, { method: genuine.method, headers: genuine.headers, body });
}

/** Lets everybody act for a while, with the clock where it is. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await breath();
}

const breath = (): Promise<void> => new Promise(resolve => void setTimeout(resolve, 0));
