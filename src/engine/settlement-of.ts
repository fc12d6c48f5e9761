import type { DeadlineCancel } from '../core/cancel.ts';
import { conceal } from '../core/conceal.ts';
import type { State } from '../core/decide.ts';
import { isWrite, type Operation } from '../core/operation.ts';
import type { Settlement, SettlementFacts, TimelineEntry } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import { remember, settlementOf } from './results.ts';
import { responseOf, type Answer } from './wire.ts';

/** An answer with its body as it was parsed. */
export interface ReadAnswer {
  readonly answer: Answer;
  readonly body: unknown;
}

/** What a settlement is made of. */
interface SettlementParts {
  readonly end: Pick<Settlement, 'outcome' | 'verdict' | 'settledBy'>;
  readonly operation: Operation;
  readonly ticket: Ticket;
  readonly state: State;
  /** The write's own last answer; `processed`: it is the gateway's word on the order. */
  readonly own: (ReadAnswer & { readonly processed: boolean }) | undefined;
  /** The last status query's answer. */
  readonly status: ReadAnswer | undefined;
  /** What was sent at its deadline. */
  readonly cancel: DeadlineCancel | undefined;
  readonly elapsedMs: number;
  readonly timeline: () => TimelineEntry[];
  /** What ended it from outside, or why nothing is known. */
  readonly cause: unknown;
}

/** The settlement of an intention that has ended. */
export function settledAs({ end, state, own, status, cancel, ...parts }: SettlementParts): Settlement {
  const { verdict, settledBy } = end;
  const { operation, ticket, cause } = parts;
  conceal(cause);
  const exchange = settledBy === 'answer' ? own : settledBy === 'query' ? status : undefined;
  const hasAnswer = own !== undefined && (own.processed || settledBy === 'answer');
  const hasOwnVerdict = state.own !== undefined && state.own !== verdict && settledBy !== 'answer';
  const facts: SettlementFacts = withTimeline(parts.timeline, {
    ...end,
    ...(hasAnswer && { answer: own.body }),
    ...(hasOwnVerdict && { ownVerdict: state.own }),
    ...(state.other !== undefined && { otherVerdict: state.other }),
    ...(exchange !== undefined && { body: exchange.body }),
    ticket,
    reference: namesOf(operation, ticket),
    attempts: state.attempts,
    polls: state.polls - (state.unsentPolls ?? 0),
    ...(cancel !== undefined && { cancel }),
    elapsedMs: parts.elapsedMs,
  });
  if (exchange === undefined) return settlementOf(facts, undefined, cause);
  return settlementOf(
    facts,
    responseMaker(exchange.answer, { verdict, ticket: isWrite(operation) ? ticket : undefined }),
    cause,
  );
}

/** The texts of a timeline are written when they are read: most never are. */
function withTimeline(write: () => TimelineEntry[], facts: Omit<SettlementFacts, 'timeline'>): SettlementFacts {
  let timeline: TimelineEntry[] | undefined;
  return Object.defineProperty(facts as SettlementFacts, 'timeline', {
    enumerable: true,
    configurable: true,
    get: () => (timeline ??= write()),
  });
}

/** Keeps nothing of the intention but the answer. */
const responseMaker =
  (answer: Answer, known: Parameters<typeof remember>[1]): (() => Response) =>
  () =>
    remember(responseOf(answer), known);

/** The merchant's number, and the provider's where it is known. */
export function namesOf(operation: Operation, { reference }: Ticket): Settlement['reference'] {
  const [merchant = ''] = Object.values(reference);
  const learns = isWrite(operation) ? operation.learns : undefined;
  const provider = learns?.map(name => reference[name]).find(value => value !== undefined);
  return { merchant, ...(provider !== undefined && { provider }) };
}
