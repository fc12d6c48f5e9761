import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { keyOf, writeNamed, type Named } from './identity.ts';
import type { Adapter } from '../kit/adapter.ts';

/** What of an adapter names an account: whoever serves it, in whatever process, gives a payment the same id. */
type Account = Pick<Adapter, 'name' | 'account'> & { readonly environment: string };

/**
 * The id that all events of a payment have, whatever process tells them: 32 hexadecimal digits. It is made of what every
 * ticket has had in any release, so that none has to carry it.
 *
 * @param key what makes two requests one intention
 */
export const correlationOf = ({ name, account, environment }: Account, key: string): string =>
  bytesToHex(sha256(utf8ToBytes(`tillpaid ${JSON.stringify([name, account, environment, key])}`)).subarray(0, 16));

/** The same of a ticket. What nothing names goes by all the numbers there are. */
export function correlationIdOf(adapter: Account & Pick<Adapter, 'operations'>, named: Named): string {
  const operation = writeNamed(adapter.operations, named.operation);
  const key = operation && keyOf(named, operation);
  return correlationOf(adapter, key ?? JSON.stringify([named.operation, named.reference]));
}
