import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { InputError } from '../../core/errors.ts';
import type { SendContext } from '../../kit/adapter.ts';
import { MOST_TOKEN_BYTES, readUpTo } from '../../kit/read-up-to.ts';
import { idOf, textOf } from '../../kit/readers.ts';
import type { Token } from '../../kit/token.ts';

/** Signs a text: SHA256withRSA, in base64. */
export type RsaSigner = (text: string) => Promise<string>;

/** What of a request is signed. */
export interface SignedParts {
  readonly method: string;
  /** The path as sent. */
  readonly path: string;
  /** JSON without a space: what `JSON.stringify` writes is what the manual calls minified. */
  readonly body: string;
  readonly timestamp: string;
  /** The B2B token, for a symmetric signature. */
  readonly token?: string;
}

/**
 * `POST:/v1.0/debit/status:<body's SHA-256>:<timestamp>`, with the token after the path where there is one.
 *
 * @see https://developer.ifortepay.id/snap/auth/signature-security
 */
export function textToSign({ method, path, body, timestamp, token }: SignedParts): string {
  const digest = bytesToHex(sha256(utf8ToBytes(body)));
  return [method, path, ...(token === undefined ? [] : [token]), digest, timestamp].join(':');
}

/** The symmetric signature: HMAC-SHA512 with the client secret, in base64. */
export function hmacSignature(clientSecret: string, text: string): string {
  return base64(hmac(sha512, utf8ToBytes(clientSecret), utf8ToBytes(text)));
}

/** The asymmetric signature. The key is read once, at the first one. @param privateKey RSA, PKCS #8 PEM */
export function rsaSigner(privateKey: string): RsaSigner {
  let key: Promise<CryptoKey> | undefined;
  return async text => {
    key ??= readKey(privateKey);
    return base64(
      new Uint8Array(await crypto.subtle.sign('RSASSA-PKCS1-v1_5', await key, new TextEncoder().encode(text))),
    );
  };
}

async function readKey(pem: string): Promise<CryptoKey> {
  try {
    // An environment variable often holds the line ends as two characters.
    const der = Uint8Array.from(atob(pem.replaceAll(/-----[A-Z ]+-----|\\n|\s/g, '')), character =>
      character.charCodeAt(0),
    );
    return await crypto.subtle.importKey('pkcs8', der, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign']);
  } catch {
    // The cause is left out: it could quote the key.
    throw new InputError('ifortepay: privateKey cannot be read. It must be an RSA key in PKCS #8 PEM.');
  }
}

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

const JAKARTA_MS = 7 * 3_600_000;

/** `2026-11-20T13:14:15+07:00` */
export function jakartaTime(atMs: number): string {
  return `${new Date(atMs + JAKARTA_MS).toISOString().slice(0, 19)}+07:00`;
}

/** A SNAP token lives 15 minutes, where the answer does not say. */
const USUAL_TOKEN_S = 900;

/**
 * Fetches a B2B token.
 *
 * @see https://developer.ifortepay.id/snap/auth/access-token-b2b
 */
export function tokenRequest(options: {
  url: string;
  clientId: string;
  /** Between the client id and the timestamp in the signed text. */
  separator: string;
  sign: RsaSigner;
}): (context: SendContext) => Promise<Token> {
  const { url, clientId, separator, sign } = options;
  return async ({ nowMs, fetch, signal }) => {
    const timestamp = jakartaTime(nowMs);
    const headers = {
      'content-type': 'application/json',
      'X-TIMESTAMP': timestamp,
      'X-CLIENT-KEY': clientId,
      'X-SIGNATURE': await sign(`${clientId}${separator}${timestamp}`),
    };
    const body = JSON.stringify({ grantType: 'client_credentials' });
    const response = await fetch(new Request(url, { method: 'POST', headers, body, signal, redirect: 'manual' }));
    const text = new TextDecoder().decode(await readUpTo(response.body, MOST_TOKEN_BYTES, signal));
    const answer = parse(text);
    const value = textOf(answer, 'accessToken');
    if (!response.ok || value === undefined) {
      const code = textOf(answer, 'responseCode')?.slice(0, 7) ?? 'none';
      const came = `HTTP ${response.status}, responseCode ${code}`;
      throw new Error(`ifortepay: no B2B token (${came}). Check partnerId, privateKey and this machine's clock.`);
    }
    const lifetimeS = Number(idOf(answer, 'expiresIn') ?? USUAL_TOKEN_S);
    return { value, expiresAtMs: nowMs + (lifetimeS > 0 ? lifetimeS : USUAL_TOKEN_S) * 1000 };
  };
}

/** `undefined` for what is not JSON: a parser's own error would quote the text, and with it a token. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
