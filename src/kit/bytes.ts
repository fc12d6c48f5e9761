import { bytesToHex } from '@noble/hashes/utils.js';

/** How signatures and keys are written. */

/** Lower-case hex. */
export const toHex: (bytes: Uint8Array) => string = bytesToHex;

export const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

/** Base64 for URLs, without padding. */
export const toBase64Url = (bytes: Uint8Array): string =>
  toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/** The bytes of Base64 or Base64URL, or `undefined` for what is neither, or empty. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text === '') return undefined;
  try {
    return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), character => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
