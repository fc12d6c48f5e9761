import { readdirSync } from 'node:fs';
import { didYouMean } from '../core/did-you-mean.ts';
import { InputError } from '../core/errors.ts';
import type { Adapter } from '../kit/adapter.ts';
import type { ManualPages } from '../kit/manual.ts';
import type { Voice } from '../testing/index.ts';
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

/** The same, for the help. */
export const providerList = (): string => `one of ${providerNames().join(', ')}`;

/** A provider's tables. @throws {InputError} with the name that was meant */
export async function providerOf(given: string): Promise<Provider> {
  const name = knownProvider(given);
  const [make, manual] = await Promise.all([adapterMaker(name), fileOf(name, 'manual')]);
  return { adapter: make(noCredentials), manual: (manual as { manual: ManualPages }).manual };
}

/** The name of a provider, in any case. @throws {InputError} with the name that was meant */
export function knownProvider(given: string): string {
  const name = given.toLowerCase();
  const known = providerNames();
  if (!known.includes(name)) throw new InputError(`There is no provider ${didYouMean(given, known)}`);
  return name;
}

/** The factory of a provider's adapter. */
export async function adapterMaker(name: string): Promise<(credentials: object) => Adapter> {
  const index = (await fileOf(name, 'index')) as Record<string, (credentials: object) => Adapter>;
  const make = index[name];
  if (make === undefined) throw new InputError(`The folder of ${name} has no adapter of that name.`);
  return make;
}

/** What makes a provider's voice in the simulator. */
export async function simulatorOf(name: string): Promise<(credentials: object) => Voice> {
  const simulator = (await fileOf(name, 'simulator')) as Record<string, (credentials: object) => Voice>;
  const make = simulator[`${name}Voice`];
  if (make === undefined) throw new InputError(`The folder of ${name} has no simulator of that name.`);
  return make;
}

const fileOf = (name: string, file: string): Promise<unknown> => import(`../adapters/${name}/${file}.ts`);
