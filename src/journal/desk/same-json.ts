/** Whether two values say the same as JSON: a store may write members in another order, and none that is `undefined`. */
export function isSameJson(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [a, b] = [membersOf(one), membersOf(other)];
  return a.size === b.size && [...a].every(([name, value]) => b.has(name) && isSameJson(value, b.get(name)));
}

const membersOf = (value: object): Map<string, unknown> =>
  new Map(Object.entries(value).filter(([, member]) => member !== undefined));
