import type { Place } from './place.ts';
import type { Point } from './points.ts';

/** What a process is to do: JSON, its first argument. */
export interface Task {
  readonly role: 'shop' | 'worker';
  readonly name: string;
  readonly bankUrl: string;
  /** The merchant's account there: of this run alone, so that others may use the same database. */
  readonly account: string;
  readonly place: Place;
  /** Where it ends, and which time it is there. `random`: from outside. */
  readonly point: Point;
  readonly nth: number;
  readonly blow: 'kill' | 'stop';
  /** A shop's: what it settles, in this order. */
  readonly orders: readonly string[];
  /** A worker's: whether what it delivers is booked in a transaction of the shop's own, or in the journal's. */
  readonly books: 'own' | 'journal';
  /** Of 100 deliveries so many fail. */
  readonly failing: number;
  /** Without one nothing is safe: to show that the judge finds it. */
  readonly hasJournal: boolean;
}

/** What a process says. */
export type Message =
  /** It is about to call `settle`. */
  | { readonly type: 'began'; readonly order: string }
  | Told
  /** `settle` has rejected. */
  | { readonly type: 'threw'; readonly order: string; readonly error: string }
  /** It stops itself (SIGSTOP) as soon as this is out. */
  | { readonly type: 'stopping'; readonly point: Point }
  | { readonly type: 'ready' }
  /** What happened to a payment, by `onEvent`. */
  | { readonly type: 'event'; readonly order: string; readonly words: string }
  | { readonly type: 'done' };

/** `settle` has resolved. */
export interface Told {
  readonly type: 'told';
  readonly order: string;
  readonly outcome: string;
  readonly code: string;
  readonly reason: string;
  readonly atMs: number;
}
