import { InputError } from '../core/errors.ts';

/** What was meant to be JSON. @throws {InputError} */
export function jsonFrom(what: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new InputError(`${what} is no JSON. Quote it for your shell, or pass it on standard input with "-".`);
  }
}
