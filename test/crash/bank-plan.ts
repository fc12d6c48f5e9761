import { dice, type Dice } from '../storm/dice.ts';

/** What happens to one request on its way, or to its answer. */
export type Fault =
  | 'none'
  /** It takes some time before the bank sees it. */
  | 'slow'
  /** Booked, and the answer takes some time. */
  | 'slow-answer'
  | 'reset-before-booking'
  | 'reset-after-booking'
  | '503-after-booking'
  /** Booked, and no answer ever comes. */
  | 'hang-after-booking'
  /** Answered that nothing was done, and nothing was. */
  | 'busy';

/** What the bank does with one number, drawn from the seed and the number alone. */
export interface Plan {
  /** Of each send, the first one first; all further ones have none. */
  readonly onSend: readonly Fault[];
  readonly onQuery: readonly Fault[];
  readonly travelMs: number;
  /** The state once it is decided, and when that is after the booking. */
  readonly ends: 'paid' | 'declined';
  readonly decidedAfterMs: number;
  /** So long after the booking a query still says "not found". */
  readonly hiddenForMs: number;
  /** What a second send under the number does. */
  readonly again: 'books' | 'refuses';
}

export function planOf(seed: number, order: string): Plan {
  const roll = dice(seedOf(seed, order));
  const isQuiet = roll.percent(30);
  return {
    onSend: isQuiet ? [] : [sendFault(roll), sendFault(roll)],
    onQuery: isQuiet ? [] : [queryFault(roll), queryFault(roll), queryFault(roll)],
    travelMs: roll.between(0, 30),
    ends: roll.percent(80) ? 'paid' : 'declined',
    decidedAfterMs: roll.weigh([
      [2, 0],
      [2, roll.between(200, 1500)],
    ]),
    hiddenForMs: roll.percent(25) ? roll.between(100, 900) : 0,
    again: roll.percent(70) ? 'books' : 'refuses',
  };
}

const sendFault = (roll: Dice): Fault =>
  roll.weigh<Fault>([
    [4, 'none'],
    [2, 'slow'],
    [2, 'slow-answer'],
    [1, 'reset-before-booking'],
    [3, 'reset-after-booking'],
    [2, '503-after-booking'],
    [1, 'hang-after-booking'],
    [1, 'busy'],
  ]);

const queryFault = (roll: Dice): Fault =>
  roll.weigh<Fault>([
    [6, 'none'],
    [1, 'slow'],
    [1, 'reset-before-booking'],
    [1, '503-after-booking'],
    [1, 'busy'],
  ]);

/** FNV-1a. */
function seedOf(seed: number, order: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const letter of order) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}
