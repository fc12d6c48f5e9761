import { readdirSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { CodeTable } from '../../src/core/code-table.ts';
import { isWrite, operationOf } from '../../src/core/operation.ts';
import type { Adapter } from '../../src/kit/adapter.ts';
import { checkFields } from '../../src/kit/fields.ts';
import type { Samples } from '../../src/testing/sample.ts';

const folder = new URL('../../src/adapters/', import.meta.url);
const names = readdirSync(folder, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(entry => entry.name);

describe.each(names)('the %s adapter keeps the contract', async name => {
  const { samples: kit } = (await import(`../samples/${name}.ts`)) as { samples: Samples<object> };
  const adapter: Adapter = kit.adapter;
  const tablesOf = (operation: string): CodeTable[] => {
    const { codes } = operationOf(adapter, operation);
    if (typeof codes !== 'function') return [codes];
    // A table chosen by what was sent: every sample of the operation chooses one.
    const chosen = kit.samples
      .filter(({ exchange }) => exchange.operation === operation)
      .map(({ exchange }) => codes(exchange));
    return [...new Set([...chosen, codes({ operation, status: 200, body: {} })])];
  };

  it('is named like its folder', () => expect(adapter.name).toBe(name));

  it.each(kit.samples.map(sample => [sample.title, sample] as const))('%s', (_title, { exchange, verdict }) => {
    expect(adapter.classify(exchange)).toMatchObject(verdict);
  });

  it('has a sample of every kind and outcome its tables use', () => {
    const shown = new Set(
      kit.samples
        .map(({ exchange }) => adapter.classify(exchange))
        .map(v => (v.kind === 'terminal' ? v.outcome : v.kind)),
    );
    const used = new Set(
      Object.keys(adapter.operations)
        .flatMap(tablesOf)
        .flatMap(table => Object.values(table))
        .map(row => (row.kind === 'terminal' ? row.outcome : row.kind)),
    );
    expect([...used].filter(word => !shown.has(word))).toEqual([]);
  });

  it('has a row, decided on purpose, for every code of the manual', () => {
    const missing = Object.entries(kit.manual).flatMap(([operation, codes]) =>
      codes
        .filter(code => !tablesOf(operation).every(table => Object.hasOwn(table, code)))
        .map(code => `${operation} ${code}`),
    );
    expect(missing).toEqual([]);
    expect(Object.keys(kit.manual).length).toBeGreaterThan(0);
  });

  it('knows complete fields for every operation', () => {
    for (const operation of Object.values(adapter.operations)) {
      expect(Object.keys(kit.complete)).toContain(operation.name);
      checkFields(operation.name, kit.complete[operation.name], operation.required);
    }
  });

  it.each(
    Object.keys(adapter.operations),
  )('an empty, unreadable or strange answer to %s is unknown, never final', operation => {
    for (const body of [
      {},
      [],
      null,
      '',
      'ok',
      0,
      1,
      true,
      '<html>',
      { __proto__: null, constructor: '0000' },
      { respcd: '__proto__', return_code: 'constructor' },
    ]) {
      for (const status of [200, 201, 204, 302, 400, 404, 429, 500, 503]) {
        const verdict = adapter.classify({ operation, status, body });
        expect(verdict.listed, JSON.stringify({ body, status, verdict })).toBe(false);
        expect(verdict.kind).not.toBe('terminal');
        if (isWrite(operationOf(adapter, operation))) expect(verdict.kind).toBe('poll-required');
      }
    }
  });

  it('believes no final word under a 5xx, a 3xx or a 429', () => {
    for (const { exchange } of kit.samples) {
      for (const status of [302, 429, 500, 503])
        expect(adapter.classify({ ...exchange, status }).kind).not.toBe('terminal');
    }
  });

  it('calls no later answer of a write final but its own success, once an earlier send may have landed', () => {
    for (const { exchange } of kit.samples.filter(
      ({ exchange }) => operationOf(adapter, exchange.operation).effect === 'write',
    )) {
      const verdict = adapter.classify({ ...exchange, attempt: 2, mayHaveLanded: true });
      if (verdict.kind === 'terminal') expect(['succeeded', 'created', 'authorized']).toContain(verdict.outcome);
    }
  });

  it('never throws, whatever it is made to read', () => {
    for (const { exchange } of kit.samples) {
      for (const body of [
        JSON.stringify(exchange.body),
        { data: exchange.body },
        { data: [exchange.body, null, 7] },
        [exchange.body],
      ]) {
        expect(() => adapter.classify({ ...exchange, body })).not.toThrow();
      }
    }
  });

  it('shows no secret when it is printed', () => {
    const printed = [inspect(adapter, { depth: 12, showHidden: true }), JSON.stringify(adapter)].join('\n');
    expect(kit.secrets.length).toBeGreaterThan(0);
    for (const secret of kit.secrets) expect(printed).not.toContain(secret);
  });
});
