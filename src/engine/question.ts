import { faultOf, type AdapterFault } from '../core/adapter-fault.ts';
import { isWrite, type FieldCheck, type Fields, type Operation } from '../core/operation.ts';
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

/** There is a question, but the adapter threw when it was to be made: with more in the ticket it may not. */
interface FaultyQuestion {
  readonly fault: AdapterFault;
}

/** The best question there is: the status query, or else a look-up. */
export function questionFor(
  adapter: Adapter,
  write: Operation,
  ticket: Ticket,
  nowMs: number,
): Question | FaultyQuestion | undefined {
  const query = questionOf('query', adapter, write, ticket, nowMs);
  if (query !== undefined && !('fault' in query)) return query;
  const lookUp = questionOf('lookUp', adapter, write, ticket, nowMs);
  return lookUp !== undefined && !('fault' in lookUp) ? lookUp : (query ?? lookUp);
}

/**
 * What can be asked: all that a decision needs to know of it. What the adapter threw at is tried again, with what the
 * ticket knows by then.
 */
export function reach(
  adapter: Adapter,
  write: Operation,
  ticket: Ticket,
  nowMs: number,
  onFault?: (fault: AdapterFault) => void,
): { askable: boolean; lookable: boolean } {
  const has = (kind: Question['kind']): boolean => {
    const question = questionOf(kind, adapter, write, ticket, nowMs);
    if (question !== undefined && 'fault' in question) onFault?.(question.fault);
    return question !== undefined;
  };
  return { askable: has('query'), lookable: has('lookUp') };
}

function questionOf(
  kind: Question['kind'],
  adapter: Adapter,
  write: Operation,
  ticket: Ticket,
  nowMs: number,
): Question | FaultyQuestion | undefined {
  const query = isWrite(write) ? write[kind] : undefined;
  const asked = query && adapter.operations[query.operation];
  if (query === undefined || asked === undefined) return undefined;
  try {
    const fields = query.fields(ticket, nowMs) ?? undefined;
    if (fields === undefined) return undefined;
    const incomplete = query.incomplete?.(ticket) === true;
    const wrong = incomplete ? undefined : wrongIn(asked, fields, ticket);
    if (wrong !== undefined)
      return { fault: { operation: write.name, part: `${kind}.fields`, message: wrong, isWrong: true } };
    return { kind, asked, fields, incomplete };
  } catch (error) {
    return { fault: faultOf(write.name, `${kind}.fields`, error, [ticket.reference]) };
  }
}

/** What makes it no question about this order: its "not found" would be believed all the same. */
function wrongIn(asked: Operation, fields: Fields, { reference }: Ticket): string | undefined {
  const given = (name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined);
  for (const [name, check] of Object.entries<FieldCheck>(asked.required)) {
    if (!check.accepts(given(name))) return `${asked.name} needs ${name}, which must be ${check.expects}`;
  }
  const names: Readonly<Record<string, string>> = 'sameReference' in asked ? {} : (asked.reference ?? {});
  for (const [name, number] of Object.entries(names)) {
    const [other, own] = [given(name), reference[number]];
    if ((typeof other === 'string' || typeof other === 'number') && own !== undefined && String(other) !== own)
      return `${asked.name} would ask about another ${number} than the ticket's`;
  }
  return undefined;
}
