import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { newSecret } from '../clock.ts';
import { decimalOf } from '../core/decimal.ts';
import type { Fields, Operation } from '../core/operation.ts';
import type { Adapter } from '../kit/adapter.ts';
import { usualInPath } from './encode.ts';

/** Equal business fields give equal digests; the key is this object's own, so that nothing can be told from them. */
export function fieldsDigest(adapter: Pick<Adapter, 'perSend'>): (operation: Operation, fields: Fields) => string {
  const secret = newSecret();
  const fresh = new Set(adapter.perSend);
  return (operation, fields) => {
    // A drop-in request says in its path what `settle` may leave out.
    const business = Object.fromEntries(
      Object.entries({ ...usualInPath(operation), ...fields }).filter(([name]) => !fresh.has(name)),
    );
    return bytesToHex(hmac(sha256, secret, utf8ToBytes(canonical(business))));
  };
}

/**
 * Equal fields give equal texts, in whatever order and notation they were written. What is empty is as good as absent.
 */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, each: unknown): unknown => {
    if (typeof each === 'string' || typeof each === 'number' || typeof each === 'bigint') return notation(String(each));
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(
      Object.entries(each)
        .filter(([, inner]) => inner !== undefined && inner !== null && inner !== '')
        .sort(byName),
    );
  });
}

/** An amount in one spelling; a number with a leading zero is a name. */
const notation = (text: string): string => (/^0\d/.test(text) ? text : decimalOf(text));

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : 1;
