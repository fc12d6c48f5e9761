import { digestOf, md5, sha256, toHex, type Part } from '../../kit/index.ts';

/** The gateway takes MD5 when no type is named; its manual recommends SHA-256. */
export type SignType = 'SHA256' | 'MD5';

const hashes = { SHA256: sha256, MD5: md5 } as const;

/** Whether QFPay has a hash of that name. */
export const isSignType = (name: string): name is SignType => Object.hasOwn(hashes, name);

/** The hash of what is signed, the key right behind it, in upper-case hex. */
export const digest = (signType: SignType, ...parts: readonly Part[]): string =>
  toHex(digestOf(hashes[signType], ...parts)).toUpperCase();

/**
 * Signs a request's parameters: those that are not empty, raw, in ASCII order of their names, and the key right behind
 * them.
 *
 * @see https://sdk.qfapi.com/docs/api-reference/signature-generation
 */
export function sign(parameters: URLSearchParams, clientKey: string, signType: SignType): string {
  const sorted = new URLSearchParams(parameters);
  sorted.sort();
  let text = '';
  for (const [name, value] of sorted) {
    if (value !== '') text += text === '' ? `${name}=${value}` : `&${name}=${value}`;
  }
  return digest(signType, text, clientKey);
}
