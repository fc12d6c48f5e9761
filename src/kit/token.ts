import { orAbort } from '../clock.ts';
import type { FieldCheck } from '../core/operation.ts';
import type { SendContext } from './adapter.ts';
import { toHex } from './bytes.ts';
import { hmacOf, sha256 } from './hashes.ts';
import { MOST_TOKEN_BYTES, readUpTo } from './read-up-to.ts';
import { asRecord, jsonOf } from './readers.ts';

/** A machine token and when it ends. */
export interface Token {
  readonly value: string;
  readonly expiresAtMs: number;
}

/**
 * Where tokens are kept. One for several machines is the user's to give. A key holds no secret, and is the same on
 * every machine with the same credentials. The tokens themselves are secrets: keep them as you keep credentials.
 */
export interface TokenStore {
  get(key: string): Token | undefined | Promise<Token | undefined>;
  set(key: string, token: Token): unknown;
}

/** What a {@link TokenStore} of the user's has to be. */
export const tokenStore: FieldCheck = {
  expects: 'a token store with get and set',
  accepts: value => ['get', 'set'].every(name => typeof asRecord(value)?.[name] === 'function'),
};

/** What a token request was answered: the parsed JSON, or `undefined` where it was none. */
export interface TokenAnswer {
  readonly ok: boolean;
  readonly status: number;
  readonly body: unknown;
}

/**
 * Sends a token request. Its secrets follow no redirect to another place, and no error quotes the answer.
 *
 * @throws {Error} for an answer that is longer than any token's
 */
export async function requestToken(
  { fetch, signal }: Pick<SendContext, 'fetch' | 'signal'>,
  url: string,
  request: { readonly headers: Readonly<Record<string, string>>; readonly body?: string },
): Promise<TokenAnswer> {
  const response = await fetch(new Request(url, { method: 'POST', redirect: 'manual', signal, ...request }));
  const text = new TextDecoder().decode(await readUpTo(response.body, MOST_TOKEN_BYTES, signal));
  return { ok: response.ok, status: response.status, body: jsonOf(text) };
}

/**
 * What ends so soon counts as ended, since it would die on the way. No sooner: a new token may end the one that other
 * machines still use.
 */
const RENEW_BEFORE_MS = 5000;

/** A token request and how many wait for it. */
interface Fetching {
  readonly token: Promise<Token>;
  readonly giveUp: AbortController;
  waiting: number;
}

/**
 * What is known by key: the newest token, which a store that answers late must not undo, and the request for the next.
 */
interface Knowledge {
  readonly newest: Map<string, Token>;
  readonly underWay: Map<string, Fetching>;
}

/** Shared by every gateway of the process that has no store of its own. */
const inProcess: Knowledge = { newest: new Map(), underWay: new Map() };

/** 128 bits, made with the secret and not of it: equal for equal credentials, and nothing to learn the secret from. */
const keyOf = (account: string, secret: string): string =>
  `${account} ${toHex(hmacOf(sha256, secret, `token ${account}`)).slice(0, 32)}`;

/**
 * One token per account and secret in this process, fetched once for all callers that wait, and again when it has
 * expired or was refused. A caller that knows only the account, and not its secret, never gets its token.
 */
export function tokenKeeper(options: {
  /** Names the account and where its tokens are fetched; public. */
  account: string;
  /** The secret that tokens are issued for: another secret of the same account gets tokens of its own. */
  secret: string;
  fetchToken: (context: SendContext) => Promise<Token>;
  store?: TokenStore | undefined;
}): (context: SendContext) => Promise<string> {
  const { account, secret, fetchToken, store } = options;
  const key = keyOf(account, secret);
  const knowledge: Knowledge = store === undefined ? inProcess : { newest: new Map(), underWay: new Map() };
  const { newest, underWay } = knowledge;
  const fetchOnce = sharedFetch(key, knowledge, fetchToken, store);

  return async context => {
    // Another call may have renewed it since: only the very token that was refused is thrown away. Which one it was,
    // another process that goes on with the payment does not know.
    const used = context.memory.get('token');
    const isRefused = ({ value }: Token): boolean => context.reauthenticate && (used === undefined || value === used);
    const isUsable = (token: Token | undefined): token is Token =>
      token !== undefined && !isRefused(token) && token.expiresAtMs - RENEW_BEFORE_MS > context.nowMs;
    const stored = store === undefined || underWay.has(key) ? undefined : await store.get(key);
    // Of two, the one that ends later is the newer: it may have ended the other.
    const [known] = [newest.get(key), stored]
      .filter(isUsable)
      .sort((one, other) => other.expiresAtMs - one.expiresAtMs);
    if (known !== undefined) newest.set(key, known);
    const token = known ?? (await fetchOnce(context));
    context.memory.set('token', token.value);
    return token.value;
  };
}

/** One token request for all callers that wait for it. */
function sharedFetch(
  key: string,
  { newest, underWay }: Knowledge,
  fetchToken: (context: SendContext) => Promise<Token>,
  store: TokenStore | undefined,
): (context: SendContext) => Promise<Token> {
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

  /** Each caller waits with its own signal; the request is aborted when no caller waits for it any more. */
  return async context => {
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
}
