import type { SendContext } from './adapter.ts';
import { orAbort } from './clock.ts';

/** A machine token and when it ends. */
export interface Token {
  readonly value: string;
  readonly expiresAtMs: number;
}

/** Where tokens are kept. One for several machines is the user's to give. */
export interface TokenStore {
  get(key: string): Token | undefined | Promise<Token | undefined>;
  set(key: string, token: Token): unknown;
}

/** Renewed this long before it ends, so that none dies on the way. */
const RENEW_BEFORE_MS = 60_000;

/** A token request and how many wait for it. */
interface Fetching {
  readonly token: Promise<Token>;
  readonly giveUp: AbortController;
  waiting: number;
}

/** What is known by key: the newest token, which a store that answers late must not undo, and the request for the next. */
interface Knowledge {
  readonly newest: Map<string, Token>;
  readonly underWay: Map<string, Fetching>;
}

/** Shared by every gateway of the process that has no store of its own. */
const inProcess: Knowledge = { newest: new Map(), underWay: new Map() };

/**
 * One token per key in this process, fetched once for all who wait, renewed shortly before it ends or when it was refused.
 *
 * @param key names the account at its base URL: it is never a secret
 */
export function tokenKeeper(options: {
  key: string;
  fetchToken: (context: SendContext) => Promise<Token>;
  store?: TokenStore | undefined;
}): (context: SendContext) => Promise<string> {
  const { key, fetchToken, store } = options;
  const { newest, underWay }: Knowledge = store === undefined ? inProcess : { newest: new Map(), underWay: new Map() };

  const start = (context: SendContext): Fetching => {
    const giveUp = new AbortController();
    const token = (async () => {
      const fetched = await fetchToken({ ...context, signal: giveUp.signal });
      newest.set(key, fetched);
      await store?.set(key, fetched);
      return fetched;
    })();
    const fetching: Fetching = { token, giveUp, waiting: 0 };
    underWay.set(key, fetching);
    const forget = (): void => {
      if (underWay.get(key) === fetching) underWay.delete(key);
    };
    token.then(forget, forget);
    return fetching;
  };

  /** Each caller waits with a signal of his own; the request ends when nobody waits for it any more. */
  const fetched = async (context: SendContext): Promise<Token> => {
    const fetching = underWay.get(key) ?? start(context);
    fetching.waiting++;
    try {
      return await orAbort(fetching.token, context.signal);
    } finally {
      fetching.waiting--;
      if (fetching.waiting === 0) {
        fetching.giveUp.abort();
        if (underWay.get(key) === fetching) underWay.delete(key);
      }
    }
  };

  return async (context) => {
    // Another call may have renewed it since: only the very token that was refused is thrown away.
    const refused = context.reauthenticate ? context.memory.get('token') : undefined;
    const usable = (token: Token | undefined): Token | undefined =>
      token !== undefined && token.value !== refused && token.expiresAtMs - RENEW_BEFORE_MS > context.nowMs ? token : undefined;
    const stored = store === undefined || underWay.has(key) ? undefined : await store.get(key);
    const token = usable(newest.get(key)) ?? usable(stored) ?? (await fetched(context));
    context.memory.set('token', token.value);
    return token.value;
  };
}
