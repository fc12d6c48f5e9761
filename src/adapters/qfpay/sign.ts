import { md5 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** The gateway takes MD5 when no type is named; its manual recommends SHA-256. */
export type SignType = 'SHA256' | 'MD5';

const hashes = { SHA256: sha256, MD5: md5 } as const;

/** The hash of a text in upper-case hex, as every signature of QFPay's is written. */
export function digest(text: string, signType: SignType): string {
  return bytesToHex(hashes[signType](utf8ToBytes(text))).toUpperCase();
}

/**
 * Signs a request's parameters: those that are not empty, raw, in ASCII order of their names, and the key right behind
 * them.
 *
 * @see https://sdk.qfapi.com/docs/api-reference/signature-generation
 */
export function sign(parameters: URLSearchParams, clientKey: string, signType: SignType): string {
  const sorted = new URLSearchParams(parameters);
  sorted.sort();
  const pairs = [...sorted].filter(([, value]) => value !== '').map(([name, value]) => `${name}=${value}`);
  return digest(pairs.join('&') + clientKey, signType);
}
