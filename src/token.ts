import type { SendContext } from './adapter.ts';

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

const inProcess = new Map<string, Token>();
const underWay = new Map<string, Promise<Token>>();

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
  const { key, fetchToken } = options;
  const store: TokenStore = options.store ?? inProcess;

  return async (context) => {
    const refused = context.reauthenticate ? context.memory.get('token') : undefined;
    let token = underWay.has(key) ? undefined : await store.get(key);
    // Another call may have renewed it since: only the very token that was refused is thrown away.
    if (token === undefined || token.value === refused || token.expiresAtMs - RENEW_BEFORE_MS <= context.nowMs) {
      let fetching = underWay.get(key);
      if (fetching === undefined) {
        fetching = (async () => {
          const fetched = await fetchToken(context);
          await store.set(key, fetched);
          return fetched;
        })().finally(() => underWay.delete(key));
        underWay.set(key, fetching);
      }
      token = await fetching;
    }
    context.memory.set('token', token.value);
    return token.value;
  };
}
