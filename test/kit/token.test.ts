import { describe, expect, it } from 'vitest';
import type { SendContext } from '../../src/kit/adapter.ts';
import { tokenKeeper, type Token, type TokenStore } from '../../src/kit/token.ts';

const startMs = Date.UTC(2026, 10, 21);
const HALF_AN_HOUR_MS = 30 * 60_000;

let keys = 0;
/** The tokens of a process outlive a test. */
const freshAccount = (): string => `https://gateway.test client-${++keys}`;
const secret = 'made-up-api-key-4711';

const contextAt = (nowMs: number, more: Partial<SendContext> = {}): SendContext => ({
  operation: 'payment.create',
  nowMs,
  openedAtMs: nowMs,
  sendId: '000000000000000001',
  unsent: {},
  reauthenticate: false,
  memory: new Map(),
  fetch: () => Promise.reject(new Error('nothing is sent here')),
  signal: new AbortController().signal,
  ...more,
});

/** A gateway that hands out `token-1`, `token-2`, … when told to. */
function issuer(): {
  fetchToken: (context: SendContext) => Promise<Token>;
  issued: () => number;
  hold: () => (error?: Error) => void;
} {
  let count = 0;
  let held: Promise<unknown> = Promise.resolve();
  return {
    async fetchToken({ nowMs }) {
      const value = `token-${++count}`;
      await held;
      return { value, expiresAtMs: nowMs + HALF_AN_HOUR_MS };
    },
    issued: () => count,
    hold() {
      const { promise, resolve, reject } = Promise.withResolvers<undefined>();
      held = promise;
      promise.catch(() => undefined);
      return error => (error === undefined ? resolve(undefined) : reject(error));
    },
  };
}

/** The store of one account: what it holds, by whatever key. */
function storeOf(
  first?: Token,
): TokenStore & { account: string; keys: Set<string>; kept: { token: Token | undefined } } {
  const kept = { token: first };
  const keys = new Set<string>();
  return {
    account: freshAccount(),
    keys,
    kept,
    get(key) {
      keys.add(key);
      return Promise.resolve(kept.token);
    },
    set(key, token) {
      keys.add(key);
      kept.token = token;
      return Promise.resolve();
    },
  };
}

describe('a token', () => {
  it('is fetched once and used until it has ended: seconds before, since it would die on the way', async () => {
    const gateway = issuer();
    const token = tokenKeeper({ account: freshAccount(), secret, fetchToken: gateway.fetchToken });
    expect(await token(contextAt(startMs))).toBe('token-1');
    // A new one would end the token that other machines still use.
    expect(await token(contextAt(startMs + HALF_AN_HOUR_MS - 5001))).toBe('token-1');
    expect(await token(contextAt(startMs + HALF_AN_HOUR_MS - 5000))).toBe('token-2');
    expect(gateway.issued()).toBe(2);
  });

  it('is fetched once for all who wait for it', async () => {
    const gateway = issuer();
    const token = tokenKeeper({ account: freshAccount(), secret, fetchToken: gateway.fetchToken });
    const release = gateway.hold();
    const waiting = Array.from({ length: 20 }, () => token(contextAt(startMs)));
    await Promise.resolve();
    const late = token(contextAt(startMs));
    release();
    expect(new Set(await Promise.all([...waiting, late]))).toEqual(new Set(['token-1']));
    expect(gateway.issued()).toBe(1);
  });

  it('is shared by keepers of one account, and by no other', async () => {
    const account = freshAccount();
    const gateway = issuer();
    const [first, second, other] = [account, account, freshAccount()].map(each =>
      tokenKeeper({ account: each, secret, fetchToken: gateway.fetchToken }),
    );
    expect(await first?.(contextAt(startMs))).toBe('token-1');
    expect(await second?.(contextAt(startMs))).toBe('token-1');
    expect(await other?.(contextAt(startMs))).toBe('token-2');
  });

  it('is never handed to somebody with another key of the same account, whoever came first', async () => {
    const account = freshAccount();
    const [right, wrong] = [issuer(), issuer()];
    const denied = tokenKeeper({
      account,
      secret: 'wrong',
      fetchToken: () => (wrong.fetchToken(contextAt(startMs)), Promise.reject(new Error('denied'))),
    });
    const known = tokenKeeper({ account, secret, fetchToken: right.fetchToken });
    const stranger = tokenKeeper({ account, secret: `${secret}-of-another-tenant`, fetchToken: wrong.fetchToken });
    const both = await Promise.allSettled([denied(contextAt(startMs)), known(contextAt(startMs))]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    await expect(denied(contextAt(startMs))).rejects.toThrow('denied');
    await stranger(contextAt(startMs));
    expect([right.issued(), wrong.issued()]).toEqual([1, 3]);
  });

  it('that could not be had is asked for again by the next one', async () => {
    const gateway = issuer();
    const token = tokenKeeper({ account: freshAccount(), secret, fetchToken: gateway.fetchToken });
    const release = gateway.hold();
    const waiting = [token(contextAt(startMs)), token(contextAt(startMs))];
    release(new Error('down'));
    expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(gateway.issued()).toBe(1);
    gateway.hold()();
    expect(await token(contextAt(startMs))).toBe('token-2');
  });
});

describe('a token that was refused', () => {
  it('is thrown away, once', async () => {
    const gateway = issuer();
    const token = tokenKeeper({ account: freshAccount(), secret, fetchToken: gateway.fetchToken });
    const memory = new Map<string, string>();
    await token(contextAt(startMs, { memory }));
    expect(await token(contextAt(startMs, { memory, reauthenticate: true }))).toBe('token-2');
    expect(await token(contextAt(startMs, { memory }))).toBe('token-2');
  });

  it('is not fetched again by those who were refused with it at the same time', async () => {
    const gateway = issuer();
    const token = tokenKeeper({ account: freshAccount(), secret, fetchToken: gateway.fetchToken });
    const memories = Array.from({ length: 10 }, () => new Map<string, string>());
    for (const memory of memories) await token(contextAt(startMs, { memory }));
    const renewed = await Promise.all(
      memories.map(memory => token(contextAt(startMs, { memory, reauthenticate: true }))),
    );
    expect(new Set(renewed)).toEqual(new Set(['token-2']));
    expect(gateway.issued()).toBe(2);
  });

  it('is not thrown away when another call has renewed it since', async () => {
    const gateway = issuer();
    const token = tokenKeeper({ account: freshAccount(), secret, fetchToken: gateway.fetchToken });
    const [early, late] = [new Map<string, string>(), new Map<string, string>()];
    await token(contextAt(startMs, { memory: early }));
    await token(contextAt(startMs, { memory: late }));
    await token(contextAt(startMs, { memory: early, reauthenticate: true }));
    expect(await token(contextAt(startMs, { memory: late, reauthenticate: true }))).toBe('token-2');
    expect(gateway.issued()).toBe(2);
  });
});

describe('a token store', () => {
  it('is asked first, and told what was fetched', async () => {
    const gateway = issuer();
    const store = storeOf({ value: 'stored', expiresAtMs: startMs + HALF_AN_HOUR_MS });
    const token = tokenKeeper({ account: store.account, secret, fetchToken: gateway.fetchToken, store });
    expect(await token(contextAt(startMs))).toBe('stored');
    expect(await token(contextAt(startMs + HALF_AN_HOUR_MS))).toBe('token-1');
    expect(store.kept.token).toEqual({ value: 'token-1', expiresAtMs: startMs + 2 * HALF_AN_HOUR_MS });
  });

  it('hands over what another machine fetched after ours was refused', async () => {
    const gateway = issuer();
    const store = storeOf();
    const token = tokenKeeper({ account: store.account, secret, fetchToken: gateway.fetchToken, store });
    const memory = new Map<string, string>();
    await token(contextAt(startMs, { memory }));
    store.kept.token = { value: 'of-another-machine', expiresAtMs: startMs + HALF_AN_HOUR_MS };
    expect(await token(contextAt(startMs, { memory, reauthenticate: true }))).toBe('of-another-machine');
    expect(gateway.issued()).toBe(1);
  });

  it('is believed when its token is newer than ours, so that nobody is refused with the older one', async () => {
    const gateway = issuer();
    const store = storeOf();
    const token = tokenKeeper({ account: store.account, secret, fetchToken: gateway.fetchToken, store });
    await token(contextAt(startMs));
    store.kept.token = { value: 'of-another-machine', expiresAtMs: startMs + HALF_AN_HOUR_MS + 1 };
    expect(await token(contextAt(startMs))).toBe('of-another-machine');
    store.kept.token = { value: 'late', expiresAtMs: startMs + HALF_AN_HOUR_MS };
    expect(await token(contextAt(startMs))).toBe('of-another-machine');
    expect(gateway.issued()).toBe(1);
  });

  it('sees one key for equal credentials and another for others, and no secret in either', async () => {
    const gateway = issuer();
    const store = storeOf();
    for (const each of [secret, secret, `${secret}-2`]) {
      await tokenKeeper({ account: store.account, secret: each, fetchToken: gateway.fetchToken, store })(
        contextAt(startMs),
      );
    }
    expect(store.keys.size).toBe(2);
    for (const key of store.keys) {
      expect(key).toContain(store.account);
      expect(key).not.toContain(secret);
    }
  });

  it('is not bypassed by the tokens of the process', async () => {
    const gateway = issuer();
    const store = storeOf();
    const inProcess = tokenKeeper({ account: store.account, secret, fetchToken: gateway.fetchToken });
    const shared = tokenKeeper({ account: store.account, secret, fetchToken: gateway.fetchToken, store });
    expect(await inProcess(contextAt(startMs))).toBe('token-1');
    expect(await shared(contextAt(startMs))).toBe('token-2');
    expect(store.kept.token?.value).toBe('token-2');
  });

  it('that fails is the caller’s to know', async () => {
    const gateway = issuer();
    const broken: TokenStore = { get: () => Promise.reject(new Error('store down')), set: () => undefined };
    await expect(
      tokenKeeper({ account: freshAccount(), secret, fetchToken: gateway.fetchToken, store: broken })(
        contextAt(startMs),
      ),
    ).rejects.toThrow('store down');
    expect(gateway.issued()).toBe(0);
  });
});
