import { InputError } from '../core/errors.ts';
import type { FieldCheck } from '../core/operation.ts';
import { fromBase64 } from './bytes.ts';

/** SHA256withRSA (PKCS #1 v1.5), by Web Crypto: on other threads, so that nothing waits for a signature but its send. */
const rsaSha256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

/** Signs a text. */
export type RsaSigner = (text: string) => Promise<Uint8Array<ArrayBuffer>>;

export interface RsaVerifier {
  /** Rejects for a key that cannot be read: an answer would be too late to find out. */
  readonly ready: () => Promise<unknown>;
  /** Whether these bytes are the signature of the text. */
  readonly verify: (text: string, signature: Uint8Array<ArrayBuffer>) => Promise<boolean>;
}

/**
 * The key is read once, at the first signature.
 *
 * @param what names the key in an error, such as `acme: privateKey`
 * @param pem an RSA private key, PKCS #8: check it with {@link pemKey} when the adapter is made
 * @throws {InputError} when signing with a key that cannot be read; it is not quoted
 */
export function rsaSigner(what: string, pem: string): RsaSigner {
  const key = lazyKey(what, 'pkcs8', pem, 'sign');
  return async text => new Uint8Array(await crypto.subtle.sign(rsaSha256.name, await key(), utf8.encode(text)));
}

/**
 * The key is read once, at the first use.
 *
 * @param what names the key in an error, such as `acme: gatewayPublicKey`
 * @param pem an RSA public key, SPKI: check it with {@link pemKey} when the adapter is made
 */
export function rsaVerifier(what: string, pem: string): RsaVerifier {
  const key = lazyKey(what, 'spki', pem, 'verify');
  return {
    ready: key,
    verify: async (text, signature) => crypto.subtle.verify(rsaSha256.name, await key(), signature, utf8.encode(text)),
  };
}

/**
 * A key in PEM: PKCS #8 or SPKI, which is all that Web Crypto reads. Line ends may be written as `\n`, as environment
 * variables often hold them.
 */
export function pemKey(label: 'PRIVATE KEY' | 'PUBLIC KEY'): FieldCheck {
  return {
    expects: `an RSA key in PEM that begins with -----BEGIN ${label}----- (openssl pkcs8 -topk8 -nocrypt, or openssl rsa -pubout, makes one)`,
    accepts: value => {
      if (typeof value !== 'string') return false;
      const pem = value.replaceAll(String.raw`\n`, '\n').trim();
      return (
        pem.startsWith(`-----BEGIN ${label}-----`) &&
        pem.endsWith(`-----END ${label}-----`) &&
        derOf(value) !== undefined
      );
    },
  };
}

const utf8 = new TextEncoder();

/** A key in PEM without its frame and its line ends: the same text for the same key, however its PEM is written. */
export const pemBody = (pem: string): string => pem.replaceAll(/-----[A-Z ]+-----|\\n|\s/g, '');

const derOf = (pem: string): Uint8Array<ArrayBuffer> | undefined => fromBase64(pemBody(pem));

function lazyKey(
  what: string,
  format: 'pkcs8' | 'spki',
  pem: string,
  use: 'sign' | 'verify',
): () => Promise<CryptoKey> {
  let key: Promise<CryptoKey> | undefined;
  const read = async (): Promise<CryptoKey> => {
    try {
      return await crypto.subtle.importKey(format, derOf(pem) ?? new Uint8Array(), rsaSha256, false, [use]);
    } catch {
      // The cause is left out on purpose: what a runtime says of a key it cannot read is not ours to log.
      throw new InputError(`${what} is not an RSA key.`);
    }
  };
  return () => (key ??= read());
}
