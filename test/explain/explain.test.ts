import fc from 'fast-check';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { providerOf } from '../../src/cli/providers.ts';
import { isWrite } from '../../src/core/operation.ts';
import { explain, listCodes, scheduleOf, type Meaning } from '../../src/explain/index.ts';
import { constant, isInputError, type Outcome } from '../../src/index.ts';
import { acme } from '../testing/acme.ts';
import type { Samples } from '../../src/testing/sample.ts';

const names = readdirSync(new URL('../../src/adapters/', import.meta.url), { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(({ name }) => name);

const only = (meanings: readonly Meaning[]): Meaning => {
  const [first, ...more] = meanings;
  expect(more).toEqual([]);
  return first ?? expect.unreachable('it has no meaning');
};

/** What would have a payer pay once more. */
const payAgain = /take the money another way, under|choose another (?:payment method|card)/i;

const ownSuccess: readonly Outcome[] = ['succeeded', 'created', 'authorized'];

describe.each(names)('every code of %s', async name => {
  const { adapter, manual } = await providerOf(name);
  const codes = listCodes(adapter);

  it('has nobody pay again because a refund, or a cancel of a payment that may stand, has failed', () => {
    const others = codes.filter(({ operation }) => /^refund\.|\.(?:cancel|close|reverse|void)$/.test(operation));
    for (const { code, operation } of others)
      for (const attempt of [1, 2])
        for (const { todo } of explain(adapter, { code, operation, attempt }).meanings)
          expect([code, operation, todo]).toEqual([code, operation, expect.not.stringMatching(payAgain)]);
  });

  it('can be explained for its operation, as a row says it', () => {
    for (const { code, operation, kind, reason } of codes) {
      const { listed, meanings } = explain(adapter, { code, operation, manual });
      const meaning = only(meanings);
      expect({ listed, code: meaning.code, row: meaning.row?.kind, reason: meaning.row?.reason }).toEqual({
        listed: true,
        code,
        row: kind,
        reason,
      });
      expect(meaning.todo).not.toBe('');
      expect(meaning.pages).toContain(manual.codes);
      expect(meaning.first !== undefined).toBe(meaning.effect === 'write');
    }
    expect(codes.length).toBeGreaterThan(50);
  });

  it('ends nothing but in the write’s own success once an earlier send may have landed', () => {
    for (const { code, operation } of codes) {
      const { mayHaveLanded } = only(explain(adapter, { code, operation, attempt: 2 }).meanings);
      if (mayHaveLanded?.verdict.kind === 'terminal') expect(ownSuccess).toContain(mayHaveLanded.verdict.outcome);
      if (mayHaveLanded?.next.does === 'settle')
        expect([...ownSuccess, 'unresolved']).toContain(mayHaveLanded.next.outcome);
    }
  });

  it('means for all its operations together what it means for each', () => {
    for (const code of new Set(codes.map(each => each.code))) {
      const { meanings } = explain(adapter, { code });
      const operations = meanings.flatMap(each => each.operations);
      expect(operations.toSorted()).toEqual(
        codes.flatMap(each => (each.code === code ? [each.operation] : [])).toSorted(),
      );
    }
  });

  it('is what classify says of the samples’ answers', async () => {
    const { samples } = (await import(`../samples/${name}.ts`)) as { samples: Samples<object> };
    for (const { exchange } of samples.samples) {
      const { operation, body, status, attempt, mayHaveLanded, sent } = exchange;
      if (body === undefined || mayHaveLanded !== undefined || !Number.isInteger(status) || status < 100) continue;
      const question = { operation, body, status, ...(attempt !== undefined && { attempt }), ...(sent && { sent }) };
      expect(only(explain(adapter, question).meanings).verdict).toEqual(
        adapter.classify({ operation, body, status, ...(attempt !== undefined && { attempt }), ...(sent && { sent }) }),
      );
    }
  });

  it('has pages of the manual only for operations that there are, over https', () => {
    const known = Object.keys(adapter.operations);
    expect(Object.keys(manual.operations).filter(operation => !known.includes(operation))).toEqual([]);
    for (const page of [manual.codes, ...Object.values(manual.operations)])
      expect(new URL(page).protocol).toBe('https:');
  });
});

describe('an explanation', async () => {
  const { adapter: qfpay } = await providerOf('qfpay');

  it('says what differs by operation', () => {
    const { meanings } = explain(qfpay, { code: '0000' });
    expect(meanings.length).toBeGreaterThan(1);
    const meaning = (operation: string): Meaning | undefined =>
      meanings.find(({ operations }) => operations.includes(operation));
    expect(meaning('payment.charge')?.verdict).toMatchObject({ outcome: 'succeeded' });
    expect(meaning('payment.create')?.verdict).toMatchObject({ outcome: 'created' });
    expect(meaning('payment.create')?.depends).toBe(true);
  });

  it('says of a query what its answer means for each write', () => {
    const { asked = [] } = only(explain(qfpay, { code: '1201', operation: 'payment.query' }).meanings);
    const of = (write: string) => asked.find(({ writes }) => writes.includes(write));
    expect(of('payment.charge')).toMatchObject({ next: { does: 'settle', outcome: 'failed' } });
    expect(of('payment.create')).toMatchObject({ next: { does: 'ask' } });
  });

  it.each(['circuit-open', 'limit'])('says of %s, which tillpaid itself gives, that nothing was sent', code => {
    const { listed, didYouMean, meanings } = explain(qfpay, { code });
    const { effect, first, mayHaveLanded, todo } = only(meanings);
    expect({ listed, didYouMean, effect }).toEqual({ listed: true, didYouMean: undefined, effect: 'write' });
    expect(first?.next).toEqual({ does: 'settle', outcome: 'unsent' });
    expect(mayHaveLanded?.next).toMatchObject({ does: 'ask' });
    expect(todo).toMatch(/Nothing was done|It was not sent/);
    expect(todo).toContain('with any other an earlier send may have landed');
    expect(explain(qfpay, { code, operation: 'payment.query' }).listed).toBe(false);
  });

  it('gives no advice for an end while it may still be paid: another card would charge twice', () => {
    const todo = (attempt: number, operation: string) =>
      only(explain(qfpay, { code: '1201', operation, attempt }).meanings).todo;
    expect(todo(1, 'payment.charge')).toContain('another payment method');
    expect(todo(2, 'payment.charge')).toMatch(/^Nothing now: .* Do not take the money another way meanwhile\.$/);
    const refused = listCodes(qfpay, { operation: 'payment.query', reason: 'authentication' })[0];
    const { todo: now } = only(explain(qfpay, { code: refused?.code ?? '', operation: 'payment.query' }).meanings);
    expect(now).toContain(refused?.advice ?? 'advice');
  });

  it('takes the fields that were sent into account', () => {
    const question = { code: '0000', operation: 'payment.create', sent: { auth_code: '284957310466312987' } };
    expect(only(explain(qfpay, question).meanings).verdict).toMatchObject({ outcome: 'succeeded' });
  });

  it('of an unknown code says so, what follows, and which was meant', () => {
    const { listed, didYouMean, meanings } = explain(qfpay, { code: '12988', operation: 'payment.charge' });
    expect({ listed, didYouMean }).toEqual({ listed: false, didYouMean: '1298' });
    expect(only(meanings)).toMatchObject({
      verdict: { kind: 'poll-required', listed: false },
      first: { next: { does: 'ask' } },
    });
  });

  it('finds a code by the part that the manual names', async () => {
    const { adapter: zalopay } = await providerOf('zalopay');
    const { listed, meanings } = explain(zalopay, { code: '-54', operation: 'payment.query' });
    expect({ listed, code: only(meanings).code }).toEqual({ listed: true, code: '2/-54' });
    expect(explain(qfpay, { code: '1108' }).related).toContain('query/1108');
  });

  it('asks after what came instead of an answer, and never calls it failed', () => {
    for (const code of ['timeout', 'network/ECONNRESET', 'http/503', 'http/302', 'http/429']) {
      for (const { effect, first, verdict } of explain(qfpay, { code }).meanings) {
        expect(verdict.kind).not.toBe('terminal');
        if (effect === 'write') expect(first?.next.does).toBe('ask');
      }
    }
  });

  it('refuses what is no question, and says what was meant', () => {
    const refused = (make: () => unknown): string => {
      try {
        make();
      } catch (error) {
        expect(isInputError(error)).toBe(true);
        return String(error);
      }
      return expect.unreachable('it was taken');
    };
    expect(refused(() => explain(qfpay, { code: '1', operation: 'payment.crate' }))).toContain(
      'Did you mean payment.create?',
    );
    expect(refused(() => explain(qfpay, {}))).toContain('a code or the body');
    expect(refused(() => explain(qfpay, { code: '1', body: {} }))).toContain('one of them');
    expect(refused(() => explain(qfpay, { code: '1', attempt: 0 }))).toContain('attempt');
    expect(refused(() => explain(qfpay, { code: '1', status: 99 }))).toContain('status');
    expect(refused(() => listCodes(qfpay, { operation: 'refund.crate' }))).toContain('refund.create');
    expect(refused(() => listCodes(qfpay, { reason: 'declinde' as 'declined' }))).toContain('Did you mean declined?');
  });

  it('of any code at all is made, and takes no name of an object’s own for a row', () => {
    for (const code of ['__proto__', 'constructor', 'toString']) expect(explain(qfpay, { code }).listed).toBe(false);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), code => {
        const { meanings } = explain(qfpay, { code, operation: 'payment.charge' });
        expect(meanings.length).toBeGreaterThan(0);
      }),
    );
  });

  it('of any body is made, and never takes one for an end that classify does not', () => {
    fc.assert(
      fc.property(fc.jsonValue(), body => {
        const { meanings } = explain(qfpay, { body, operation: 'payment.charge' });
        expect(only(meanings).verdict).toEqual(qfpay.classify({ operation: 'payment.charge', status: 200, body }));
      }),
    );
  });

  it('is made of an adapter of your own too', () => {
    for (const { code, operation } of listCodes(acme())) {
      const { meanings } = explain(acme(), { code, operation });
      expect(only(meanings).code).toBe(code);
    }
    expect(Object.values(acme().operations).some(isWrite)).toBe(true);
  });
});

describe('the codes', async () => {
  const { adapter } = await providerOf('qfpay');

  it('are found by operation, kind, reason and text, all of them together', () => {
    const found = listCodes(adapter, {
      operation: 'payment.charge',
      kind: 'terminal',
      reason: 'insufficient-funds',
      text: 'ASK THE PAYER',
    });
    expect(found).toEqual([
      {
        operation: 'payment.charge',
        code: '1201',
        kind: 'terminal',
        outcome: 'failed',
        reason: 'insufficient-funds',
        advice: 'Ask the payer for another payment method.',
      },
    ]);
    expect(listCodes(adapter, { text: 'no such text' })).toEqual([]);
  });
});

describe('a schedule', () => {
  it.each(
    names,
  )('of each write of %s asks later and later up to its deadline, where it can be asked about', async name => {
    const { adapter } = await providerOf(name);
    for (const operation of Object.values(adapter.operations).filter(isWrite)) {
      const { sendsAtMs, asksAtMs, deadlineMs, economy } = scheduleOf(adapter, { operation: operation.name });
      expect(sendsAtMs[0]).toBe(0);
      expect(asksAtMs).toEqual(asksAtMs.toSorted((one, other) => one - other));
      expect(asksAtMs.length > 0).toBe(operation.query !== undefined);
      expect(economy !== undefined).toBe(operation.query !== undefined);
      if (operation.query !== undefined) expect(asksAtMs.at(-1)).toBe(deadlineMs);
    }
  });

  it('follows a policy of your own', async () => {
    const { adapter } = await providerOf('qfpay');
    const policy = { retry: { attempts: 2 }, poll: { backoff: constant(10_000), deadlineMs: 60_000 } };
    const { asksAtMs, sendsAtMs, economy } = scheduleOf(adapter, { operation: 'payment.charge', policy });
    expect(asksAtMs).toEqual([10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
    expect(sendsAtMs).toHaveLength(2);
    expect(economy?.queriesPerPayment).toBeGreaterThan(1);
  });
});
