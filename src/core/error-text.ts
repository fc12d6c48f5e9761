import { withoutQuotations } from './adapter-fault.ts';
import { printable } from './printable.ts';

const LONGEST = 200;
/** Why a cause failed has a cause of its own at most that often. */
const MOST_CAUSES = 3;
/** So much of a text is looked at: no error is worth more. */
const LONGEST_READ = 4 * LONGEST;

/** What an error may quote: who logs in, with what; numbers of cards and phones; mail addresses; keys and tokens. */
const telling = new RegExp(
  [
    String.raw`(?<=\/\/)[^\s/@]*@`,
    String.raw`[^\s@<>"'(]+@[\w-]+\.[\w.-]+`,
    // `apiKey=…`, `client_secret: …`, `"access-token": "…"`, with the scheme that may stand before the value.
    String.raw`\b[\w-]*(?:pass(?:word|wd|phrase)?|secret|token|key|pin|credentials?|signature|authorization)["']?\s*[:=]\s*(?:(?:basic|bearer|digest)\s+)?\S+`,
    String.raw`\b(?:basic|bearer)\s+\S+`,
    String.raw`\b(?:cvv2?|cvc2?|cvn|csc|pin|otp)\b\W{0,3}\d{3,8}\b`,
    // What a URL asks for.
    String.raw`(?<=\w)\?\S+`,
    String.raw`\d(?:[ -]?\d){5,}`,
    String.raw`[!-~]{24,}`,
    // Letters and digits in one word, as only keys and numbers have.
    String.raw`(?=[a-z+/=_-]*\d)(?=[\d+/=_-]*[a-z])[\w+/=-]{10,}`,
  ].join('|'),
  'gi',
);

/**
 * An error in a line that may be logged and stored: what it is called, and what it says without what is secret; then
 * the same of its causes.
 *
 * @param given what was sent: whatever the error quotes of it is left out
 */
export function errorText(error: unknown, given: readonly unknown[] = []): string {
  const texts: string[] = [];
  let each = error;
  do {
    const { name, message, code, cause } = partsOf(each);
    const read = withoutQuotations(message.slice(0, LONGEST_READ), given);
    const said = printable(read).replaceAll(telling, '…').trim();
    const text = [code === undefined ? name : `${name} ${code}`, said].filter(part => part !== '').join(': ');
    texts.push(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
    each = cause;
  } while (each instanceof Error && texts.length <= MOST_CAUSES);
  return texts.join('; cause: ');
}

interface Parts {
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly cause?: unknown;
}

function partsOf(error: unknown): Parts {
  try {
    if (!(error instanceof Error)) return { name: 'Error', message: typeof error === 'string' ? error : '' };
    const { code } = error as { readonly code?: unknown };
    const { name, message, cause } = error as { readonly name: unknown; readonly message: unknown; cause?: unknown };
    return {
      name: isName(name) ? name : 'Error',
      message: typeof message === 'string' ? message : '',
      code: isErrorCode(code) ? code : undefined,
      cause,
    };
  } catch {
    return { name: 'Error', message: '' };
  }
}

/** The name of a kind of errors. */
const isName = (value: unknown): value is string =>
  typeof value === 'string' && /^[A-Z]?[A-Za-z]{0,40}(?:Error|Exception)$/.test(value);

/** `ECONNRESET`, `ERR_HTTP2_GOAWAY`, `ConnectionRefused`, `body-too-long`, or a database's `23505`: no key looks so. */
export const isErrorCode = (value: unknown): value is string =>
  typeof value === 'string' &&
  value.length <= 60 &&
  /^(?:[A-Z][A-Z_]*(?:\d{1,2}[A-Z_]*){0,2}|[A-Za-z][a-z]*(?:[A-Z][a-z]+)*|[a-z]+(?:-[a-z]+){1,4}|[0-9A-Z]{5})$/.test(
    value,
  );
