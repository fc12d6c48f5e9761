import { newSecret } from '../../clock.ts';
import { InputError } from '../../core/errors.ts';
import { fromBase64, toBase64 } from '../../kit/bytes.ts';
import type { Token, TokenStore } from '../../kit/token.ts';
import { openDatabase, type PostgresPool } from './database.ts';
import { openSchema } from './schema.ts';

export interface PostgresTokenStoreOptions {
  /**
   * Secret: 32 bytes, or their Base64, best from a random generator. Tokens that another key has encrypted are fetched
   * anew.
   */
  readonly key: Uint8Array | string;
  /** As of `postgresJournal`, whose tables are made where there are none. Default `tillpaid`. */
  readonly schema?: string;
}

const NAME = 'postgresTokenStore';
const IV_BYTES = 12;
const DAY_MS = 24 * 60 * 60_000;

/**
 * Tokens that every machine with the same credentials shares, in PostgreSQL, encrypted with AES-256-GCM: an adapter
 * takes it as its `tokens`.
 *
 * @param pool of `pg`; it stays yours, and you end it
 * @throws {InputError} for what is no pool, another schema's name, or a key that is not 32 bytes; no key is ever quoted
 */
export function postgresTokenStore(pool: PostgresPool, options: PostgresTokenStoreOptions): TokenStore {
  const { schema = 'tillpaid' } = options;
  const database = openDatabase(pool, { name: NAME, schema, prepare: false });
  const bytes = bytesOf(options.key);
  let importing: Promise<CryptoKey> | undefined;
  let opening: Promise<void> | undefined;
  const key = (): Promise<CryptoKey> =>
    (importing ??= crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']));
  const ready = (): Promise<void> =>
    (opening ??= openSchema(database).catch((error: unknown) => {
      opening = undefined;
      throw error;
    }));

  return {
    async get(name) {
      await ready();
      const [row] = await database.query(`SELECT sealed FROM ${schema}.tokens WHERE key = $1`, [name]);
      return row === undefined ? undefined : unseal(await key(), name, row['sealed'] as string);
    },
    async set(name, token) {
      await ready();
      await database.query(
        `WITH old AS (DELETE FROM ${schema}.tokens WHERE key <> $1 AND expires_at_ms < ${schema}.now_ms() - ${DAY_MS})
         INSERT INTO ${schema}.tokens (key, sealed, expires_at_ms) VALUES ($1, $2, $3)
         ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed, expires_at_ms = excluded.expires_at_ms`,
        [name, await seal(await key(), name, token), token.expiresAtMs],
      );
    },
  };
}

/** One row cannot be put in the place of another: what it is called is sealed with it. */
const sealing = (name: string, iv: Uint8Array<ArrayBuffer>): AesGcmParams => ({
  ...{ name: 'AES-GCM', iv },
  additionalData: new TextEncoder().encode(name),
});

async function seal(key: CryptoKey, name: string, { value, expiresAtMs }: Token): Promise<string> {
  const iv = new Uint8Array(newSecret().subarray(0, IV_BYTES));
  const text = new TextEncoder().encode(JSON.stringify({ value, expiresAtMs }));
  const sealed = await crypto.subtle.encrypt(sealing(name, iv), key, text);
  return toBase64(new Uint8Array([...iv, ...new Uint8Array(sealed)]));
}

async function unseal(key: CryptoKey, name: string, sealed: string): Promise<Token | undefined> {
  const bytes = fromBase64(sealed);
  if (bytes === undefined) return undefined;
  try {
    const text = await crypto.subtle.decrypt(sealing(name, bytes.slice(0, IV_BYTES)), key, bytes.slice(IV_BYTES));
    return JSON.parse(new TextDecoder().decode(text)) as Token;
  } catch {
    // Another key's, or changed where it is stored: a new token is fetched in its place.
    return undefined;
  }
}

function bytesOf(key: unknown): Uint8Array<ArrayBuffer> {
  const bytes = typeof key === 'string' ? fromBase64(key) : key instanceof Uint8Array ? new Uint8Array(key) : undefined;
  if (bytes?.length !== 32) throw new InputError(`${NAME}: key must be 32 bytes, or their Base64.`);
  return bytes;
}
