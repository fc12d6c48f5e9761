import ky from 'ky';
import { createGateway, type Gateway, type GatewayEvent, type Settlement } from '../../src/index.ts';
import { createJournal, type Journal } from '../../src/journal/journal.ts';
import type { Row } from '../../src/journal/store.ts';
import { createWorker } from '../../src/journal/worker.ts';
import { sleep } from '../../src/testing/sleep.ts';
import type { StormClock } from './clock.ts';
import { dice } from './dice.ts';
import { bySettle, ending, endingOf } from './doors.ts';
import {
  atEveryEnd,
  bookedAtMostOnce,
  isWord,
  overIsNeverPaidLater,
  type Ending,
  type Moment,
  type Rule,
  type Violation,
} from './invariants.ts';
import { drawDeath, Mortal, type Death } from './mortal.ts';
import type { Provider } from './providers.ts';
import type { Story } from './story.ts';
import { calm, draw, withCancel, withManners, type Weather } from './weather.ts';
import { openWorld, type World } from './world.ts';

/** Who works on the payment, and when each of them dies: drawn with the weather. */
interface Cast {
  /** Two shops that settle it at the same time, or one. */
  readonly shops: readonly (Death | undefined)[];
  /** The merchant tries again so long after a shop has died; `undefined`: he does not. */
  readonly againAfterMs: number | undefined;
  /** Workers, one after the other; the last one lives. */
  readonly workers: readonly (Death | undefined)[];
  /** Of a hundred deliveries so many fail. */
  readonly failing: number;
}

/** So long the storm blows, at most. */
const STORM_MS = 20 * 60_000;
/** And so long everything has to come to rest. */
const REST_MS = 6 * 3_600_000;

const atRest: ReadonlySet<string> = new Set(['delivered', 'archived', 'unsent', 'parked']);

/**
 * One payment in the storm with a journal: its processes die, and others go on.
 *
 * @param journal of this payment alone
 */
export function tellWithJournal(
  seed: number,
  providers: readonly Provider[],
  clock: StormClock,
  journal: Journal,
  onEvent?: (event: GatewayEvent, atMs: number) => void,
): Story {
  const chance = dice(seed);
  const provider = chance.weigh(providers.map(each => [each.weight, each] as const));
  const [sceneName, scene] = chance.weigh(
    Object.entries(provider.scenes).map(named => [named[1].after === undefined ? 3 : 1, named] as const),
  );
  const drawn = draw(chance, provider, scene);
  // Where only a notice tells, somebody has to bring it.
  const isTold = drawn.queries.then.fault === 'not-found';
  const account = provider.open(seed, chance.percent(30));
  const { adapter } = account;
  const own = { ...drawn, ...(isTold && { queries: calm }), madeBeforeMs: 0, clockSteps: [] };
  const canceling = withCancel(dice(seed + 0.6), own, adapter.operations[scene.operation]);
  // Whoever takes it up does not know of the cancel (assumptions.ts, 10).
  const cancels = canceling.policy.poll?.cancelAtDeadline === true;
  const weather = withManners(dice(seed + 0.7), { ...canceling, ...(cancels && { lagMs: 0 }) }, adapter);
  const cast = drawCast();
  const theirs = clock.party({ of: seed, chance: dice(seed + 0.25), skewMs: weather.skewMs });
  const stage = clock.party({ of: seed, chance: dice(seed + 0.75) });

  const violations: Violation[] = [];
  const breach = (rule: Rule, says: string | undefined): void => {
    if (says !== undefined) violations.push({ rule, says });
  };
  const endings: { call: string; ending: Ending }[] = [];
  const delivered = new Map<string, Ending>();
  /** What was told, each with how many sends there had been by then. */
  const told: { readonly last: Ending; readonly sends: number }[] = [];
  let rows: readonly Row[] = [];
  let world: World | undefined;
  let leftOpen: string | undefined;
  let processes = 0;
  let hasDied = false;
  let requests = 0;
  let sends = 0;

  function drawCast(): Cast {
    const death = (percent: number): Death | undefined => (chance.percent(percent) ? drawDeath(chance) : undefined);
    return {
      shops: chance.percent(20) ? [death(60), death(60)] : [death(80)],
      againAfterMs: chance.percent(60) ? chance.between(0, 90_000) : undefined,
      workers: Array.from({ length: chance.between(0, 3) }, () => drawDeath(chance)),
      failing: chance.pick([0, 0, 20]),
    };
  }

  const inWorld = (): World => {
    if (world === undefined) throw new Error('It has not begun.');
    return world;
  };

  interface Process {
    readonly mortal: Mortal;
    readonly gateway: Gateway<object>;
    readonly journal: Journal;
  }

  /** A process with a gateway object of its own, on the same journal. */
  const birth = (death: Death | undefined): Process => {
    const mortal = new Mortal(clock.party({ of: seed, chance: dice(seed + ++processes / 100) }), death);
    void mortal.died.then(() => (hasDied = true));
    const own = createJournal(mortal.store(journal.store));
    const send: typeof fetch = (input, init) => {
      requests++;
      return inWorld().fetch(new Request(input, init));
    };
    const gateway = createGateway({
      adapter: account.adapter,
      client: ky.create({ fetch: mortal.fetch(send) }),
      ...(weather.shopFetch.does === 'sends-once' && { fetchSendsOnce: true }),
      policy: weather.policy,
      clock: mortal.clock,
      journal: own,
      onEvent: (event: GatewayEvent) => {
        if (event.type === 'send' && event.operation === scene.operation) sends++;
        onEvent?.(event, clock.now());
      },
    });
    return { mortal, gateway, journal: own };
  };

  const momentOf = (last: Ending): Moment => {
    const here = inWorld();
    const { order, isTaken, isMisled, copies } = here;
    return {
      ...{ ending: last, scene, entry: here.entry(), isTaken, isMisled },
      amount: scene.amount?.(order.minor),
      isCopied: copies > 0,
    };
  };

  /** Somebody may have died before he heard of the order, which the gateway then knows nothing of (assumptions.ts, 8). */
  const isGranted = ({ outcome, ticket }: Ending): boolean => {
    const faults = weather.queries.first.map(({ fault }) => fault);
    const isTakenBack = faults.includes('none') && faults.lastIndexOf('not-found') > faults.indexOf('none');
    return outcome === 'absent' && ticket?.seen === false && hasDied && isTakenBack;
  };

  const hear = (by: string, last: Ending): void => {
    endings.push({ call: by, ending: last });
    told.push({ last, sends });
    breach('settlementsKeepTheirShape', last.unlike);
    for (const [rule, check] of atEveryEnd)
      if (rule !== 'paidIsNeverCalledOver' || !isGranted(last)) breach(rule, check(momentOf(last)));
  };

  /** A shop settles it. Resolves when it has heard the end, or has died. */
  const shop = async (name: string, death: Death | undefined): Promise<void> => {
    const { mortal, gateway } = birth(death);
    const { key, order } = inWorld();
    const settling = ending(
      () =>
        bySettle({
          ...{ gateway, operation: scene.operation, fields: scene.fields(order) },
          options: key === undefined ? {} : { idempotencyKey: key },
        }),
      undefined,
      says => breach('neverThrows', says),
    );
    const last = await Promise.race([settling, mortal.died]);
    if (last !== undefined && last.outcome !== 'aborted') hear(name, last);
  };

  /** Workers one after the other, until `isOver`; the last one lives. */
  const work = async (isOver: () => boolean): Promise<void> => {
    for (const death of [...cast.workers, undefined]) {
      const { mortal, gateway, journal: own } = birth(death);
      const worker = createWorker({
        ...{ gateways: [gateway], journal: own, clock: mortal.clock, idleMs: 30_000 },
        onSettled: (settlement, { deliveryId }) => deliver(settlement, deliveryId),
      });
      worker.start();
      while (!isOver() && !mortal.isDead) await Promise.race([mortal.died, sleep(stage, 60_000)]);
      if (!mortal.isDead) {
        await Promise.race([worker.stop({ drainMs: 60_000 }), mortal.died]);
        return;
      }
      await sleep(stage, 3000);
    }
  };

  const deliver = (settlement: Settlement, deliveryId: string): void => {
    if (chance.percent(cast.failing)) throw new Error('The shop cannot take it now.');
    // The cancel at a deadline has a row and an end of its own.
    if (settlement.ticket.operation !== scene.operation) return;
    const last = endingOf(settlement);
    const before = delivered.get(deliveryId);
    if (before !== undefined && before.outcome !== last.outcome)
      breach('settledOnce', `${deliveryId} was ${before.outcome} and ${last.outcome}`);
    delivered.set(deliveryId, last);
    hear('onSettled', last);
  };

  const live = async (): Promise<void> => {
    world = await openWorld({ seed, dice: chance, provider, scene, account, weather, clock: theirs });
    let isOver = false;
    const working = work(() => isOver);
    await Promise.all(cast.shops.map((death, index) => shop(`settle ${index + 1}`, death)));
    if (cast.againAfterMs !== undefined) {
      await sleep(stage, cast.againAfterMs);
      await shop('settle again', undefined);
    }
    await untilAtRest(STORM_MS);
    world.calm();
    // After an end the payer may still pay the order that it was about, in another way: what was told until then is held
    // against the ledger before he does.
    if (scene.hasOwnQuery !== true && !told.some(({ last }) => isEnd(last))) {
      judgeWhatWasTold();
      world.decide(weather.end);
      told.length = 0;
    }
    await untilAtRest(REST_MS);
    isOver = true;
    await working;
  };

  const untilAtRest = async (mostMs: number): Promise<void> => {
    const untilMs = clock.now() + mostMs;
    for (;;) {
      rows = await stage.during(journal.store.list({ limit: 10 }));
      if (rows.every(({ state }) => atRest.has(state)) || clock.now() > untilMs) return;
      await sleep(stage, mostMs / 40);
    }
  };

  /** What was unsent, refused or not there may be sent again: it is held against the ledger where it was not. */
  const judgeWhatWasTold = (): void => {
    for (const { last, sends: before } of told)
      if (!isGranted(last) && (!mayBeSentAgain.has(last.outcome) || before === sends))
        breach('overIsNeverPaidLater', overIsNeverPaidLater(momentOf(last)));
  };

  const judgeRows = (): void => {
    if (rows.length === 0 && sends > 0) breach('nothingForgotten', 'it was sent, and has no row');
    const own = rows.filter(({ data: { ticket } }) => ticket.operation === scene.operation);
    for (const { state, dueAtMs, data } of own) {
      if (!atRest.has(state) && dueAtMs === undefined)
        breach('nothingForgotten', `its row is ${state}, and nobody will look at it`);
      if (!atRest.has(state)) leftOpen = `still followed: ${state}, ${data.entry?.state ?? ''}`;
      if (state === 'parked') leftOpen = `parked: ${data.parked?.reason ?? 'without a reason'}`;
      if (state === 'delivered' && delivered.size === 0)
        breach('nothingForgotten', 'its row says delivered, and nothing came');
    }
    const ends = new Set([...delivered.values()].filter(isEnd).map(({ outcome }) => outcome));
    if (ends.size > 1) breach('settledOnce', `delivered as ${[...ends].join(' and ')}`);
  };

  return {
    seed,
    provider: provider.name,
    scene: sceneName,
    weather: { ...weather, cast } as Weather,
    endings,
    violations,
    get line() {
      return { requests, sends };
    },
    get world() {
      return world;
    },
    get leftOpen() {
      return leftOpen;
    },
    done: live(),
    judgeTheEnd(hasEnded) {
      if (!hasEnded) breach('endsInTime', 'a process never ended');
      const here = inWorld();
      breach('bookedAtMostOnce', bookedAtMostOnce(here.entry(), here.copies, here.strangers()));
      judgeWhatWasTold();
      judgeRows();
    },
  };
}

const mayBeSentAgain: ReadonlySet<string> = new Set<Ending['outcome']>(['unsent', 'rejected', 'absent']);

/** The last word about an order, but that what was paid may be given back. */
const isEnd = (last: Ending): boolean => isWord(last) && !['created', 'authorized', 'refunded'].includes(last.outcome);
