import { circuitOpen } from '../core/decide.ts';
import { nearest } from '../core/did-you-mean.ts';
import { judge, lost, type Judgement } from '../core/doctrine.ts';
import { InputError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import { isWrite, type Fields, type Operation } from '../core/operation.ts';
import { effectOf, type Verdict } from '../core/verdict.ts';
import type { Row } from '../core/code-table.ts';
import type { Adapter } from '../kit/adapter.ts';
import type { ManualPages } from '../kit/manual.ts';
import { afterAnswer, afterNone, afterQuery, judgeFor, type Step } from './next.ts';
import { operationsOf, tableOf } from './tables.ts';
import { todoFor } from './todo.ts';

/** What is to be explained: a code, or the body of an answer. */
export interface ExplainQuestion {
  /** Default: every operation that the code or the answer means something for. */
  readonly operation?: string;
  /** As the provider writes it, as a verdict names it, or what came instead of an answer: `timeout`, `http/503`. */
  readonly code?: string;
  /** The parsed JSON of an answer. */
  readonly body?: unknown;
  /** Which send was answered. Default 1; from 2 on, an earlier one may have landed. */
  readonly attempt?: number;
  /** The HTTP status. Default 200. */
  readonly status?: number;
  /** The fields that were sent, where the meaning depends on them. */
  readonly sent?: Fields;
  /** The provider's own pages: `tillpaid/adapters/<name>/manual`. */
  readonly manual?: ManualPages;
}

/** What a code, or an answer, means. */
export interface Explanation {
  readonly provider: string;
  readonly attempt: number;
  /** Whether a row of the tables knows it. Where none does, `meanings` say what follows from that. */
  readonly listed: boolean;
  /** The known code that an unknown one nearly is. */
  readonly didYouMean?: string;
  /** Codes that hold this one as a part: the same with what else an answer may say, or in another place of it. */
  readonly related: readonly string[];
  /** Operations for which it means the same are together. Several: it depends on the operation. */
  readonly meanings: readonly Meaning[];
}

/** What it means for some of the operations. */
export interface Meaning {
  readonly code: string;
  readonly operations: readonly string[];
  readonly effect: 'write' | 'read';
  /** What the exchange means, at the attempt that was asked for; of a query, what its state says by itself. */
  readonly verdict: Verdict;
  /** The row that decided, as the table has it. */
  readonly row?: Row;
  /** Of a write: what follows the answer to a first send. */
  readonly first?: Step;
  /** Of a write: what follows where an earlier send may have landed. */
  readonly mayHaveLanded?: Step;
  /** Of a query: what follows for the writes that it is asked for, those together for which it is the same. */
  readonly asked?: readonly (Step & { readonly writes: readonly string[] })[];
  /** What a person should do. */
  readonly todo: string;
  /** It can mean something else with what else the answer or the request says: give the whole body. */
  readonly depends: boolean;
  /** Pages of the provider's manual, the operation's own first. */
  readonly pages: readonly string[];
}

/**
 * Explains a code or an answer from the adapter's own tables, by the doctrine and the decision that settle payments.
 * Pure: no network, no clock.
 *
 * @example
 * ```ts
 * const { meanings } = explain(adapter, { code: '1298', operation: 'payment.create' });
 * ```
 * @throws {InputError} for an unknown operation, an impossible attempt or status, or a question without code and body
 */
export function explain(adapter: Adapter, question: ExplainQuestion): Explanation {
  const { operation, code, body, attempt = 1, status = 200 } = question;
  if ((code === undefined) === (body === undefined))
    throw new InputError('explain: give a code or the body of an answer, one of them.');
  checkWhole('attempt', attempt, 1, 1000);
  checkWhole('status', status, 100, 599);
  const operations = operationsOf(adapter, operation);
  const asked: Asked = { adapter, question, attempt, status };
  const found = code === undefined ? ofBody(asked, operations) : ofCode(asked, operations, code.trim());
  return { provider: adapter.name, attempt, ...found };
}

function checkWhole(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new InputError(`explain: ${name} must be a whole number from ${least} to ${most}.`);
}

interface Asked {
  readonly adapter: Adapter;
  readonly question: ExplainQuestion;
  readonly attempt: number;
  readonly status: number;
}

type Found = Omit<Explanation, 'provider' | 'attempt'>;

function ofBody(asked: Asked, operations: readonly Operation[]): Found {
  const each = operations.map(operation => ofAnswer(asked, operation, asked.question.body));
  const listed = each.filter(({ verdict }) => verdict.listed);
  return {
    listed: listed.length > 0,
    related: [],
    meanings: together(listed.length > 0 ? listed : each),
  };
}

/** Codes of tillpaid's own: this call has sent nothing. */
const heldBack: Readonly<Record<string, Verdict>> = {
  [circuitOpen.code]: circuitOpen,
  limit: lost('write', 'not-sent', 'limit'),
};

/** No answer of the provider's: what the wire said. */
const withoutAnswer = /^(?:timeout|network\/\w+)$/;

function ofCode(asked: Asked, operations: readonly Operation[], code: string): Found {
  const [, http] = /^http\/([1-5]\d\d)$/.exec(code) ?? [];
  if (http !== undefined) {
    const by = { ...asked, status: Number(http) };
    return { listed: true, related: [], meanings: together(operations.map(each => ofAnswer(by, each, ''))) };
  }
  if (withoutAnswer.test(code))
    return { listed: true, related: [], meanings: together(operations.map(each => ofNone(asked, each, code))) };
  const known = [...new Set(operations.flatMap(each => Object.keys(tableOf(each, exchangeOf(asked, each, {})))))];
  const held = Object.hasOwn(heldBack, code) ? heldBack[code] : undefined;
  const writes = operations.filter(isWrite);
  if (held !== undefined && writes.length > 0 && !known.includes(code))
    return { listed: true, related: [], meanings: together(writes.map(each => ofHeldBack(asked, each, held))) };
  const related = known.filter(name => name !== code && name.split('/').includes(code));
  // As a part it is known only by the names that hold it.
  const names = known.includes(code) ? [code] : related;
  const meanings = (names.length === 0 ? [code] : names).flatMap(name =>
    together(
      operations
        .filter(each => names.length === 0 || Object.hasOwn(tableOf(each, exchangeOf(asked, each, {})), name))
        .map(each => ofAnswer({ ...asked, adapter: naming(asked.adapter, each, name) }, each, {})),
    ),
  );
  const near = names.length === 0 ? nearest(code, known) : undefined;
  return {
    listed: names.length > 0,
    ...(near !== undefined && { didYouMean: near }),
    related: known.includes(code) ? related : [],
    meanings,
  };
}

/** The adapter, for one operation of which every answer says this code and nothing else. */
function naming(adapter: Adapter, operation: Operation, code: string): Adapter {
  const only: Operation = { ...operation, read: () => ({ names: [code] }) };
  return { ...adapter, operations: { ...adapter.operations, [operation.name]: only } };
}

function exchangeOf({ question: { sent }, attempt, status }: Asked, operation: Operation, body: unknown): Exchange {
  return { operation: operation.name, attempt, status, body, ...(sent !== undefined && { sent }) };
}

/** What an answer means for one operation. */
function ofAnswer(asked: Asked, operation: Operation, body: unknown): Meaning {
  const { adapter, question, attempt } = asked;
  const exchange = exchangeOf(asked, operation, body);
  const { verdict, row } = judge(adapter, exchange);
  const about = { ...describe(asked, operation, verdict), ...(row !== undefined && { row }) };
  if (!isWrite(operation)) {
    const steps = followersOf(adapter, operation).map(write => ({
      ...afterQuery(adapter, write, judgeFor(adapter, write, exchange)),
      writes: [write.name],
    }));
    const end = steps[0] ?? { verdict, next: { does: 'ask' as const, withinMs: 0 } };
    return { ...about, asked: merged(steps), todo: todoFor(end, adapter.name, 'read', row) };
  }
  const seen = (each: Operation, known: object): Judgement =>
    judge(adapter, { ...exchange, operation: each.name, ...known });
  const step = (number: number, mayHaveLanded: boolean): Step =>
    afterAnswer(adapter, operation, seen, { attempt: number, mayHaveLanded }, question.sent);
  const first = step(1, false);
  const mayHaveLanded = step(Math.max(2, attempt), true);
  return {
    ...about,
    first,
    mayHaveLanded,
    todo: todoFor(attempt > 1 ? mayHaveLanded : first, adapter.name, 'write', row),
  };
}

/** What it means for one write that it was held back: unless an earlier send may have landed, nothing was sent. */
function ofHeldBack(asked: Asked, operation: Operation, verdict: Verdict): Meaning {
  const { next } = afterNone(asked.adapter, operation, 'timeout', asked.question.sent);
  return {
    ...describe(asked, operation, verdict),
    ...{ depends: false, pages: [] },
    first: { verdict, next: { does: 'settle', outcome: 'unsent' } },
    mayHaveLanded: { verdict, next },
    todo: `${verdict.advice ?? ''} So it is if the outcome is unsent; with any other an earlier send may have landed, and is asked about.`,
  };
}

/** What it means for one operation that no answer came. */
function ofNone(asked: Asked, operation: Operation, code: string): Meaning {
  const { adapter, question } = asked;
  const step = afterNone(adapter, operation, code, question.sent);
  const about = describe(asked, operation, lost(operation.effect, 'maybe-sent', code));
  return {
    ...about,
    ...(operation.effect === 'write' && { first: step, mayHaveLanded: step }),
    todo: todoFor(step, adapter.name, operation.effect),
  };
}

function describe(
  { question: { manual, sent, body } }: Asked,
  { name, codes }: Operation,
  verdict: Verdict,
): Pick<Meaning, 'code' | 'operations' | 'effect' | 'verdict' | 'depends' | 'pages'> {
  const own = manual !== undefined && Object.hasOwn(manual.operations, name) ? manual.operations[name] : undefined;
  return {
    code: verdict.code,
    operations: [name],
    effect: effectOf(name),
    verdict,
    depends: body === undefined && sent === undefined && typeof codes === 'function',
    pages: [...(own === undefined ? [] : [own]), ...(manual === undefined ? [] : [manual.codes])],
  };
}

/** The writes that a read is asked for. */
function followersOf(adapter: Adapter, read: Operation): readonly Operation[] {
  return Object.values(adapter.operations).filter(
    each => isWrite(each) && [each.query?.operation, each.lookUp?.operation].includes(read.name as `${string}.query`),
  );
}

/** Steps that are the same, with all their writes. */
function merged(steps: readonly (Step & { readonly writes: readonly string[] })[]): NonNullable<Meaning['asked']> {
  return grouped(steps, ({ verdict, next }) => [verdict, next]).map(([first, ...more]) => ({
    ...first,
    writes: [first, ...more].flatMap(({ writes }) => writes),
  }));
}

/** Meanings that are the same but for the operation, its page, and what else its meaning depends on. */
function together(meanings: readonly Meaning[]): Meaning[] {
  return grouped(meanings, ({ operations, pages, depends, ...rest }) => rest).map(([first, ...more]) => ({
    ...first,
    operations: [first, ...more].flatMap(({ operations }) => operations),
    depends: [first, ...more].some(({ depends }) => depends),
    pages: [...new Set([first, ...more].flatMap(({ pages }) => pages))],
  }));
}

function grouped<T>(values: readonly T[], what: (value: T) => unknown): [T, ...T[]][] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const value of values) {
    const key = JSON.stringify(what(value));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return [...groups.values()];
}
