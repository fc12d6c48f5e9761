import type { Dice } from '../storm/dice.ts';
import type { BankFields, Write } from './bank-adapter.ts';
import { canary } from './canaries.ts';

/** `C-…` is a charge, `P-…` a payout, `K-…` a coupon: the number tells, so that any process can settle it. */
const kinds = { C: 'payment.charge', P: 'payout.create', K: 'coupon.redeem' } as const satisfies Record<string, Write>;

type Kind = keyof typeof kinds;

/** @param batch makes the numbers differ from those of others */
export function newOrders(roll: Dice, batch: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const kind = roll.weigh<Kind>([
      [6, 'C'],
      [3, 'P'],
      [1, 'K'],
    ]);
    return `${kind}-${batch}-${index + 1}`;
  });
}

export const operationOf = (order: string): Write => kinds[order[0] as Kind];

/** The same whoever asks. */
export function fieldsOf(order: string): BankFields[Write] {
  const amount = 100 + order.length * 7;
  const code = canary('auth-code');
  switch (operationOf(order)) {
    case 'payment.charge':
      return { order, amount, code };
    case 'payout.create':
      return { order, amount };
    case 'coupon.redeem':
      return { order, code };
  }
}
