import { readdirSync } from 'node:fs';
import { didYouMean } from '../core/did-you-mean.ts';
import { InputError } from '../core/errors.ts';
import type { Adapter } from '../kit/adapter.ts';
import type { ManualPages } from '../kit/manual.ts';
import { noCredentials } from './no-credentials.ts';

export interface Provider {
  readonly adapter: Adapter;
  readonly manual: ManualPages;
}

/** Each folder of adapters, by its name. */
export function providerNames(): string[] {
  return readdirSync(new URL('../adapters/', import.meta.url), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** A provider's tables. @throws {InputError} with the name that was meant */
export async function providerOf(given: string): Promise<Provider> {
  const name = given.toLowerCase();
  const known = providerNames();
  if (!known.includes(name)) throw new InputError(`There is no provider ${didYouMean(given, known)}`);
  const of = (file: string): Promise<unknown> => import(`../adapters/${name}/${file}.ts`);
  const [index, manual] = await Promise.all([of('index'), of('manual')]);
  const make = (index as Record<string, (credentials: object) => Adapter>)[name];
  if (make === undefined) throw new InputError(`The folder of ${name} has no adapter of that name.`);
  return { adapter: make(noCredentials), manual: (manual as { manual: ManualPages }).manual };
}
