import { InputError } from '../../core/errors.ts';
import type { FieldCheck } from '../../core/operation.ts';

/**
 * Rebell's signatures, of requests and of answers.
 *
 * @see https://docs.rebellapp.com/openapis/message-transmission-security/call-api
 */

/** How the signature is written in its header: two pages of the manual disagree. */
export type SignatureEncoding = 'base64' | 'base64url';

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
export function timeOf(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}

/** The header's value from its parts. */
export function signatureHeader(keyVersion: number | string, signature: string): string {
  return `algorithm=SHA256withRSA, keyVersion=${keyVersion}, signature=${signature}`;
}

/** Signs a text. The key is read at the first use. */
export type Sign = (text: string) => Promise<string>;

/** @param pem the merchant's RSA private key, PKCS#8 */
export function createSigner(pem: string, encoding: SignatureEncoding): Sign {
  const key = lazyKey('privateKey', 'pkcs8', pem, 'sign');
  return async text => {
    const signature = await crypto.subtle.sign(rsaSha256.name, await key(), new TextEncoder().encode(text));
    const base64 = btoa(String.fromCharCode(...new Uint8Array(signature)));
    return encoding === 'base64' ? base64 : base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  };
}

export interface Verifier {
  /** Rejects for a key that cannot be read: an answer would be too late to find out. */
  readonly ready: () => Promise<unknown>;
  /**
   * Whether `header` holds the gateway's signature of the text: Base64, Base64URL, or either URL-encoded as siblings of
   * Rebell do.
   */
  readonly verify: (text: string, header: string | null) => Promise<boolean>;
}

/** @param pem the gateway's RSA public key, SPKI */
export function createVerifier(pem: string): Verifier {
  const key = lazyKey('gatewayPublicKey', 'spki', pem, 'verify');
  return {
    ready: key,
    verify: async (text, header) => {
      const signature = decoded(/(?:^|[\s,])signature=([\w+/=%-]+)/.exec(header ?? '')?.[1]);
      return (
        signature !== undefined &&
        crypto.subtle.verify(rsaSha256.name, await key(), signature, new TextEncoder().encode(text))
      );
    },
  };
}

/** A key's armour: PKCS#8 or SPKI, which is all that `crypto.subtle` reads. */
export function pem(label: 'PRIVATE KEY' | 'PUBLIC KEY'): FieldCheck {
  return {
    expects: `an RSA key in PEM that begins with -----BEGIN ${label}----- (openssl pkcs8 -topk8 -nocrypt, or openssl rsa -pubout, makes one)`,
    accepts: value =>
      typeof value === 'string' && value.trim().startsWith(`-----BEGIN ${label}-----`) && derOf(value) !== undefined,
  };
}

const rsaSha256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

function lazyKey(
  name: string,
  format: 'pkcs8' | 'spki',
  text: string,
  use: 'sign' | 'verify',
): () => Promise<CryptoKey> {
  let key: Promise<CryptoKey> | undefined;
  const read = async (): Promise<CryptoKey> => {
    try {
      return await crypto.subtle.importKey(format, derOf(text) ?? new Uint8Array(), rsaSha256, false, [use]);
    } catch {
      // The cause is left out on purpose: what a runtime says of a key it cannot read is not ours to log.
      throw new InputError(`rebell: ${name} is not an RSA key.`);
    }
  };
  return () => (key ??= read());
}

const derOf = (text: string): Uint8Array<ArrayBuffer> | undefined =>
  decoded(text.replaceAll(/-----[A-Z ]+-----|\s/g, ''));

/** The bytes of Base64 or Base64URL, or `undefined` for what is neither. */
function decoded(text: string | undefined): Uint8Array<ArrayBuffer> | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    const base64 = decodeURIComponent(text).replaceAll('-', '+').replaceAll('_', '/');
    return Uint8Array.from(atob(base64), character => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
