import { readdirSync } from 'node:fs';
import { isWrite } from '../../src/core/operation.ts';
import type { Verdict } from '../../src/core/verdict.ts';
import type { Adapter } from '../../src/kit/adapter.ts';
import type { Sample, Samples } from '../../src/testing/sample.ts';
import { leavesOf, type Path } from './mutations.ts';

/**
 * An adapter folder as the fuzz sees it: a made adapter, answers that are known to be good, and fields that are
 * complete.
 */
export interface Kit extends Pick<Samples<object>, 'samples' | 'complete' | 'secrets'> {
  readonly name: string;
  readonly adapter: Adapter;
  readonly operations: readonly string[];
}

const folder = new URL('../../src/adapters/', import.meta.url);
const names = readdirSync(folder, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(entry => entry.name);

async function kitOf(name: string): Promise<Kit> {
  const { samples } = (await import(`../samples/${name}.ts`)) as { samples: Samples<object> };
  const { adapter } = samples;
  return { ...samples, name, adapter, operations: Object.keys(adapter.operations) };
}

/** Every adapter there is, found by its folder. */
export const kits: readonly Kit[] = await Promise.all(names.map(kitOf));

export const isSuccess = (verdict: Verdict): boolean => verdict.kind === 'terminal' && verdict.outcome === 'succeeded';

/** The samples that are a success, and those that are not. */
export const successesOf = (kit: Kit): Sample[] =>
  kit.samples.filter(({ exchange }) => isSuccess(kit.adapter.classify(exchange)));
export const othersOf = (kit: Kit): Sample[] =>
  kit.samples.filter(({ exchange }) => !isSuccess(kit.adapter.classify(exchange)));

/** A code as the adapter writes it, in the words of the answer: `0000/cancel=5` was told by `0000` and `5`. */
export const wordsOf = (code: string): string[] => code.split(/[/=]/);

const writtenAs = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;

/**
 * Whether an answer still names the code it was taken for, each word of it as a value of the type it has in the known
 * successes. Words that no success tells (`payment/`, `intent/`) are the adapter's own.
 */
export function successNames(kit: Kit): (body: unknown, code: string) => boolean {
  const known = new Map<string, Set<unknown>>();
  for (const { exchange } of successesOf(kit)) {
    for (const word of wordsOf(kit.adapter.classify(exchange).code)) {
      const values = leavesOf(exchange.body)
        .map(({ value }) => value)
        .filter(value => writtenAs(value) === word);
      known.set(word, new Set([...(known.get(word) ?? []), ...values]));
    }
  }
  return (body, code) => {
    const told = new Set(leavesOf(body).map(({ value }) => value));
    const words = wordsOf(code).filter(
      (word, index, all) => index === all.length - 1 || (known.get(word)?.size ?? 0) > 0,
    );
    return words.every(word => {
      const values = known.get(word) ?? new Set();
      return values.size > 0
        ? [...values].some(value => told.has(value))
        : [...told].some(value => writtenAs(value) === word);
    });
  };
}

/** A path as a reader of a failure wants it. */
export const written = (path: Path): string => path.join('.');

/** A key of the caller's own, for a write that takes one: without a number, nothing else names it. */
export const keyOf = ({ adapter }: Pick<Kit, 'adapter'>, operation: string): { idempotencyKey?: string } => {
  const write = adapter.operations[operation];
  return write !== undefined && isWrite(write) && write.idempotencyKey !== undefined
    ? { idempotencyKey: crypto.randomUUID() }
    : {};
};
