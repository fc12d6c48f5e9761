import type { ExplainQuestion } from '../src/explain/index.ts';

/** What somebody pasted, taken apart. */
export type Pasted =
  | { readonly is: 'code'; readonly code: string; readonly status?: number }
  | { readonly is: 'answer'; readonly body: unknown; readonly status?: number; readonly note?: string }
  | { readonly is: 'nothing'; readonly note?: string };

/**
 * Takes a pasted text apart: a code, JSON, a form, the JSON in a line of a log, or a whole HTTP answer as `curl -i`
 * prints it. Pure.
 *
 * @param isCode whether a text is a code that some table has
 */
export function pastedFrom(given: string, isCode: (text: string) => boolean): Pasted {
  const text = given.trim();
  if (text === '') return { is: 'nothing' };
  if (isCode(text)) return { is: 'code', code: text };
  const http = httpFrom(text);
  if (http !== undefined) {
    const inner = http.body === '' ? { is: 'answer' as const, body: '' } : pastedFrom(http.body, () => false);
    return inner.is === 'answer'
      ? { ...inner, status: http.status }
      : { is: 'answer', body: http.body, status: http.status };
  }
  const whole = jsonFrom(text);
  if (whole !== undefined && typeof whole.value === 'object' && whole.value !== null)
    return { is: 'answer', body: whole.value };
  const within = jsonWithin(text);
  if (within !== undefined) return { is: 'answer', body: within, note: 'Taken: the JSON in it.' };
  if (/^[[{]/.test(text)) return { is: 'nothing', note: 'This is no whole JSON: is its end missing? Paste all of it.' };
  const form = formFrom(text);
  if (form !== undefined) return { is: 'answer', body: form, note: 'Read as a form: every value is text.' };
  if (/[\s<>]/.test(text))
    return { is: 'answer', body: text, note: 'Neither a code nor JSON: taken as the text of an answer.' };
  const unquoted = /^"(.*)"$/.exec(text)?.[1] ?? text;
  return { is: 'code', code: unquoted };
}

/** The fields that were sent: JSON or a form. `undefined` where the text is neither. */
export function fieldsFrom(given: string): Readonly<Record<string, unknown>> | undefined {
  const text = given.trim();
  const value = jsonFrom(text)?.value;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  return formFrom(text);
}

/** The question to `explain` about what was pasted. */
export function questionFor(
  pasted: Exclude<Pasted, { is: 'nothing' }>,
  more: Pick<ExplainQuestion, 'operation' | 'attempt' | 'status' | 'sent' | 'manual'>,
): ExplainQuestion {
  const status = pasted.status ?? more.status;
  const rest = { ...more, ...(status !== undefined && { status }) };
  return pasted.is === 'code' ? { ...rest, code: pasted.code } : { ...rest, body: pasted.body };
}

function httpFrom(text: string): { status: number; body: string } | undefined {
  const [, status] = /^HTTP\/[\d.]+ (\d{3})\b/.exec(text) ?? [];
  if (status === undefined) return undefined;
  const [head = ''] = /^[^]*?\r?\n\r?\n/.exec(text) ?? [text];
  return { status: Number(status), body: text.slice(head.length).trim() };
}

function jsonFrom(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/** The object in a line of a log. */
function jsonWithin(text: string): unknown {
  const [from, to] = [text.indexOf('{'), text.lastIndexOf('}')];
  if (from <= 0 || to <= from) return undefined;
  return jsonFrom(text.slice(from, to + 1))?.value;
}

function formFrom(text: string): Record<string, string> | undefined {
  if (!/^[\w.[\]%-]+=[^\s]*(?:&[\w.[\]%-]+=[^\s]*)*$/.test(text)) return undefined;
  return Object.fromEntries(new URLSearchParams(text));
}
