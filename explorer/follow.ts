import { decide, type Decision, type Observation, type State } from '../src/core/decide.ts';
import { answeredWith, statusWith } from '../src/core/observed.ts';
import type { Judgement } from '../src/core/doctrine.ts';
import type { Fields, Operation } from '../src/core/operation.ts';
import type { Settlement } from '../src/core/settlement.ts';
import { exampleState } from '../src/explain/next.ts';
import type { Adapter } from '../src/kit/adapter.ts';
import type { Case } from './acts.ts';

/** What tillpaid does after an answer, if it keeps coming, or the payment stays open. Milliseconds after the answer. */
export interface Follow {
  readonly steps: readonly { readonly atMs: number; readonly does: 'send' | 'ask' }[];
  readonly end: { readonly atMs: number; readonly outcome: Settlement['outcome'] };
}

/** More than any schedule has. */
const MOST = 2000;
/** Chance takes nothing from a wait: each is the longest that it can be. */
const CHANCE = 1;

/**
 * As the real decision makes it, under the adapter's own policy. `undefined` for a query that belongs to no write.
 *
 * @param name one of the writes of the case: the operation, or what a query was asked about
 * @param sent its fields, as far as they are known: some decide what it is
 */
export function followOf(
  adapter: Adapter,
  { verdict, meaning, about, send }: Case,
  name: string,
  sent?: Fields,
): Follow | undefined {
  const write = Object.hasOwn(adapter.operations, name) ? adapter.operations[name] : undefined;
  if (write?.effect !== 'write') return undefined;
  const judged: Judgement = {
    verdict,
    ...(meaning.row !== undefined && { row: meaning.row }),
    acknowledges: false,
    unlisted: false,
    conflict: false,
    isOfOtherOrder: false,
    reference: {},
  };
  const begin = beginOf(adapter, write, sent);
  return about.length > 0 ? afterQuery(begin, judged) : afterSend(begin, judged, send === 'later');
}

const noAnswer = /^(?:timeout|network\/)/;

/** Before it was sent. What is named a charge is taken for one, as `explain` takes it, unless its fields say otherwise. */
function beginOf(adapter: Adapter, write: Operation, sent: Fields | undefined): State {
  const begin = exampleState(adapter, write, sent);
  const isCharge = sent === undefined && write.name.endsWith('.charge');
  return isCharge ? { ...begin, plan: { ...begin.plan, payerNeedsAnswer: false } } : begin;
}

function afterSend(begin: State, judged: Judgement, isLater: boolean): Follow {
  const { verdict } = judged;
  const state: State = { ...begin, attempts: isLater ? 2 : 1, landed: isLater };
  const observation: Observation = noAnswer.test(verdict.code)
    ? { type: 'lost', verdict, landed: true }
    : { ...answeredWith(judged), askable: state.askable };
  return followFrom(state, observation);
}

function afterQuery(begin: State, judged: Judgement): Follow {
  const state: State = {
    ...begin,
    attempts: 1,
    landed: true,
    heard: true,
    pollingSinceMs: 0,
    pollWaits: 1,
  };
  return followFrom(state, statusWith(judged.verdict, judged));
}

const stillOpen: Extract<Observation, { type: 'status' }> = {
  type: 'status',
  verdict: { kind: 'poll-required', code: 'example', reason: 'processing', listed: true },
  acknowledges: true,
};

/** Each further send is answered in the same way; each query says that the payment is in progress. */
function followFrom(begin: State, first: Observation): Follow {
  const steps: { atMs: number; does: 'send' | 'ask' }[] = [];
  let [state, atMs, observation] = [begin, 0, first];
  while (steps.length < MOST) {
    const next: { state: State; decision: Decision } = decide(state, observation, { nowMs: atMs, chance: CHANCE });
    const { decision } = next;
    state = next.state;
    switch (decision.type) {
      case 'settle':
        return { steps, end: { atMs, outcome: decision.outcome } };
      case 'wait':
        atMs += decision.delayMs;
        observation = { type: 'due' };
        break;
      case 'send':
        steps.push({ atMs, does: 'send' });
        observation = first;
        break;
      default:
        steps.push({ atMs, does: 'ask' });
        observation = stillOpen;
    }
  }
  return { steps, end: { atMs, outcome: 'unresolved' } };
}
