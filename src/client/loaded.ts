/**
 * What loads with its first use: who does not use it never loads it. It loads before anything is sent, a load that fails
 * rejects its own call alone, and the next call tries again.
 *
 * @param make called once
 */
export function loaded<M, G extends unknown[], R>(
  load: () => Promise<M>,
  make: (module: M) => (...given: G) => Promise<R>,
): (...given: G) => Promise<R> {
  let made: ((...given: G) => Promise<R>) | undefined;
  return async (...given) => {
    if (made === undefined) {
      const module = await load();
      made ??= make(module);
    }
    return made(...given);
  };
}
