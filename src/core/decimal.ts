/**
 * An amount in one spelling, so that `100`, `0100` and `100.00` are the same. What is not written in digits with at
 * most one point stays as it is, and equals only itself.
 */
export function decimalOf(amount: string): string {
  if (asItIs.test(amount)) return amount;
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(amount) ?? [];
  if (whole === undefined) return amount;
  // By hand: a pattern for the last zeros takes quadratic time on an amount of nothing else.
  let end = fraction.length;
  while (end > 0 && fraction[end - 1] === '0') end--;
  const units = whole.replace(/^0+(?=\d)/, '');
  return end === 0 ? units : `${units}.${fraction.slice(0, end)}`;
}

/** Most texts that are compared: a whole number without a zero in front, or no amount at all. */
const asItIs = /^(?:\D|[1-9]\d*$)/;
