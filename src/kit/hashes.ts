import { hmac } from '@noble/hashes/hmac.js';
import { concatBytes, type CHash } from '@noble/hashes/utils.js';

export { md5 } from '@noble/hashes/legacy.js';
export { sha256, sha512 } from '@noble/hashes/sha2.js';

/** `sha256`, `sha512` or `md5`: each is bundled only where it is named. */
export type Hash = CHash;

/** A text, as UTF-8, or bytes as they came. */
export type Part = string | Uint8Array;

/** The hash of the parts, one right behind the other. */
export const digestOf = (hash: Hash, ...parts: readonly Part[]): Uint8Array => hash(joined(parts));

/** The HMAC of the parts, one right behind the other. */
export const hmacOf = (hash: Hash, key: Part, ...parts: readonly Part[]): Uint8Array =>
  hmac(hash, bytesOf(key), joined(parts));

const joined = (parts: readonly Part[]): Uint8Array =>
  parts.every(part => typeof part === 'string') ? utf8.encode(parts.join('')) : concatBytes(...parts.map(bytesOf));

/** One for all: making one costs more than what most parts take. */
const utf8 = new TextEncoder();

const bytesOf = (part: Part): Uint8Array => (typeof part === 'string' ? utf8.encode(part) : part);
