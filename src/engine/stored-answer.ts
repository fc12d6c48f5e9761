import { parse, type Answer } from './wire.ts';

/**
 * An answer as texts, which are the lightest to keep: a `Headers` and a buffer of its own weigh more than all the rest.
 * Plain JSON.
 */
export interface StoredAnswer extends Omit<Answer, 'headers' | 'bytes'> {
  /** JSON of a list of pairs. */
  readonly headers: string;
  /** The body's bytes, one a character. */
  readonly bytes: string;
}

export function storedOf(answer: Answer): StoredAnswer {
  if (answer instanceof LightAnswer) return answer.stored;
  const { status, statusText, url } = answer;
  return { status, statusText, headers: JSON.stringify([...answer.headers]), url, bytes: textOf(answer.bytes) };
}

export const answerOf = (stored: StoredAnswer): Answer => new LightAnswer(stored);

/** The same answer, made light: for one that did not settle a payment, and waits with it. */
export const lightened = (answer: Answer): Answer => answerOf(storedOf(answer));

/** Its body as it was parsed. */
export const bodyOf = ({ bytes }: StoredAnswer): unknown => parse(new TextDecoder().decode(bytesOf(bytes)));

/** Without these names in its body. */
export function stripped(stored: StoredAnswer, names: readonly string[]): StoredAnswer {
  const body = bodyOf(stored);
  if (typeof body !== 'object') return stored;
  const found: string[] = [];
  const text = JSON.stringify(body, (name, value: unknown) => {
    if (!names.includes(name)) return value;
    found.push(name);
    return undefined;
  });
  // Without one it stays as it came.
  return found.length === 0 ? stored : { ...stored, bytes: textOf(new TextEncoder().encode(text)) };
}

/** An answer whose headers and bytes are made when they are read: few read them. */
class LightAnswer implements Answer {
  readonly stored: StoredAnswer;

  constructor(stored: StoredAnswer) {
    this.stored = stored;
  }

  get status(): number {
    return this.stored.status;
  }

  get statusText(): string {
    return this.stored.statusText;
  }

  get url(): string {
    return this.stored.url;
  }

  get headers(): Headers {
    return new Headers(JSON.parse(this.stored.headers) as [string, string][]);
  }

  get bytes(): Answer['bytes'] {
    return bytesOf(this.stored.bytes);
  }
}

/** So many arguments every engine takes. */
const CHUNK = 4096;

function textOf(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += Reflect.apply(String.fromCharCode, String, bytes.subarray(at, at + CHUNK)) as string;
  }
  return text;
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
