import { registerHooks } from 'node:module';

/** What `vitest.config.ts` says to vitest: examples import the package by its public names, and run its source. */
const places: readonly (readonly [RegExp, string])[] = [
  [/^tillpaid$/, 'index.ts'],
  [/^tillpaid\/adapter$/, 'kit/index.ts'],
  [/^tillpaid\/(policies|testing)$/, '$1/index.ts'],
  [/^tillpaid\/testing\/(.+)$/, 'adapters/$1/simulator.ts'],
  [/^tillpaid\/adapters\/(.+)$/, 'adapters/$1/index.ts'],
];

registerHooks({
  resolve(specifier, context, next) {
    const [name, place] = places.find(([each]) => each.test(specifier)) ?? [];
    return name === undefined || place === undefined
      ? next(specifier, context)
      : next(new URL(`../../src/${specifier.replace(name, place)}`, import.meta.url).href, context);
  },
});
