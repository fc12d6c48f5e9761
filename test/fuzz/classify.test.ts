import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge } from '../../src/core/doctrine.ts';
import type { Exchange, Reading } from '../../src/core/exchange.ts';
import { isWrite, operationOf } from '../../src/core/operation.ts';
import type { Subject } from '../../src/core/subject.ts';
import type { Verdict } from '../../src/core/verdict.ts';
import type { Sample } from '../../src/testing/sample.ts';
import { isSuccess, kits, othersOf, successesOf, successNames, wordsOf, written, type Kit } from './adapters.ts';
import { hostileBodies, hostileJson, hostileSent, statuses } from './hostile.ts';
import {
  dropped,
  valueAt,
  leavesOf,
  nodesOf,
  nothings,
  replaced,
  strangersOf,
  type Leaf,
  type Path,
} from './mutations.ts';

const kinds: readonly Verdict['kind'][] = ['terminal', 'retryable', 'poll-required'];
const LONGEST_CODE = 80;
const LONGEST_MESSAGE = 300;

/** Plain, whole and small, whatever came in. */
function expectSound(verdict: Verdict): void {
  expect(kinds).toContain(verdict.kind);
  expect(verdict.code.length).toBeLessThanOrEqual(LONGEST_CODE);
  expect(verdict.message?.length ?? 0).toBeLessThanOrEqual(LONGEST_MESSAGE);
  expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict);
}

/** Whether another row of the same list may answer instead. */
const isOneOfSeveral = (body: unknown, path: Path): boolean =>
  path.some((_key, depth) => {
    const holder = valueAt(body, path.slice(0, depth));
    return Array.isArray(holder) && holder.length > 1;
  });

describe.each(kits)('$name reads', (kit: Kit) => {
  const { adapter, operations } = kit;
  const successes = successesOf(kit);
  const named = successNames(kit);
  const verdictOf = (sample: Sample, body: unknown): Verdict => adapter.classify({ ...sample.exchange, body });
  const isStillSuccess = (sample: Sample, body: unknown): boolean => isSuccess(verdictOf(sample, body));

  it.each(
    successes.map(sample => [sample.title, sample] as const),
  )('no success without its code, exactly: %s', (_title, sample) => {
    const { body } = sample.exchange;
    const words = wordsOf(verdictOf(sample, body).code);
    const places = leavesOf(body).filter(({ value }) => words.includes(String(value)));
    const decisive = places.filter(({ path }) => !isStillSuccess(sample, dropped(body, path)));
    const believed = [...decisive.map(place => [place]), places].flatMap(changed => {
      expect(changed.length).toBeGreaterThan(0);
      const { value } = changed[0] as Leaf;
      return [...strangersOf(value), ...nothings]
        .filter(stranger => !Object.is(stranger, value))
        .filter(stranger =>
          isStillSuccess(
            sample,
            changed.reduce((other, { path }) => replaced(other, path, () => stranger), body),
          ),
        )
        .map(stranger => `${changed.map(({ path }) => written(path)).join()}: ${JSON.stringify(stranger)}`);
    });
    expect(believed).toEqual([]);
  });

  it('no success out of another answer, whatever else one of its fields becomes', () => {
    const believed = othersOf(kit)
      // What names another order, or another amount, has a suite of its own below.
      .filter(({ verdict }) => verdict.reason !== 'conflict')
      .flatMap(sample =>
        leavesOf(sample.exchange.body)
          .filter(({ path, value }) => !nothings.includes(value) && !isOneOfSeveral(sample.exchange.body, path))
          .flatMap(({ path, value }) => {
            const strangers = strangersOf(value).filter(stranger => {
              const body = replaced(sample.exchange.body, path, () => stranger);
              return (
                isStillSuccess(sample, body) &&
                !(typeof stranger === typeof value && named(body, verdictOf(sample, body).code))
              );
            });
            return strangers.length === 0
              ? []
              : [`${sample.title}: ${written(path)} became ${JSON.stringify(strangers)}`];
          }),
      );
    expect(believed).toEqual([]);
  });

  it('a success in other hands (nested, in a list, as a text, in another field) as none', () => {
    for (const sample of successes) {
      const { body } = sample.exchange;
      for (const other of [
        [body],
        { data: body },
        { result: body },
        { body },
        JSON.stringify(body),
        { 0: body },
        [[body]],
        { data: [body] },
        { error: body },
      ]) {
        const verdict = verdictOf(sample, other);
        if (isSuccess(verdict)) expect(verdict.code, JSON.stringify(other)).toBe('unreachable');
      }
    }
  });

  const mutation = fc.record({
    what: fc.constantFrom('drop', 'strange', 'nothing', 'nest', 'list', 'twice', 'swap', 'rename' as const),
    where: fc.nat(1000),
    which: fc.nat(1000),
  });
  const bodies = kit.samples.map(({ exchange }) => exchange.body);
  const pick = <T>(list: readonly T[], index: number): T | undefined =>
    list.length === 0 ? undefined : list[index % list.length];

  const mutate = (body: unknown, { what, where, which }: { what: string; where: number; which: number }): unknown => {
    const node = pick(nodesOf(body), where);
    if (node === undefined) return body;
    const { path, value } = node;
    const to = (made: unknown): unknown => replaced(body, path, () => made);
    switch (what) {
      case 'drop':
        return dropped(body, path);
      case 'strange':
        return to(pick(strangersOf(value), which));
      case 'nothing':
        return to(pick(nothings, which));
      case 'nest':
        return to({ data: value, value, status: value });
      case 'list':
        return to([value]);
      case 'twice':
        return to(Array.isArray(value) ? [...(value as unknown[]), ...(value as unknown[])] : [value, value]);
      case 'swap':
        return to(pick(leavesOf(pick(bodies, which)), where)?.value);
      default:
        return replaced(body, path.slice(0, -1), holder => ({
          ...(holder as object),
          [pick(['__proto__', 'code', 'status', 'data', 'result'], which) ?? '']: value,
        }));
    }
  };

  it('no mutated answer, to whichever operation, as a success, unless it still names the code for one', () => {
    const sample = fc.constantFrom(...kit.samples);
    fc.assert(
      fc.property(
        sample,
        fc.constantFrom(...operations),
        fc.boolean(),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        statuses,
        ({ exchange }, other, asked, mutations, status) => {
          const body = mutations.reduce(mutate, exchange.body);
          const operation = asked ? exchange.operation : other;
          const verdict = adapter.classify({ ...exchange, operation, body, ...(mutations.length > 2 && { status }) });
          expectSound(verdict);
          if (isSuccess(verdict))
            expect(named(body, verdict.code), `${operation} ${verdict.code} ${JSON.stringify(body)}`).toBe(true);
        },
      ),
      { numRuns: 250 },
    );
  });

  it('whatever comes without a throw, and never as a success that it does not name', () => {
    const keys = [...new Set(bodies.flatMap(body => nodesOf(body)).map(({ path }) => String(path.at(-1))))];
    fc.assert(
      fc.property(
        fc.constantFrom(...operations),
        hostileBodies(keys),
        statuses,
        hostileSent(keys),
        fc.nat(4),
        fc.boolean(),
        (operation, body, status, sent, attempt, mayHaveLanded) => {
          const verdict = adapter.classify({ operation, status, body, sent, attempt, mayHaveLanded });
          expectSound(verdict);
          if (isSuccess(verdict))
            expect(named(body, verdict.code), `${operation} ${verdict.code} ${JSON.stringify(body)}`).toBe(true);
        },
      ),
      { numRuns: 250 },
    );
  });

  const nested = (depth: number, wrap: (inner: unknown) => unknown): unknown =>
    Array.from({ length: depth }).reduce<unknown>(wrap, 1);
  const monsters: readonly (readonly [string, unknown])[] = [
    ['ten thousand nested lists', nested(10_000, inner => [inner])],
    ['ten thousand nested objects', nested(10_000, inner => ({ data: inner, payment: inner, result: inner }))],
    [
      'a mebibyte in every known field',
      Object.fromEntries(
        bodies.flatMap(body => nodesOf(body)).map(({ path }) => [String(path.at(-1)), 'x'.repeat(1024 * 1024)]),
      ),
    ],
    [
      'a hundred thousand fields',
      Object.fromEntries(Array.from({ length: 100_000 }, (_each, index) => [`k${index}`, index])),
    ],
    ['a hundred thousand rows', { data: Array.from({ length: 100_000 }, () => ({ code: 'x' })) }],
  ];
  it.each(monsters)('%s as unknown, never final', (_what, body) => {
    for (const operation of operations) {
      const verdict = adapter.classify({ operation, status: 200, body });
      expectSound(verdict);
      expect(verdict.kind).not.toBe('terminal');
    }
  });

  it('what is not JSON of an object as unknown, never final', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...operations),
        fc.oneof(
          fc.string(),
          fc.double(),
          fc.boolean(),
          fc.constant(null),
          fc.constant(undefined),
          fc.bigInt(),
          fc.array(hostileJson),
        ),
        (operation, body) => {
          const verdict = adapter.classify({ operation, status: 200, body });
          expect([verdict.listed, verdict.kind === 'terminal']).toEqual([false, false]);
        },
      ),
    );
  });
});

/** What an answer says it is about, as the adapter reads it. */
function readingsOf(kit: Kit, exchange: Exchange): Reading[] {
  const readings: Reading | readonly Reading[] = (
    operationOf(kit.adapter, exchange.operation).read ?? kit.adapter.read
  )(exchange);
  return 'names' in readings ? [readings] : [...readings];
}

const textsIn = (pairs: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(pairs).filter((pair): pair is [string, string] => pair[1] !== undefined));

/** A ticket that this very answer fits. */
function subjectOf({ reference = {}, amount, currency }: Reading): Subject {
  return {
    reference: textsIn(reference),
    ...(amount !== undefined && { expect: { amount, ...(currency !== undefined && { currency }) } }),
  };
}

describe.each(kits)('$name, asked about a ticket,', (kit: Kit) => {
  const about = successesOf(kit).flatMap(sample => {
    const { body } = sample.exchange;
    const [reading, ...rivals] = readingsOf(kit, sample.exchange);
    // Where several rows answer, another one may be ours.
    if (reading === undefined || rivals.length > 0) return [];
    const subject = subjectOf(reading);
    const believes = (other: unknown): boolean =>
      isSuccess(judge(kit.adapter, { ...sample.exchange, body: other }, subject).verdict);
    /**
     * What one place of the answer says of whose it is: the names of the reference, `expect` for amount and currency.
     */
    const toldBy = ({ path, value }: Leaf): string[] => {
      const other = replaced(body, path, () => (typeof value === 'number' ? value + 1 : `${String(value)}1`));
      const [changed] = readingsOf(kit, { ...sample.exchange, body: other });
      if (changed === undefined || String(changed.names) !== String(reading.names)) return [];
      const { reference, expect: expected } = subjectOf(changed);
      const names = Object.keys(subject.reference).filter(name => reference[name] !== subject.reference[name]);
      return JSON.stringify(expected) === JSON.stringify(subject.expect) ? names : [...names, 'expect'];
    };
    const places = leavesOf(body)
      .filter(({ value }) => !nothings.includes(value))
      .map(leaf => ({ ...leaf, told: toldBy(leaf) }))
      .filter(({ told }) => told.length > 0);
    return believes(body) ? [{ sample, believes, places }] : [];
  });
  const writes = Object.values(kit.adapter.operations).filter(isWrite);
  /** Numbers of the provider's, or that it may write in its own way: the merchant's own tells whose the answer is. */
  const learnt = new Set(writes.flatMap(({ learns = [] }) => learns));

  /** The same number or amount in another type, or written otherwise, is the same. */
  const isSame = (one: unknown, other: unknown): boolean =>
    String(one) === String(other) ||
    Number(one) === Number(other) ||
    String(one).toUpperCase() === String(other).toUpperCase();

  const isReadable = (one: unknown, as: unknown): boolean =>
    typeof one === typeof as && (typeof one !== 'number' || Number.isSafeInteger(one));

  const believed = (kind: (value: unknown) => boolean): string[] =>
    about.flatMap(({ sample, believes, places }) =>
      places.flatMap(({ path, value, told }) => {
        const isOwn = told.some(name => !learnt.has(name));
        const strangers = strangersOf(value).filter(
          each =>
            kind(each) &&
            (isOwn || isReadable(each, value)) &&
            !isSame(each, value) &&
            believes(replaced(sample.exchange.body, path, () => each)),
        );
        return strangers.length === 0
          ? []
          : [`${sample.title}: ${written(path)}: ${JSON.stringify(value)} became ${JSON.stringify(strangers)}`];
      }),
    );

  it('believes no other number of the order, and no other amount or currency', () => {
    expect(about.flatMap(({ places }) => places).length).toBeGreaterThan(0);
    expect(believed(value => typeof value === 'string' || typeof value === 'number')).toEqual([]);
  });

  it('believes none that it cannot read either', () => {
    expect(believed(value => typeof value === 'object' || typeof value === 'boolean')).toEqual([]);
  });
});
