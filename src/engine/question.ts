import { isWrite, type Fields, type Operation } from '../core/operation.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Adapter } from '../kit/adapter.ts';

/** A status query that can be asked with what the ticket knows. */
export interface Question {
  /** `lookUp`: it is looked for in a list. */
  readonly kind: 'query' | 'lookUp';
  readonly asked: Operation;
  readonly fields: Fields;
  /** It lacks what the provider may insist on. */
  readonly incomplete: boolean;
}

/** The best question there is: the status query, or else a look-up. */
export const questionFor = (adapter: Adapter, write: Operation, ticket: Ticket, nowMs: number): Question | undefined =>
  questionOf('query', adapter, write, ticket, nowMs) ?? questionOf('lookUp', adapter, write, ticket, nowMs);

/** What can be asked: all that a decision needs to know of it. */
export function reach(
  adapter: Adapter,
  write: Operation,
  ticket: Ticket,
  nowMs: number,
): { askable: boolean; lookable: boolean } {
  const has = (kind: Question['kind']): boolean => questionOf(kind, adapter, write, ticket, nowMs) !== undefined;
  return { askable: has('query'), lookable: has('lookUp') };
}

function questionOf(
  kind: Question['kind'],
  adapter: Adapter,
  write: Operation,
  ticket: Ticket,
  nowMs: number,
): Question | undefined {
  const query = isWrite(write) ? write[kind] : undefined;
  const asked = query && adapter.operations[query.operation];
  const fields = query?.fields(ticket, nowMs);
  if (asked === undefined || fields === undefined) return undefined;
  return { kind, asked, fields, incomplete: query?.incomplete?.(ticket) === true };
}
