/** What can be done to an answer: everything is plain JSON, and what is given is never changed. */

export type Path = readonly (string | number)[];

export interface Leaf {
  readonly path: Path;
  readonly value: unknown;
}

const isBranch = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Every value that is neither an object nor a list, with the way to it. */
export function leavesOf(value: unknown): Leaf[] {
  const leaves: Leaf[] = [];
  const open: Leaf[] = [{ path: [], value }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, value: found } = next;
    if (!isBranch(found)) leaves.push(next);
    else for (const [key, inner] of Object.entries(found)) open.push({ path: [...path, key], value: inner });
  }
  return leaves.reverse();
}

/** What is in one place. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (holder, key) => (isBranch(holder) && Object.hasOwn(holder, key) ? holder[key] : undefined),
    value,
  );
}

/** Every value there is but the whole, branches included. */
export function nodesOf(value: unknown, path: Path = []): Leaf[] {
  if (!isBranch(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    { path: [...path, key], value: inner },
    ...nodesOf(inner, [...path, key]),
  ]);
}

/** The answer with something else in one place. */
export function replaced(value: unknown, [key, ...rest]: Path, to: (old: unknown) => unknown): unknown {
  if (key === undefined) return to(value);
  if (!isBranch(value) || !Object.hasOwn(value, key)) return value;
  const inner = replaced(value[key], rest, to);
  if (Array.isArray(value)) return value.map((each: unknown, index) => (String(index) === String(key) ? inner : each));
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, name === String(key) ? inner : each]));
}

/** The answer without what is in one place. */
export function dropped(value: unknown, path: Path): unknown {
  const last = path.at(-1);
  return replaced(value, path.slice(0, -1), holder => {
    if (Array.isArray(holder)) return (holder as unknown[]).filter((_each, index) => String(index) !== String(last));
    return isBranch(holder)
      ? Object.fromEntries(Object.entries(holder).filter(([name]) => name !== String(last)))
      : holder;
  });
}

/** Values that a field never means to hold: other types, numbers as texts, texts as numbers, and near misses. */
export function strangersOf(value: unknown): unknown[] {
  const near =
    typeof value === 'string'
      ? [
          `${value} `,
          ` ${value}`,
          `${value}\u0000`,
          `${value}0`,
          `0${value}`,
          `\uFEFF${value}`,
          value.toLowerCase(),
          value.toUpperCase(),
          value.slice(0, -1),
          ...(/^\d+$/.test(value) ? [Number(value)] : []),
        ]
      : typeof value === 'number'
        ? [String(value), value + 0.5, -value - 1, value + 2 ** 32, value + 1e15, `${value}.0`, 1e300]
        : [];
  const always = [
    true,
    false,
    {},
    [],
    [value],
    { value },
    { 0: value, length: 1 },
    -7,
    0.1,
    'x',
    '__proto__',
    'constructor',
    'toString',
    'null',
    'undefined',
  ];
  return [...near, ...always].filter(each => !Object.is(each, value) && !(each === '' || each === 0));
}

/** Values that say as much as nothing. */
export const nothings: readonly unknown[] = [null, '', 0, '0', undefined];
