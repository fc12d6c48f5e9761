import { printable } from './printable.ts';
import type { PollRequiredVerdict, Verdict } from './verdict.ts';

/**
 * A function of the adapter's threw: a bug of the adapter, which says nothing about the payment. It stays open, and is
 * asked about.
 */
export interface AdapterFault {
  /** The operation whose function it is, such as `payment.query`. */
  readonly operation: string;
  /** Which function of it. */
  readonly part:
    | ('read' | 'codes' | 'match' | 'hear')
    | ('query.fields' | 'lookUp.fields' | 'cancel.fields' | 'batch.fields' | 'batch.part');
  /** What was thrown: the error's name, and what the runtime says of it. Nothing of a request, an answer or a key. */
  readonly message: string;
  /** Nothing was thrown: what the function gave cannot be meant. */
  readonly isWrong?: true;
}

/** @param given what the function was given: whatever the error quotes of it is left out */
export function faultOf(
  operation: string,
  part: AdapterFault['part'],
  error: unknown,
  given: readonly unknown[],
): AdapterFault {
  return { operation, part, message: messageOf(error, given) };
}

/** One sentence for the engineer on call. */
export const adviceOn = ({ operation, part, message, isWrong }: AdapterFault): string =>
  `The adapter’s ${part} of ${operation} ${isWrong === true ? 'is wrong' : 'threw'} (${message}): a bug of the adapter, which says nothing about the payment.`;

/** The same verdict, by the fault's name. */
export const namedBy = (fault: AdapterFault, verdict: Verdict): Verdict => ({
  ...verdict,
  code: `adapter/${fault.part}`,
  advice: adviceOn(fault),
});

/** Of a question that could not be made. */
export const notAskedFor = (fault: AdapterFault): PollRequiredVerdict => ({
  kind: 'poll-required',
  code: `adapter/${fault.part}`,
  reason: 'unknown-outcome',
  listed: false,
  advice: adviceOn(fault),
});

/**
 * What runtimes say of a mistake in code: names of the code's own, and no value. Of whatever else is thrown only the
 * name is shown, since the adapter may have put into it what it read, or its own key.
 */
const ofTheRuntime =
  /^Cannot (?:read|set) propert(?:y|ies) of (?:undefined|null)(?: \((?:reading|setting) '\w{1,60}'\))?$|^[\w$.]{1,80}(?:\(\.\.\.\))? is not (?:a function|iterable|defined|a constructor)$/;

/** What may be shown of an error that code of the user's has thrown, or an adapter's. @param given what it was given */
export function messageOf(error: unknown, given: readonly unknown[]): string {
  if (!(error instanceof Error)) return 'what is no Error';
  const name = printable(error.name.slice(0, 60));
  if (!ofTheRuntime.test(error.message)) return name;
  return `${name}: ${withoutQuotations(error.message, given).replaceAll(/\d{3,}/g, '…')}`;
}

/** So many characters in a row that are the same as in a request or an answer are a quotation. */
const QUOTED = 6;

/** A name may be a value too, where the code takes one for the other. */
export function withoutQuotations(message: string, given: readonly unknown[]): string {
  const known = textsIn(given).join('\n');
  const isQuoted = new Array<boolean>(message.length).fill(false);
  for (let at = 0; at + QUOTED <= message.length; at++) {
    if (known.includes(message.slice(at, at + QUOTED))) isQuoted.fill(true, at, at + QUOTED);
  }
  const left = Array.from(isQuoted, (quoted, at) => (quoted ? '…' : message.charAt(at)));
  return left.join('').replaceAll(/…+/g, '…');
}

/** Deeper than any answer. */
const DEEPEST = 64;

function textsIn(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  if (value instanceof Headers) return [...value.values()];
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return [];
  return Object.values(value).flatMap(each => textsIn(each, depth + 1));
}
