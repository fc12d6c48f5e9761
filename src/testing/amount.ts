/**
 * Exact arithmetic on amounts as gateways write them: `12000`, `12000.00`.
 */

const decimalsOf = (amount: string): number => amount.split('.')[1]?.length ?? 0;

function inUnits(amount: string, decimals: number): bigint {
  const [whole = '', part = ''] = amount.split('.');
  return BigInt(whole + part.padEnd(decimals, '0'));
}

export function totalOf(amounts: readonly string[]): string {
  const decimals = Math.max(0, ...amounts.map(decimalsOf));
  const digits = amounts
    .reduce((sum, amount) => sum + inUnits(amount, decimals), 0n)
    .toString()
    .padStart(decimals + 1, '0');
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** Whether `amount` is more than `limit`. */
export function exceeds(amount: string, limit: string): boolean {
  const decimals = Math.max(decimalsOf(amount), decimalsOf(limit));
  return inUnits(amount, decimals) > inUnits(limit, decimals);
}
