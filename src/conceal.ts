/** Texts an error may hold of what was sent or answered; whatever is an object is concealed by its kind. */
const bearing: ReadonlySet<string> = new Set(['data', 'body', 'text']);

/**
 * What an error holds of a request or an answer (`request`, `options`, `response`, `data` …) is still there for whoever asks for it
 * by name, but no longer shown when the error is printed: it may hold a card number or a token. The same for its causes.
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
const isBearing = (name: string, value: unknown): boolean => name !== 'ticket' && ((typeof value === 'object' && value !== null) || bearing.has(name));
