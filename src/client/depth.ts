/** Nested deeper than any gateway's request; past a few thousand, writing it again would overflow the stack. */
export const DEEPEST: number = 64;

export function isDeep(value: unknown, left: number = DEEPEST): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some(each => isDeep(each, left - 1));
}
