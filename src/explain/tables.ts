import type { CodeTable, Row } from '../core/code-table.ts';
import { InputError } from '../core/errors.ts';
import { didYouMean } from '../core/did-you-mean.ts';
import type { Exchange } from '../core/exchange.ts';
import type { Operation } from '../core/operation.ts';
import type { Reason, Verdict } from '../core/verdict.ts';
import type { Adapter } from '../kit/adapter.ts';

/** One code of one operation. */
export interface ListedCode {
  readonly operation: string;
  readonly code: string;
  readonly kind: Verdict['kind'];
  /** Of a terminal row. */
  readonly outcome?: Extract<Verdict, { kind: 'terminal' }>['outcome'];
  readonly reason: Reason;
  readonly advice?: string;
}

/** Which codes to list. Default: all. */
export interface CodesFilter {
  readonly operation?: string;
  readonly kind?: Verdict['kind'];
  readonly reason?: Reason;
  /** In the code, the outcome, the reason or the advice, in any case. */
  readonly text?: string;
}

/**
 * The codes of an adapter's tables, as rows say them of a first send.
 *
 * @throws {InputError} for an operation that the adapter does not have, or a kind or reason that there is not
 */
export function listCodes(adapter: Adapter, filter: CodesFilter = {}): ListedCode[] {
  const all = operationsOf(adapter, undefined).flatMap(operation =>
    Object.entries(tableOf(operation)).map(([code, row]) => listed(adapter, operation.name, code, row)),
  );
  const { operation, kind, reason, text } = filter;
  if (operation !== undefined) operationsOf(adapter, operation);
  oneOf('kind', kind, ['terminal', 'retryable', 'poll-required']);
  oneOf('reason', reason, [...new Set(all.map(each => each.reason))].sort());
  const wanted = text?.toLowerCase();
  return all.filter(
    each =>
      (operation === undefined || each.operation === operation) &&
      (kind === undefined || each.kind === kind) &&
      (reason === undefined || each.reason === reason) &&
      (wanted === undefined ||
        [each.code, each.outcome, each.reason, each.advice].some(word => word?.toLowerCase().includes(wanted))),
  );
}

function listed(adapter: Adapter, operation: string, code: string, row: Row): ListedCode {
  const advice = adapter.advice?.(row) ?? row.advice;
  return {
    operation,
    code,
    kind: row.kind,
    ...(row.kind === 'terminal' && { outcome: row.outcome }),
    reason: row.reason,
    ...(advice !== undefined && { advice }),
  };
}

function oneOf(what: string, given: string | undefined, known: readonly string[]): void {
  if (given !== undefined && !known.includes(given))
    throw new InputError(`There is no ${what} ${didYouMean(given, known)}`);
}

/** All operations, or the one of that name. @throws {InputError} with the name that was meant */
export function operationsOf(adapter: Adapter, name: string | undefined): readonly Operation[] {
  if (name === undefined) return Object.values(adapter.operations);
  const known = Object.keys(adapter.operations);
  const operation = known.includes(name) ? adapter.operations[name] : undefined;
  if (operation === undefined) throw new InputError(`${adapter.name} has no operation ${didYouMean(name, known)}`);
  return [operation];
}

/** An operation's rows. Where they depend on the exchange: those of a plain one. */
export function tableOf({ codes, name }: Operation, exchange?: Exchange): CodeTable {
  if (typeof codes !== 'function') return codes;
  try {
    const table: unknown = codes(exchange ?? { operation: name, status: 200, body: {} });
    return typeof table === 'object' && table !== null ? (table as CodeTable) : {};
  } catch {
    // An adapter of the user's own may need more than it is given here.
    return {};
  }
}
