import { fromBase64, toBase64, toBase64Url, wallTime, type RsaVerifier } from '../../kit/index.ts';

/**
 * Rebell's signatures, of requests and of answers.
 *
 * @see https://docs.rebellapp.com/openapis/message-transmission-security/call-api
 */

/** How the signature is written in its header: two pages of the manual disagree. */
export type SignatureEncoding = 'base64' | 'base64url';

export const writtenAs: Readonly<Record<SignatureEncoding, (signature: Uint8Array) => string>> = {
  base64: toBase64,
  base64url: toBase64Url,
};

/** What is signed. `path` is the path as sent, with whatever stands before the version; `body` is the text as sent. */
export interface Signed {
  readonly method: string;
  readonly path: string;
  readonly clientId: string;
  readonly time: string;
  readonly body: string;
}

export function stringToSign({ method, path, clientId, time, body }: Signed): string {
  return `${method} ${path}\n${clientId}.${time}.${body}`;
}

/** ISO 8601 in UTC, to the second as in the manual's examples. */
export const timeOf = (nowMs: number): string => `${wallTime(nowMs)}Z`;

/** The header's value from its parts. */
export function signatureHeader(keyVersion: number | string, signature: string): string {
  return `algorithm=SHA256withRSA, keyVersion=${keyVersion}, signature=${signature}`;
}

/**
 * Whether `header` holds the gateway's signature of the text: Base64, Base64URL, or either URL-encoded as siblings of
 * Rebell do.
 */
export async function isSigned(gateway: RsaVerifier, text: string, header: string | null): Promise<boolean> {
  const written = decoded(/(?:^|[\s,])signature=([\w+/=%-]+)/.exec(header ?? '')?.[1] ?? '');
  const signature = written === undefined ? undefined : fromBase64(written);
  return signature !== undefined && gateway.verify(text, signature);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
