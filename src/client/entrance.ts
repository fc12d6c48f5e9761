import type { Settlement } from '../core/settlement.ts';
import type { Entering } from '../engine/durable.ts';
import type { Hold } from '../engine/hold.ts';
import type { Loop } from '../engine/loops.ts';
import type { Admission } from '../engine/registry.ts';
import type { GatewayParts } from './parts.ts';

/** What a caller of a write comes to: its known end, a loop to join, or what he has begun. */
export type Entered<B> =
  | { readonly type: 'settled'; readonly settlement: Settlement }
  | { readonly type: 'join'; readonly loop: Loop }
  | { readonly type: 'begun'; readonly begun: B };

/** Nothing stands against it, or it is to be asked about first. */
export type MayBegin = Admission & { readonly type: 'fresh' | 'open' };

/** Nothing stands against what nothing names. */
const fresh: MayBegin = { type: 'fresh', newTry: false, earlierNumbers: [] };

/**
 * The one way in for a write, from whichever door: what the journal and the registry know of it, and else `begin`, in
 * the same turn, so that no other caller comes between.
 *
 * @throws {ReferenceInUseError} while its number stands for a write with other fields
 */
export function enter<B>(
  { registry, durable }: Pick<GatewayParts, 'registry' | 'durable'>,
  entering: Entering,
  begin: (admission: MayBegin, hold: Hold | undefined) => B,
): Entered<B> | Promise<Entered<B>> {
  const take = (hold?: Hold): Entered<B> => {
    const admission = entering.key === undefined ? fresh : registry.admit(entering.key, entering.wanted);
    if (admission.type === 'settled' || admission.type === 'join') return admission;
    return { type: 'begun', begun: begin(admission, hold) };
  };
  if (durable === undefined) return take();
  return durable.enter(entering, hold => {
    if (hold !== undefined) return take(hold);
    const admission = registry.admit(entering.key, entering.wanted);
    // The loop that was to be joined has just ended: what no journal knows of is not begun.
    return admission.type === 'settled' || admission.type === 'join' ? admission : undefined;
  });
}
