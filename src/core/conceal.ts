/** Texts an error may hold of what was sent or answered; whatever is an object is concealed by its kind. */
const bearing: ReadonlySet<string> = new Set(['data', 'body', 'text']);

/**
 * What an error holds of a request or an answer (`request`, `options`, `response`, `data` …) can still be read by name,
 * but is not shown when the error is printed: it may hold a card number or a token. The same for its causes.
 */
export function conceal(error: unknown): void {
  const seen = new Set<unknown>();
  const visit = (each: unknown): void => {
    if (!(each instanceof Error) || seen.has(each) || seen.size >= MOST_CAUSES) return;
    seen.add(each);
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(each))) {
      const { value, enumerable } = property as { value?: unknown; enumerable?: boolean };
      if (value instanceof Error) visit(value);
      else if (Array.isArray(value) && name === 'errors') value.forEach(visit);
      else if (enumerable === true && isBearing(name, value)) Reflect.defineProperty(each, name, { enumerable: false });
    }
  };
  visit(error);
}

/** More than any chain of causes that means something. */
const MOST_CAUSES = 32;

/** A ticket is made to be stored and shown. */
const isBearing = (name: string, value: unknown): boolean =>
  name !== 'ticket' && ((typeof value === 'object' && value !== null) || bearing.has(name));

/** What `fetch` says of a header value that it refuses. Node and Bun quote it, and it may be a token. */
const quoting = /\binvalid\b.*\bvalue\b|\bvalue\b.*\binvalid\b/is;

/** The error itself, or one of ours in place of one that quotes a header's value. */
export function withoutQuotes(error: unknown): unknown {
  let each = error;
  for (let depth = 0; depth < MOST_CAUSES && each instanceof Error; depth++) {
    if (each instanceof TypeError && /header/i.test(each.message) && quoting.test(each.message)) {
      return new Error(
        'A header’s value has a character that no header may have, such as a line break: look at the keys and tokens.',
      );
    }
    each = each.cause;
  }
  return error;
}
