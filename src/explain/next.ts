import { decide, type Decision, type State } from '../core/decide.ts';
import { judge, lost, type Judgement } from '../core/doctrine.ts';
import type { Exchange } from '../core/exchange.ts';
import { answeredWith, statusWith } from '../core/observed.ts';
import { isWrite, type Fields, type Operation } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import { subjectOfTicket } from '../core/subject.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';
import { firstState } from '../engine/plan.ts';
import type { Adapter } from '../kit/adapter.ts';
import { layeredPolicy, type Policy } from '../policies/policy.ts';

/** What tillpaid does next. */
export type Next =
  /** It is over: what the settlement says. */
  | { readonly does: 'settle'; readonly outcome: Settlement['outcome'] }
  /** A status query, or the same request again, after a wait of at most so many milliseconds. */
  | { readonly does: 'ask' | 'send'; readonly withinMs: number };

/** What an answer means at one moment, and what follows. */
export interface Step {
  readonly verdict: Verdict;
  readonly next: Next;
}

/** An answer, or what came instead: judged for an operation, under what is known of earlier sends. */
export type Seen = (operation: Operation, exchange: Pick<Exchange, 'attempt' | 'mayHaveLanded'>) => Judgement;

/** An order that exists only to be asked about. */
function exampleTicket(adapter: Adapter, operation: Operation, sent?: Fields): Ticket {
  const isCharge = sent !== undefined && isWrite(operation) ? operation.charge?.(sent) : undefined;
  return {
    version: 1,
    gateway: adapter.name,
    account: adapter.account,
    environment: adapter.environment,
    operation: operation.name,
    reference: {},
    openedAt: new Date(0).toISOString(),
    lastSentAt: new Date(0).toISOString(),
    seen: false,
    polls: 0,
    ...((isCharge ?? operation.name.endsWith('.charge')) && { charge: true as const }),
  };
}

/** The state of an example's decision, before anything was sent. */
export function exampleState(adapter: Adapter, operation: Operation, sent?: Fields, policy?: Policy): State {
  const askable = isWrite(operation) && operation.query !== undefined;
  const beginning = {
    operation,
    fields: sent ?? {},
    ticket: exampleTicket(adapter, operation, sent),
    policy: layeredPolicy(adapter.policy, policy),
  };
  return firstState(beginning, 0, { askable, lookable: false });
}

/** A write's own answer. */
export function afterAnswer(
  adapter: Adapter,
  operation: Operation,
  seen: Seen,
  { attempt, mayHaveLanded }: { attempt: number; mayHaveLanded: boolean },
  sent?: Fields,
): Step {
  const judgement = seen(operation, { attempt, mayHaveLanded });
  const state = { ...exampleState(adapter, operation, sent), attempts: attempt, landed: mayHaveLanded };
  const { askable } = state;
  const { decision } = decide(state, { ...answeredWith(judgement), askable }, LATEST);
  return { verdict: judgement.verdict, next: nextOf(decision) };
}

/** No answer came to a write, and it may have been processed. */
export function afterNone(adapter: Adapter, operation: Operation, code: string, sent?: Fields): Step {
  const verdict = lost(operation.effect, 'maybe-sent', code);
  const state = { ...exampleState(adapter, operation, sent), attempts: 1 };
  const landed = operation.effect === 'write';
  return { verdict, next: nextOf(decide(state, { type: 'lost', verdict, landed }, LATEST).decision) };
}

/** A status query's answer, as it counts for the write that is asked about. */
export function afterQuery(adapter: Adapter, write: Operation, seen: Judgement): Step {
  const state: State = {
    ...exampleState(adapter, write),
    attempts: 1,
    landed: true,
    // The payer was sent on by the write's own answer.
    heard: true,
    pollingSinceMs: 0,
    pollWaits: 1,
  };
  const { decision } = decide(state, statusWith(seen.verdict, seen), LATEST);
  return { verdict: seen.verdict, next: nextOf(decision) };
}

/** What a query's answer means for a write, whose ticket it was asked for. */
export function judgeFor(adapter: Adapter, write: Operation, exchange: Exchange): Judgement {
  return judge(adapter, exchange, subjectOfTicket(write, exampleTicket(adapter, write), false));
}

/** Chance takes nothing from a wait. */
const LATEST = { nowMs: 0, chance: 1 };

function nextOf(decision: Decision): Next {
  switch (decision.type) {
    case 'settle':
      return { does: 'settle', outcome: decision.outcome };
    case 'wait':
      return { does: decision.next, withinMs: decision.delayMs };
    case 'send':
      return { does: 'send', withinMs: 0 };
    default:
      return { does: 'ask', withinMs: 0 };
  }
}
