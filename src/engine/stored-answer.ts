import type { Answer } from './wire.ts';

/**
 * An answer as small as it can be kept: a `Headers` and a buffer of its own weigh more than all the rest, and few look
 * at them again.
 */
class StoredAnswer implements Answer {
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  readonly #headers: string;
  readonly #text: string;

  constructor({ status, statusText, url, headers }: Answer, text: string) {
    this.status = status;
    this.statusText = statusText;
    this.url = url;
    this.#headers = JSON.stringify([...headers]);
    this.#text = text;
  }

  get headers(): Headers {
    return new Headers(JSON.parse(this.#headers) as [string, string][]);
  }

  get bytes(): Answer['bytes'] {
    return new TextEncoder().encode(this.#text);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Of an answer that did not settle a payment: it waits with it. What is no text stays as it came. */
export function stored(answer: Answer): Answer {
  try {
    return new StoredAnswer(answer, utf8.decode(answer.bytes));
  } catch {
    return answer;
  }
}
