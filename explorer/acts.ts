import { isWrite, type Operation } from '../src/core/operation.ts';
import type { Verdict } from '../src/core/verdict.ts';
import type { Explanation, Meaning, Step } from '../src/explain/index.ts';
import { adviceFor, todoFor } from '../src/explain/todo.ts';
import type { Provider } from './provider.ts';

/** What the person on call does first. */
export type Act = 'hand-over' | 'done' | 'capture' | 'payer' | 'wait' | 'call' | 'no-goods' | 'not-done' | 'correct';

/** In words: the first for a table, the second for a headline. In the order in which they are shown. */
export const acts: Readonly<Record<Act, { readonly short: string; readonly sentence: string; readonly sign: string }>> =
  {
    'hand-over': {
      short: 'Hand over',
      sentence: 'It is paid. Hand the goods over, if order and amount are the right ones.',
      sign: '✓',
    },
    capture: {
      short: 'Capture',
      sentence: 'The money is held, not taken. Capture it before you hand anything over, or release it.',
      sign: '→',
    },
    payer: { short: 'Payer’s turn', sentence: 'Not paid yet. The payer has to act first: no goods.', sign: '→' },
    wait: {
      short: 'Wait',
      sentence: 'Not known yet. Hand nothing over, send nothing a second time. tillpaid goes on by itself.',
      sign: '…',
    },
    call: {
      short: 'Look and call',
      sentence:
        'Waiting alone may not tell. Look in the provider’s portal, or call. Hand nothing over, send nothing twice.',
      sign: '!',
    },
    'no-goods': { short: 'No goods', sentence: 'It is not paid, and will not be under this number.', sign: '✕' },
    correct: {
      short: 'Correct it',
      sentence: 'This request did nothing: no goods for it. Correct it, or the set-up.',
      sign: '✎',
    },
    done: { short: 'Done', sentence: 'What was asked for has happened.', sign: '✓' },
    'not-done': { short: 'Not done', sentence: 'It did not happen, and will not under this number.', sign: '✕' },
  };

export const actNames: readonly Act[] = Object.keys(acts) as Act[];

/** One case that a code or an answer can be met in, and what is done then. */
export interface Case {
  readonly act: Act;
  readonly verdict: Verdict;
  readonly step?: Step;
  /** The operations whose answer it is. */
  readonly operations: readonly string[];
  /** Of a query: the writes that it was asked for. */
  readonly about: readonly string[];
  /** Of a write: which send it answers. `any`: it makes no difference. */
  readonly send?: 'first' | 'later' | 'any';
  readonly todo: string;
  /** What of it the row says, where it is for now. */
  readonly advice?: string | undefined;
  readonly meaning: Meaning;
}

/**
 * The cases of an explanation.
 *
 * @param send only those of a first send, or of a later one. Default: both
 */
export function casesOf(provider: Provider, { meanings }: Explanation, send?: 'first' | 'later'): Case[] {
  return meanings.flatMap(meaning => {
    const { operations, asked, first, mayHaveLanded } = meaning;
    if (first === undefined || mayHaveLanded === undefined)
      return asked === undefined || asked.length === 0
        ? [alone(provider, meaning)]
        : asked.flatMap(step =>
            byKind(provider, step, step.writes).map(about => caseOf(provider, meaning, step, { operations, about })),
          );
    const firsts = byKind(provider, first, operations);
    const laters = byKind(provider, mayHaveLanded, operations);
    // What differs for some at one of the sends is told apart at both.
    return (firsts.length > laters.length ? firsts : laters).flatMap(names => {
      const one = caseOf(provider, meaning, first, { operations: names, about: [], send: 'first' });
      const other = caseOf(provider, meaning, mayHaveLanded, { operations: names, about: [], send: 'later' });
      if (send !== undefined) return [send === 'first' ? one : other];
      return sameEnd(one, other) ? [{ ...one, send: 'any' }] : [one, other];
    });
  });
}

/** Writes that take a payer's money, and the others, where that makes a difference to what is done. */
function byKind({ adapter }: Provider, step: Step, names: readonly string[]): (readonly string[])[] {
  if (actOf(step, true) === actOf(step, false)) return [names];
  const kinds = [true, false].map(isPayment =>
    names.filter(name => isForGoods(adapter.operations[name]) === isPayment),
  );
  return kinds.filter(kind => kind.length > 0);
}

const sameEnd = (one: Case, other: Case): boolean =>
  JSON.stringify([one.act, one.todo, one.verdict, one.step]) ===
  JSON.stringify([other.act, other.todo, other.verdict, other.step]);

function caseOf(
  { adapter, title }: Provider,
  meaning: Meaning,
  step: Step,
  where: Pick<Case, 'operations' | 'about' | 'send'>,
): Case {
  const writes = (where.about.length > 0 ? where.about : where.operations).map(name => adapter.operations[name]);
  return {
    ...where,
    act: actOf(step, writes.every(isForGoods)),
    verdict: step.verdict,
    step: { verdict: step.verdict, next: step.next },
    todo: todoFor(step, title, meaning.effect, meaning.row),
    advice: adviceFor(step, meaning.effect, meaning.row),
    meaning,
  };
}

/** A query that is asked for no write. */
function alone({ title }: Provider, meaning: Meaning): Case {
  const { verdict, operations } = meaning;
  const isOver = verdict.kind === 'terminal';
  const act = isOver ? (verdict.outcome === 'rejected' ? 'correct' : 'done') : 'wait';
  const step: Step = {
    verdict,
    next: isOver ? { does: 'settle', outcome: verdict.outcome } : { does: 'ask', withinMs: 0 },
  };
  return { act, verdict, operations, about: [], todo: todoFor(step, title, 'read'), advice: verdict.advice, meaning };
}

function actOf({ verdict, next }: Step, isPayment: boolean): Act {
  if (verdict.reason === 'conflict') return 'call';
  if (next.does !== 'settle') return 'wait';
  switch (next.outcome) {
    case 'succeeded':
      return isPayment ? 'hand-over' : 'done';
    case 'authorized':
      return 'capture';
    case 'created':
      return 'payer';
    case 'failed':
    case 'canceled':
    case 'expired':
    case 'refunded':
      return isPayment ? 'no-goods' : 'not-done';
    case 'rejected':
    case 'unsent':
      return 'correct';
    case 'absent':
    case 'unresolved':
      return 'call';
  }
}

/** What an operation that takes a payer's money is named after. Of any other, success is no reason to hand goods over. */
const takesMoney = /^(?:payment|card-payment|qris|va|debit|bnpl)\./;

const isForGoods = (operation: Operation | undefined): boolean =>
  operation !== undefined &&
  isWrite(operation) &&
  (operation.follows ?? 'payment') === 'payment' &&
  takesMoney.test(operation.name);

/** The cases of each act, in the order in which they are shown. */
export const byAct = (cases: readonly Case[]): readonly (readonly [Act, readonly Case[]])[] =>
  actNames.flatMap(act => {
    const its = cases.filter(each => each.act === act);
    return its.length === 0 ? [] : [[act, its] as const];
  });
