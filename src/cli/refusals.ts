import { isWrite } from '../core/operation.ts';
import { printable } from '../core/printable.ts';
import type { Adapter } from '../kit/adapter.ts';
import type { LogLine } from '../serve/index.ts';
import type { Answer, Refusal, Voice } from '../testing/index.ts';

/** What can be sent, and where. */
export interface Place {
  readonly operation: string;
  readonly effect: 'write' | 'read';
  /** `POST /v1/payments/(pay|retailPay)` */
  readonly at: string;
  readonly pattern: RegExp;
}

export const placesOf = (adapter: Adapter): Place[] =>
  Object.values(adapter.operations)
    .filter(({ sendable }) => sendable !== false)
    .map(each => {
      const method = each.method ?? 'POST';
      const path = each.path.replaceAll(/\{\w+:([^}]+)\}/g, '($1)');
      return {
        ...({ operation: each.name, effect: isWrite(each) ? 'write' : 'read', at: `${method} ${path}` } as const),
        pattern: new RegExp(`^${method} ${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
      };
    });

/** Why the gateway let a request not in: nothing is sought more often by who writes a client by hand. */
export class Refusals {
  readonly #adapter: Adapter;
  readonly #places: readonly Place[];
  /** Of requests that are on their way back, by method and path. */
  readonly #why = new Map<string, string[]>();

  constructor(adapter: Adapter) {
    this.#adapter = adapter;
    this.#places = placesOf(adapter);
  }

  /** The same voice, listened to. */
  heardBy(voice: Voice): Voice {
    return {
      ...voice,
      hear: async request => {
        const heard = await voice.hear(request);
        if ('refused' in heard) this.#add(`${request.method} ${request.url.pathname}`, heard);
        return heard;
      },
    };
  }

  /** Of the request of that line. */
  whyOf(line: LogLine): string | undefined {
    if (line.type !== 'request' || line.operation !== undefined) return undefined;
    const key = `${line.method} ${line.path}`;
    const why = this.#why.get(key)?.shift();
    if (this.#why.get(key)?.length === 0) this.#why.delete(key);
    return why;
  }

  #add(key: string, { refused: answer, because }: Refusal): void {
    const operation = this.#places.find(({ pattern }) => pattern.test(key))?.operation;
    const why = operation === undefined ? elsewhere(key, answer) : this.#meaningOf(operation, answer, because);
    this.#why.set(key, [...(this.#why.get(key) ?? []), printable(why)]);
  }

  #meaningOf(operation: string, { status = 200, body }: Answer, because: string | undefined): string {
    const { code, reason, message, advice } = this.#adapter.classify({ operation, status, body });
    const told = [message, because ?? advice].filter(each => each !== undefined && each !== '');
    return [`${code} · ${reason}`, ...told].join(': ');
  }
}

/** At an address of no operation, a token's perhaps. */
const elsewhere = (key: string, { status, body }: Answer): string =>
  status === 404 ? `There is no ${key} here.` : typeof body === 'string' ? body : JSON.stringify(body);
