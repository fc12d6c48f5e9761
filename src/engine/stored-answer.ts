import type { Answer } from './wire.ts';

/** An answer as small as it can be kept: a `Headers` weighs more than all the rest, and few look at it again. */
class StoredAnswer implements Answer {
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  readonly bytes: Answer['bytes'];
  readonly #headers: string;

  constructor({ status, statusText, url, bytes, headers }: Answer) {
    this.status = status;
    this.statusText = statusText;
    this.url = url;
    this.bytes = bytes;
    this.#headers = JSON.stringify([...headers]);
  }

  get headers(): Headers {
    return new Headers(JSON.parse(this.#headers) as [string, string][]);
  }
}

/** Of an answer that did not settle a payment: it waits with it. */
export const stored = (answer: Answer): Answer => new StoredAnswer(answer);
