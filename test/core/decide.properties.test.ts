import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attached, decide, initialState, type Plan, type State } from '../../src/core/decide.ts';
import type { Verdict } from '../../src/core/verdict.ts';
import { constant, defineBackoff } from '../../src/policies/backoff.ts';
import { plans, stories, tell, type Story, type Turn } from './story.ts';

/** Holds for every turn of every story; `earlier` are the turns before it. */
function always(
  holds: (turn: Turn, earlier: readonly Turn[], story: Story) => void,
  given: fc.Arbitrary<Story> = stories,
): void {
  fc.assert(
    fc.property(given, story => {
      const turns = tell(story);
      for (const [index, turn] of turns.entries()) holds(turn, turns.slice(0, index), story);
    }),
    { numRuns: 500 },
  );
}

const verdictOf = ({ observation }: Turn): Verdict | undefined =>
  'verdict' in observation ? observation.verdict : undefined;

/** The facts, counted from what was observed and not from what the state claims. */
function mayHaveLanded(turns: readonly Turn[], { plan }: Story): boolean {
  return (
    plan.followOnly ||
    plan.mayHaveBeenSent ||
    turns.some(
      ({ observation: seen }) =>
        seen.type === 'notice' ||
        (seen.type === 'lost' && seen.landed) ||
        (seen.type === 'answered' && seen.verdict.kind !== 'retryable'),
    )
  );
}

const isNotFound = (turn: Turn): boolean =>
  verdictOf(turn)?.kind === 'poll-required' && verdictOf(turn)?.reason === 'not-found';

const isSend = ({ decision }: Turn): boolean => decision.type === 'send';

const orForever = (durationMs: number | undefined): number => durationMs ?? Infinity;

/**
 * A charge's deadline, or the order's own once it was answered or seen, or is only followed; a life that nobody states
 * is no shorter.
 */
function deadlineOf({ plan, heard, seen }: Pick<State, 'plan' | 'heard' | 'seen'>): number {
  const { startedAtMs, policy } = plan;
  const statedMs = plan.expiresAtMs;
  const expiresAtMs = statedMs ?? (plan.followedForMs === undefined ? undefined : plan.openedAtMs + plan.followedForMs);
  const chargesMs = startedAtMs + policy.poll.deadlineMs;
  const isOrder =
    policy.poll.followsOrder === true &&
    plan.charge !== true &&
    plan.follows === 'payment' &&
    expiresAtMs !== undefined;
  if (!isOrder || !(plan.followOnly || heard || seen)) return chargesMs;
  const ownMs = Math.max(startedAtMs, expiresAtMs) + 60_000;
  return statedMs !== undefined && (heard || seen) ? ownMs : Math.max(ownMs, chargesMs);
}

/** The age of what was opened with the ticket, by the clock that has seen more. */
const ageMs = ({ nowMs, wallMs }: Turn, { openedAtMs }: Plan): number => Math.max(nowMs, wallMs) - openedAtMs;

/** A send has ended that may have changed something: one that never left has not. */
const changes = ({ observation: seen }: Turn): boolean =>
  seen.type === 'answered' || (seen.type === 'lost' && seen.landed);

/** The first answer of the first send states that nothing was done, and nothing else was sent. */
const isRefusal = (turns: readonly Turn[], story: Story): boolean => {
  const last = turns.findLast(changes);
  if (last?.observation.type !== 'answered' || last.observation.refuses !== true) return false;
  const { plan } = story;
  const isReplayed = plan.sameReference === 'replays' && ageMs(last, plan) < orForever(plan.remembersForMs);
  return isReplayed || !mayHaveLanded(turns.slice(0, turns.indexOf(last)), story);
};

/**
 * At the last turn: “not found” was said twice since the send before it, late enough, of an order nobody has
 * acknowledged and of which the provider still answers.
 */
function isAbsent(turns: readonly Turn[], { plan, known }: Story): boolean {
  const { absentAfterMs } = plan.policy.poll;
  const last = turns.at(-1);
  if (last === undefined) return false;
  const isEndOfSend = ({ observation: { type } }: Turn): boolean => type === 'answered' || type === 'lost';
  const sent = turns.findLast(isEndOfSend) ?? { nowMs: plan.openedAtMs, wallMs: plan.openedAtMs };
  const sinceMs = Math.min(last.nowMs - sent.nowMs, last.wallMs - sent.wallMs);
  const sinceSend = turns.slice(turns.slice(0, -1).findLastIndex(isSend) + 1);
  const notFounds = sinceSend.filter(
    turn =>
      turn.observation.type === 'status' &&
      verdictOf(turn)?.kind === 'poll-required' &&
      verdictOf(turn)?.reason === 'not-found',
  );
  const seen =
    known.seen ||
    turns.some(
      ({ observation }) => observation.type === 'notice' || ('acknowledges' in observation && observation.acknowledges),
    );
  return (
    absentAfterMs !== undefined &&
    notFounds.length >= 2 &&
    !seen &&
    sinceMs >= absentAfterMs &&
    ageMs(last, plan) < orForever(plan.answersForMs)
  );
}

describe('never charge twice', () => {
  it('no more sends than the policy has attempts', () => {
    always((turn, earlier, { plan }) => {
      const sends = [...earlier, turn].filter(isSend).length;
      expect(sends).toBeLessThanOrEqual(plan.policy.retry.attempts);
      expect(turn.after.attempts).toBe(sends);
    });
  });

  it('no send after one that may have landed, unless the provider still replays, or the order is absent and the policy says so', () => {
    always((turn, earlier, story) => {
      const { plan } = story;
      if (!isSend(turn) || !mayHaveLanded([...earlier, turn], story)) return;
      const remembered = ageMs(turn, plan) < orForever(plan.remembersForMs);
      const replayed = plan.sameReference === 'replays' && remembered;
      // A wait for Retry-After may lie between the conclusion and the send.
      const concluded = turn.observation.type === 'due' ? earlier : [...earlier, turn];
      const absent = plan.policy.poll.resendWhenAbsent && remembered && isAbsent(concluded, story);
      expect(replayed || absent).toBe(true);
    });
  });

  it('no send but the first after the deadline', () => {
    always((turn, earlier) => {
      if (isSend(turn) && earlier.some(isSend)) expect(turn.nowMs).toBeLessThanOrEqual(deadlineOf(turn.before));
    });
  });

  it('what “not found” sends again can still be had, was neither acknowledged nor refused, and its provider replays', () => {
    always((turn, earlier, story) => {
      const { plan, known } = story;
      if (
        !isSend(turn) ||
        turn.observation.type !== 'status' ||
        !isNotFound(turn) ||
        isAbsent([...earlier, turn], story)
      )
        return;
      const seen =
        known.seen ||
        [...earlier, turn].some(
          ({ observation }) =>
            observation.type === 'notice' || ('acknowledges' in observation && observation.acknowledges),
        );
      expect([plan.sameReference, seen, isRefusal(earlier, story)]).toEqual(['replays', false, false]);
      expect(['payment', 'refund']).toContain(plan.follows);
      // How long a charge can be made somebody must say.
      expect(ageMs(turn, plan)).toBeLessThan(plan.chargeableForMs ?? (plan.charge === true ? 0 : Infinity));
      expect(Math.max(turn.nowMs, turn.wallMs)).toBeLessThan(orForever(plan.expiresAtMs));
    });
  });

  it('no send at all where only a ticket is followed', () => {
    const following = stories.map((story): Story => ({ ...story, plan: { ...story.plan, followOnly: true } }));
    always(turn => {
      expect(isSend(turn)).toBe(false);
      if (turn.decision.type === 'wait') expect(turn.decision.next).toBe('ask');
    }, following);
  });

  it('no answer and no notice takes back that a send has landed', () => {
    always((turn, earlier, story) => {
      if (turn.before.landed) expect(turn.after.landed).toBe(true);
      expect(turn.after.landed).toBe(landsBy(turn, earlier, story));
    });
  });
});

/** A terminal answer ends the story, and whether it landed is no question any more. */
const landsBy = (turn: Turn, earlier: readonly Turn[], story: Story): boolean =>
  mayHaveLanded(
    turn.observation.type === 'answered' && turn.observation.verdict.kind === 'terminal' ? earlier : [...earlier, turn],
    story,
  );

describe('never call paid “failed”', () => {
  it('an outcome is what the last observation said, or one of: unresolved, absent, unsent, rejected, created', () => {
    always(turn => {
      if (turn.decision.type !== 'settle') return;
      const { outcome, settledBy } = turn.decision;
      const verdict = verdictOf(turn);
      const stated = verdict?.kind === 'terminal' ? verdict.outcome : undefined;
      if (outcome === stated || (outcome === 'failed' && turn.observation.type === 'status')) return;
      expect(['unresolved', 'absent', 'unsent', 'rejected', 'created']).toContain(outcome);
      if (outcome === 'unresolved' || outcome === 'unsent') expect(settledBy).toBe('none');
    });
  });

  it('failed without a terminal word comes from a query alone: a refused order that is not there or says so itself, or a charge that goes on saying so', () => {
    /** Told often enough to be seen: a first send is refused in so many words. */
    const refusedAtFirst = stories.map(
      ({ plan, known, cards: [first, ...cards] }): Story => ({
        plan: { ...plan, mayHaveBeenSent: false, followOnly: false },
        known: { ...known, seen: false },
        cards:
          first === undefined
            ? []
            : [
                {
                  ...first,
                  kind: 'poll-required',
                  reason: 'unknown-outcome',
                  lost: 'no',
                  refuses: true,
                  acknowledges: false,
                  askable: true,
                },
                ...cards,
              ],
      }),
    );
    const stuck = stories.map(
      ({ plan, known, cards }): Story => ({
        plan: { ...plan, charge: true, mayHaveBeenSent: true },
        known: { ...known, askable: true },
        cards: cards.map(card => ({
          ...card,
          kind: 'poll-required',
          code: 'x',
          unchangedForMs: 100,
          notice: 'no',
          retryAfterMs: undefined,
        })),
      }),
    );
    let refused = 0;
    let unchanged = 0;
    always(
      (turn, earlier, story) => {
        const verdict = verdictOf(turn);
        if (turn.decision.type !== 'settle' || turn.decision.outcome !== 'failed' || verdict?.kind === 'terminal')
          return;
        expect([turn.observation.type, turn.decision.settledBy, verdict?.kind]).toEqual([
          'status',
          'query',
          'poll-required',
        ]);
        const turns = [...earlier, turn];
        const sinceSend = turns.slice(Math.max(0, turns.findLastIndex(changes)));
        const own = verdictOf(sinceSend[0] ?? turn);
        const isNowhere =
          sinceSend.filter(each => each.observation.type === 'status' && isNotFound(each)).length >= 2 &&
          !turn.after.seen &&
          ageMs(turn, story.plan) < orForever(story.plan.answersForMs);
        const isRefused =
          isRefusal(turns, story) &&
          (isNowhere || ('refuses' in turn.observation && turn.observation.refuses && verdict?.code === own?.code));
        refused += isRefused ? 1 : 0;
        unchanged += isRefused ? 0 : 1;
        if (isRefused) return expect(turn.decision.verdict).toMatchObject({ code: own?.code });
        // The same code, seen since so long, and nothing else in between.
        expect(story.plan.charge).toBe(true);
        const found = sinceSend.filter(
          each => each.observation.type === 'status' && verdictOf(each)?.kind === 'poll-required',
        );
        const same = found.slice(
          found.findLastIndex(
            each => verdictOf(each)?.code !== verdict?.code || !('failedWhenUnchangedForMs' in each.observation),
          ) + 1,
        );
        const [first] = same;
        const forMs =
          first !== undefined && 'failedWhenUnchangedForMs' in first.observation
            ? (first.observation.failedWhenUnchangedForMs ?? Infinity)
            : Infinity;
        expect(same.length).toBeGreaterThanOrEqual(2);
        expect(turn.nowMs - (first?.nowMs ?? turn.nowMs)).toBeGreaterThanOrEqual(forMs);
      },
      fc.oneof(stories, refusedAtFirst, stuck),
    );
    expect([refused > 0, unchanged > 0]).toEqual([true, true]);
  });

  it('failed, canceled, expired and refunded come else only from a terminal word: an answer before anything may have landed, a query, or a notice', () => {
    always((turn, earlier, story) => {
      if (
        turn.decision.type === 'settle' &&
        turn.decision.outcome === 'failed' &&
        turn.decision.settledBy === 'query' &&
        verdictOf(turn)?.kind !== 'terminal'
      )
        return;
      if (
        turn.decision.type !== 'settle' ||
        !['failed', 'canceled', 'expired', 'refunded'].includes(turn.decision.outcome)
      )
        return;
      expect(verdictOf(turn)).toMatchObject({ kind: 'terminal', outcome: turn.decision.outcome });
      const { type } = turn.observation;
      expect(['answered', 'status', 'notice']).toContain(type);
      if (type === 'answered') expect(mayHaveLanded(earlier, story)).toBe(false);
    });
  });

  it('rejected and unsent never come once a send may have landed', () => {
    always((turn, earlier, story) => {
      if (turn.decision.type !== 'settle' || !['rejected', 'unsent'].includes(turn.decision.outcome)) return;
      const terminalAnswer = turn.observation.type === 'answered' && turn.observation.verdict.kind === 'terminal';
      expect(mayHaveLanded(terminalAnswer ? earlier : [...earlier, turn], story)).toBe(false);
    });
  });

  it('unsent means that no send was answered, rejected that one was', () => {
    always((turn, earlier) => {
      if (turn.decision.type !== 'settle') return;
      const answers = [...earlier, turn].filter(({ observation }) => observation.type === 'answered').length;
      if (turn.decision.outcome === 'unsent') expect(answers).toBe(0);
      if (turn.decision.outcome === 'rejected') expect(answers).toBeGreaterThan(0);
    });
  });

  it('absent comes only from the second “not found”, late enough, of an order nobody has acknowledged', () => {
    always((turn, earlier, story) => {
      if (turn.decision.type !== 'settle' || turn.decision.outcome !== 'absent') return;
      expect(verdictOf(turn)).toMatchObject({ kind: 'poll-required', reason: 'not-found' });
      expect(isAbsent([...earlier, turn], story)).toBe(true);
    });
  });

  it('a refused query that lacked what the provider insists on is the last', () => {
    always(turn => {
      const { observation, decision, after } = turn;
      if (observation.type !== 'status' || observation.incomplete !== true || after.refusedPolls === 0) return;
      expect(decision).toMatchObject({ type: 'settle', outcome: 'unresolved', settledBy: 'none' });
    });
  });

  it('a refused query settles nothing but “unresolved”', () => {
    always(turn => {
      const verdict = verdictOf(turn);
      if (turn.observation.type !== 'status' || verdict?.kind !== 'terminal' || verdict.outcome !== 'rejected') return;
      if (turn.decision.type === 'settle')
        expect(turn.decision).toMatchObject({ outcome: 'unresolved', settledBy: 'none' });
    });
  });
});

describe('as quick and as cheap as can be', () => {
  it('every wait is a number of milliseconds, 0 or more', () => {
    always(({ decision }) => {
      if (decision.type === 'wait') expect(Number.isFinite(decision.delayMs) && decision.delayMs >= 0).toBe(true);
    });
  });

  it('no wait is shorter than Retry-After', () => {
    always(({ decision, observation }) => {
      if (decision.type === 'wait' && 'retryAfterMs' in observation)
        expect(decision.delayMs).toBeGreaterThanOrEqual(observation.retryAfterMs ?? 0);
    });
  });

  it('no wait is shorter than the verdict’s own: a retryable one’s for whatever comes next, a pending one’s for the next query', () => {
    always(turn => {
      const verdict = verdictOf(turn);
      // A notice ends a wait, or leaves what is left of a Retry-After.
      if (
        turn.decision.type !== 'wait' ||
        verdict === undefined ||
        verdict.kind === 'terminal' ||
        turn.observation.type === 'notice'
      )
        return;
      if (verdict.kind === 'retryable' || turn.decision.next === 'ask')
        expect(turn.decision.delayMs).toBeGreaterThanOrEqual(verdict.delayMs ?? 0);
    });
  });

  it('nothing is sent or asked before every Retry-After is over, whatever comes meanwhile', () => {
    always((turn, earlier) => {
      if (turn.decision.type !== 'send' && turn.decision.type !== 'ask') return;
      for (const { observation, nowMs } of [...earlier, turn]) {
        if ('retryAfterMs' in observation)
          expect(turn.nowMs).toBeGreaterThanOrEqual(nowMs + (observation.retryAfterMs ?? 0));
      }
    });
  });

  it('no wait is for a longer Retry-After than the policy allows', () => {
    always(({ decision, observation }, _earlier, { plan }) => {
      if (decision.type === 'wait' && 'retryAfterMs' in observation)
        expect(observation.retryAfterMs ?? 0).toBeLessThanOrEqual(plan.policy.retry.maxRetryAfterMs);
    });
  });

  it('a payer who comes and goes makes no more queries than two fresh payments would', () => {
    always(({ after, before, decision }) => {
      const quickened = after.quickened ?? 0;
      expect(quickened).toBeLessThanOrEqual(2);
      // A second send begins a fresh payment.
      if (quickened === (before.quickened ?? 0) && decision.type !== 'send')
        expect(after.pollWaits).toBeGreaterThanOrEqual(before.pollWaits);
    });
  });

  it('no wait goes beyond the deadline', () => {
    always(({ decision, nowMs, after }) => {
      if (decision.type === 'wait')
        expect(nowMs + decision.delayMs).toBeLessThanOrEqual(Math.max(nowMs, deadlineOf(after)));
    });
  });

  it('a wait for a query is the backoff’s, or longer as it was told; only the deadline cuts it short, and then the query starts at the deadline', () => {
    const usualMs = 4000;
    const regular = stories.map((story): Story => {
      const { policy } = story.plan;
      return {
        ...story,
        plan: { ...story.plan, policy: { ...policy, poll: { ...policy.poll, backoff: constant(usualMs) } } },
      };
    });
    always(({ decision, nowMs, observation, after }) => {
      // A follower of what is not fresh begins at a time of his own; a charge’s first query comes early; an end that
      // can be believed is not waited past.
      if (
        decision.type !== 'wait' ||
        decision.next !== 'ask' ||
        observation.type === 'notice' ||
        observation.type === 'started' ||
        observation.type === 'quiet'
      )
        return;
      if (after.plan.charge === true && (after.pollWaits <= 2 || after.unchanged !== undefined)) return;
      const verdict = 'verdict' in observation ? observation.verdict : undefined;
      const toldMs = Math.max(
        'retryAfterMs' in observation ? (observation.retryAfterMs ?? 0) : 0,
        verdict !== undefined && 'delayMs' in verdict ? (verdict.delayMs ?? 0) : 0,
      );
      const leftMs = Math.max(0, deadlineOf(after) - nowMs);
      if (after.usuallyDueMs === undefined)
        return expect(decision.delayMs).toBe(Math.min(leftMs, Math.max(usualMs, toldMs)));
      // A notice is waited for, which is known to be longer than usual.
      expect(after.usuallyDueMs).toBe(nowMs + Math.max(usualMs, toldMs));
      expect(decision.delayMs).toBeGreaterThanOrEqual(Math.min(leftMs, Math.max(usualMs, toldMs)));
    }, regular);
  });

  it('while notices come, nothing is asked earlier than without them, and only what is followed, is there and is no charge any later', () => {
    always(({ before, observation, moment, after, decision }, _earlier, { plan }) => {
      const { notices, ...rest } = moment;
      if (notices === undefined) return;
      const { decision: without } = decide(before, observation, rest);
      const mayWait = plan.policy.poll.notices === true && plan.followOnly && plan.charge !== true && after.seen;
      if (!mayWait) return expect(decision).toEqual(without);
      if (decision.type === 'wait' && without.type === 'wait') {
        expect(decision.delayMs).toBeGreaterThanOrEqual(without.delayMs);
        expect(decision.next).toBe(without.next);
      } else if (decision.type === 'wait') expect([observation.type, without.type]).toEqual(['started', 'ask']);
      else expect(decision).toEqual(without);
    });
  });

  it('when they stop, a query that was put off comes no earlier than it would have, and no later than a usual wait from then', () => {
    always(({ before, observation, nowMs, moment, decision, after }, earlier) => {
      if (observation.type !== 'quiet') return;
      expect(decision).toMatchObject({ type: 'wait', next: 'ask' });
      if (decision.type !== 'wait') return;
      const dueMs = nowMs + decision.delayMs;
      const latestMs = Math.max(nowMs, deadlineOf(after));
      const put = earlier.at(-1);
      if (put?.observation.type === 'status') {
        const { notices: _came, ...then } = put.moment;
        const { decision: usual } = decide(put.before, put.observation, then);
        expect(usual.type).toBe('wait');
        if (usual.type === 'wait') expect(dueMs).toBeGreaterThanOrEqual(Math.min(latestMs, put.nowMs + usual.delayMs));
      }
      const { usuallyDueMs = nowMs, notBeforeMs = nowMs } = before;
      const longestMs = Math.max(after.plan.policy.poll.backoff.maxMs, usuallyDueMs - nowMs, notBeforeMs - nowMs);
      expect(decision.delayMs).toBeLessThanOrEqual(longestMs);
      expect(moment.notices).toBeUndefined();
    });
  });

  it('an open payment is given up only when its time is over, when it would have to wait too long, or when nobody can be asked', () => {
    always((turn, _earlier, { plan }) => {
      const { decision, observation } = turn;
      if (observation.type === 'status' && observation.incomplete === true && turn.after.refusedPolls > 0) return;
      if (decision.type !== 'settle' || decision.outcome !== 'unresolved' || observation.type !== 'status') return;
      const verdict = observation.verdict;
      const leastMs = Math.max(observation.retryAfterMs ?? 0, 'delayMs' in verdict ? (verdict.delayMs ?? 0) : 0);
      const leftMs = deadlineOf(turn.after) - turn.nowMs;
      const tooLong = leastMs > leftMs || (observation.retryAfterMs ?? 0) > plan.policy.retry.maxRetryAfterMs;
      // A query that lacks what the provider may insist on, and finds nothing, is not asked for ever.
      const isBlind =
        observation.incomplete === true && !turn.after.seen && !plan.followOnly && verdict.reason === 'unknown-outcome';
      const isBlindForLong = isBlind && turn.nowMs - (turn.after.pollingSinceMs ?? turn.nowMs) >= 45_000;
      expect(leftMs <= 0 || tooLong || isBlindForLong || turn.after.refusedPolls === 3).toBe(true);
    });
  });

  it('once the deadline has passed, at most one more query is asked for by the loop', () => {
    always((turn, earlier) => {
      if (turn.decision.type !== 'ask' || turn.observation.type === 'notice') return;
      const late = earlier.filter(
        ({ decision, nowMs, observation, after }) =>
          decision.type === 'ask' && observation.type !== 'notice' && nowMs > deadlineOf(after),
      );
      if (turn.nowMs > deadlineOf(turn.after)) expect(late).toEqual([]);
    });
  });
});

describe('the decision is a pure function', () => {
  it('the same state and observation give the same decision, and neither is changed', () => {
    always(({ before, observation, moment, after, decision }) => {
      const again = decide(deepFreeze(before), deepFreeze(observation), moment);
      expect(again).toEqual({ state: after, decision });
    });
  });

  /** A state as a store gives it back; the policy comes from the running program. */
  const stored = (state: State): State => {
    const { policy } = state.plan;
    const { retry, poll } = policy;
    const read = JSON.parse(JSON.stringify(state)) as State;
    const { policy: plain } = read.plan;
    return {
      ...read,
      plan: {
        ...read.plan,
        policy: {
          ...plain,
          retry: { ...plain.retry, backoff: retry.backoff },
          poll: { ...plain.poll, backoff: poll.backoff },
        },
      },
    };
  };

  it('a state that went through JSON decides the same, but for the backoffs', () => {
    always(({ before, observation, moment, after, decision }) => {
      expect(decide(stored(before), observation, moment)).toEqual({ state: after, decision });
    });
  });

  it('so does the state of a provider that remembers and answers for ever', () => {
    const forever = fc
      .record({ plan: plans, story: stories })
      .map(
        ({ plan, story }): Story => ({ ...story, plan: { ...plan, remembersForMs: Infinity, answersForMs: Infinity } }),
      );
    always(({ before, observation, moment, decision }) => {
      expect(decide(stored(before), observation, moment).decision).toEqual(decision);
    }, forever);
  });
});

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}

describe('the decision is plain JSON', () => {
  const throughJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
  /** What a user may call endless. */
  const endless = fc.record({
    attempts: fc.boolean(),
    deadlineMs: fc.boolean(),
    maxRetryAfterMs: fc.boolean(),
    absentAfterMs: fc.boolean(),
    lives: fc.boolean(),
  });
  const endlessStories = fc.tuple(stories, endless).map(([{ plan, ...story }, without]): Story => {
    const { retry, poll, limit } = plan.policy;
    return {
      ...story,
      plan: {
        ...plan,
        ...(without.lives && { remembersForMs: Infinity, answersForMs: Infinity, chargeableForMs: Infinity }),
        policy: {
          limit,
          retry: {
            ...retry,
            ...(without.attempts && { attempts: Infinity }),
            ...(without.maxRetryAfterMs && { maxRetryAfterMs: Infinity }),
          },
          poll: {
            ...poll,
            ...(without.deadlineMs && { deadlineMs: Infinity }),
            ...(without.absentAfterMs && { absentAfterMs: Infinity }),
          },
        },
      },
    };
  });

  it('state and observation may pass through JSON at every step: every decision stays the same, and so does what is known', () => {
    fc.assert(
      fc.property(fc.oneof(stories, endlessStories), story => {
        const [plain, stored] = [tell(story), tell(story, throughJson)];
        expect(stored.map(({ decision }) => decision)).toEqual(plain.map(({ decision }) => decision));
        expect(stored.map(({ after }) => throughJson(after))).toEqual(plain.map(({ after }) => throughJson(after)));
      }),
      { numRuns: 1000 },
    );
  });

  it('it holds nothing that JSON would lose', () => {
    const isLost = (value: unknown): boolean =>
      typeof value === 'bigint' ||
      typeof value === 'symbol' ||
      (typeof value === 'number' && !Number.isFinite(value)) ||
      (typeof value === 'object' && Object.values(value ?? {}).some(isLost));
    always(({ after, decision }) => expect([isLost(after), isLost(decision)]).toEqual([false, false]), endlessStories);
  });

  it('a backoff of the user’s own is named in it, and passed again; without it nothing is decided', () => {
    const own = defineBackoff('at night', () => 1234);
    const [plan] = fc.sample(plans, 1);
    if (plan === undefined) throw new Error('no plan');
    const { poll, ...policy } = plan.policy;
    const state = initialState(
      {
        ...plan,
        followOnly: true,
        policy: { ...policy, poll: { deadlineMs: 60_000, resendWhenAbsent: false, backoff: own } },
      },
      { seen: true, askable: true },
    );
    const stored = throughJson(state);
    expect(attached(stored, [own]).plan.policy.poll.backoff).toBe(own);
    expect(() => decide(stored, { type: 'started' }, { nowMs: plan.startedAtMs, chance: 0 })).toThrow(
      /no "at night" here/,
    );
  });
});
