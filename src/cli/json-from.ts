import { InputError } from '../core/errors.ts';

/** What was meant to be JSON, from the command line. @throws {InputError} */
export const jsonFrom = (what: string, text: string): unknown =>
  parsed(text, `${what} is no JSON. Quote it for your shell, or pass it on standard input with "-".`);

/** What was meant to be JSON, from elsewhere. Nothing of it is quoted. @throws {InputError} */
export const jsonIn = (what: string, text: string): unknown => parsed(text, `${what} holds no JSON.`);

function parsed(text: string, otherwise: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
  } catch {
    throw new InputError(otherwise);
  }
}
