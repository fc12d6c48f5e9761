import { printable } from '../../core/printable.ts';

const LONGEST = 200;

/** What an error of a database or a handler may quote: who logs in, with what; numbers of cards and phones; tokens. */
const telling = new RegExp(
  [
    String.raw`(?<=\/\/)[^\s/@]*@`,
    // `apiKey=…`, `client_secret: …`, `"access-token": "…"`, with the scheme that may stand before the value.
    String.raw`\b[\w-]*(?:pass(?:word|wd|phrase)?|secret|token|key|pin|credentials?|signature|authorization)["']?\s*[:=]\s*(?:(?:basic|bearer|digest)\s+)?\S+`,
    String.raw`\b(?:basic|bearer)\s+\S+`,
    String.raw`\b(?:cvv2?|cvc2?|cvn|csc|pin|otp)\b\W{0,3}\d{3,8}\b`,
    String.raw`\d(?:[ -]?\d){5,}`,
    String.raw`[!-~]{24,}`,
  ].join('|'),
  'gi',
);

/** An error in a line that may be logged and stored: what it is called, and what it says without what is secret. */
export function errorText(error: unknown): string {
  const { name, message, code } = partsOf(error);
  const said = printable(message.slice(0, 4 * LONGEST))
    .replaceAll(telling, '…')
    .trim();
  const text = [code === undefined ? name : `${name} ${code}`, said].filter(part => part !== '').join(': ');
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function partsOf(error: unknown): { readonly name: string; readonly message: string; readonly code?: string } {
  try {
    if (!(error instanceof Error)) return { name: 'Error', message: typeof error === 'string' ? error : '' };
    const { code } = error as { readonly code?: unknown };
    const { name, message } = error as { readonly name: unknown; readonly message: unknown };
    return { name: word(name) ?? 'Error', message: typeof message === 'string' ? message : '', ...optionalCode(code) };
  } catch {
    return { name: 'Error', message: '' };
  }
}

const optionalCode = (code: unknown): { readonly code?: string } => {
  const found = word(code);
  return found === undefined ? {} : { code: found };
};

/** A name or a code, not a sentence. */
const word = (value: unknown): string | undefined =>
  typeof value === 'string' && /^\w{1,40}$/.test(value) ? value : undefined;
