import {
  digestOf,
  idOf,
  requestToken,
  sha256,
  textOf,
  toBase64,
  toHex,
  wallTime,
  type RsaSigner,
  type SendContext,
  type Token,
} from '../../kit/index.ts';

/** What of a request is signed. */
interface SignedParts {
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
  const digest = toHex(digestOf(sha256, body));
  return [method, path, ...(token === undefined ? [] : [token]), digest, timestamp].join(':');
}

/** `2026-11-20T13:14:15+07:00` */
export const jakartaTime = (atMs: number): string => `${wallTime(atMs, 7)}+07:00`;

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
  return async context => {
    const { nowMs } = context;
    const timestamp = jakartaTime(nowMs);
    const { ok, status, body } = await requestToken(context, url, {
      headers: {
        'content-type': 'application/json',
        'X-TIMESTAMP': timestamp,
        'X-CLIENT-KEY': clientId,
        'X-SIGNATURE': toBase64(await sign(`${clientId}${separator}${timestamp}`)),
      },
      body: JSON.stringify({ grantType: 'client_credentials' }),
    });
    const value = textOf(body, 'accessToken');
    if (!ok || value === undefined) {
      const code = textOf(body, 'responseCode')?.slice(0, 7) ?? 'none';
      const came = `HTTP ${status}, responseCode ${code}`;
      throw new Error(`ifortepay: no B2B token (${came}). Check partnerId, privateKey and this machine's clock.`);
    }
    const lifetimeS = Number(idOf(body, 'expiresIn') ?? USUAL_TOKEN_S);
    return { value, expiresAtMs: nowMs + (lifetimeS > 0 ? lifetimeS : USUAL_TOKEN_S) * 1000 };
  };
}
