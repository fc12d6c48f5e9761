import fc from 'fast-check';
import { readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { runInThisContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { casesOf } from '../../explorer/acts.ts';
import { resultOf, type Asked, type Told } from '../../explorer/browser/tool.ts';
import { explorerFiles } from '../../explorer/build.ts';
import { followOf } from '../../explorer/follow.ts';
import { costAt, limitAt, limitFor } from '../../explorer/limit.ts';
import { html } from '../../explorer/markup.ts';
import { fieldsFrom, pastedFrom } from '../../explorer/question.ts';
import { providerOf } from '../../src/cli/providers.ts';
import type { Verdict } from '../../src/core/verdict.ts';
import { explain, listCodes, scheduleOf } from '../../src/explain/index.ts';
import type { Samples } from '../../src/testing/sample.ts';

const names = readdirSync(new URL('../../src/adapters/', import.meta.url), { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(({ name }) => name);

const providers = await Promise.all(names.map(async name => ({ name, title: name, ...(await providerOf(name)) })));
/** What each provider's codes mean, by the same way as a page gets it. */
const known = providers.map(provider => {
  const codes = [...new Set(listCodes(provider.adapter).map(({ code }) => code))];
  const explained = codes.map(code => {
    const explanation = explain(provider.adapter, { code });
    return { code, explanation, cases: casesOf(provider, explanation) };
  });
  return { name: provider.name, adapter: provider.adapter, codes, explained };
});

const files = await explorerFiles({ home: '../index.html' });
const pages = [...files].filter(([path]) => path.endsWith('.html'));
const pageOf = (path: string): string => files.get(path) ?? expect.unreachable(`there is no ${path}`);
/** What a page says, without its tags. */
const textOf = (page: string): string =>
  page.replaceAll(/<(?:head|script)[^]*?<\/(?:head|script)>|<[^>]*>/g, '').replaceAll('&quot;', '"');

/** The built script, as a page runs it, but for the page. */
function runBuilt(script: string): (asked: Asked) => Told {
  runInThisContext(script);
  const { tillpaidExplorer } = globalThis;
  globalThis.tillpaidExplorer = undefined;
  return tillpaidExplorer?.tell ?? expect.unreachable('the built script has no tillpaidExplorer');
}

const tellBuilt = runBuilt(files.get('explorer.js') ?? '');
const tell = (asked: Partial<Asked>): Told =>
  tellBuilt({ ...{ given: '', provider: '', operation: '', attempt: '', status: '200', sent: '' }, ...asked });

describe.each(known)('the codes of $name', ({ name, adapter, codes, explained }) => {
  it('each have a page of their own, whose text says what it means without a script', () => {
    for (const { code, explanation } of explained) {
      const page = pageOf(`${name}/${code}.html`);
      const [, title = ''] = /<title>(.*?)<\/title>/.exec(page) ?? [];
      expect(title).toContain(code);
      expect(page).toMatch(/<meta name="description" content="[^"]{30,}">/);
      const text = textOf(page);
      expect(text).toContain(code);
      for (const { verdict, operations } of explanation.meanings) {
        expect(text).toContain(verdict.reason);
        for (const operation of operations) expect(text).toContain(operation);
      }
    }
    expect(codes.length).toBeGreaterThan(50);
  });

  it('have addresses that differ on a disk that does not tell capital letters', () => {
    const paths = codes.map(code => `${code}.html`.toLowerCase());
    expect(new Set(paths).size).toBe(paths.length);
    expect(codes.filter(code => !/^[\w=./-]+$/.test(code) || code.split('/').some(part => /^\.*$/.test(part)))).toEqual(
      [],
    );
  });

  it('are listed on a page with a link to each', () => {
    const list = pageOf(`${name}/index.html`);
    for (const code of codes)
      expect(list).toContain(`href="${`${code}.html`.split('/').map(encodeURIComponent).join('/')}"`);
  });

  it('are followed as explain says that they are', () => {
    for (const { cases } of explained) {
      for (const each of cases) {
        for (const write of each.about.length > 0 ? each.about : each.operations.slice(0, 1)) {
          const follow = followOf(adapter, each, write);
          if (follow === undefined || each.step === undefined) continue;
          const [first] = follow.steps;
          const { next } = each.step;
          expect(first === undefined ? { does: 'settle', outcome: follow.end.outcome } : first).toEqual(
            next.does === 'settle' ? next : { does: next.does, atMs: next.withinMs },
          );
        }
      }
    }
  });
});

describe('what to do', () => {
  const actsOf = (name: string, code: string, operation: string): unknown[] => {
    const provider = providers.find(each => each.name === name) ?? expect.unreachable(name);
    return casesOf(provider, explain(provider.adapter, { code, operation })).map(({ act, send }) => [act, send]);
  };

  it('is to hand over only what the adapter calls succeeded, in a payment', () => {
    const all = known.flatMap(({ explained }) => explained.flatMap(({ cases }) => cases));
    const paid = all.filter(({ act }) => act === 'hand-over');
    for (const { verdict, operations, about } of paid) {
      expect(verdict).toMatchObject({ kind: 'terminal', outcome: 'succeeded' });
      const writes = about.length > 0 ? about : operations;
      expect(writes.filter(write => /refund|cancel|void|reverse|close|payout|binding|capture/.test(write))).toEqual([]);
    }
    expect(paid.length).toBeGreaterThan(5);
  });

  it('is to hand over whatever charge has succeeded, also where the code means the same for a refund', () => {
    for (const { adapter, explained } of known) {
      for (const { explanation, cases } of explained) {
        const charged = explanation.meanings.filter(
          ({ verdict, first }) =>
            first?.next.does === 'settle' && first.next.outcome === 'succeeded' && verdict.reason !== 'conflict',
        );
        for (const operation of charged.flatMap(({ operations }) => operations)) {
          if (!operation.endsWith('payment.charge')) continue;
          const its = cases.filter(({ operations, send }) => operations.includes(operation) && send !== 'later');
          expect([adapter.name, ...its.map(({ act }) => act)]).toEqual([adapter.name, 'hand-over']);
        }
      }
    }
    expect(actsOf('rebell', 'SUCCESS', 'payment.charge')).toEqual([
      ['hand-over', 'first'],
      ['wait', 'later'],
    ]);
  });

  it('is to wait where an earlier send may have been paid, whatever the first would mean', () => {
    expect(actsOf('qfpay', '1201', 'payment.charge')).toEqual([
      ['no-goods', 'first'],
      ['wait', 'later'],
    ]);
    expect(actsOf('qfpay', '1298', 'payment.charge')).toEqual([['wait', 'any']]);
  });

  it('is not to take the money another way while it may still be taken', () => {
    const [waiting = ''] = /<section class="card wait">[^]*?<\/section>/.exec(pageOf('qfpay/1201.html')) ?? [];
    expect(waiting).not.toContain('another payment method');
    expect(textOf(pageOf('qfpay/1201.html'))).toContain('another payment method');
  });

  it('says to paste the whole answer before goods go, where other fields can change what the code means', () => {
    const [paid = ''] = /<section class="card hand-over">[^]*?<\/section>/.exec(pageOf('qfpay/0000.html')) ?? [];
    expect(textOf(paid)).toContain('paste the whole answer');
  });

  it('differs for an order and a charge that were answered the same', () => {
    expect(actsOf('qfpay', '0000', 'payment.charge')).toEqual([['hand-over', 'any']]);
    expect(actsOf('qfpay', '0000', 'payment.create')).toEqual([['payer', 'any']]);
    expect(actsOf('qfpay', '0000', 'refund.create')).toEqual([['done', 'any']]);
  });
});

describe('what happens next', () => {
  const afterAnswer = (name: string, code: string, operation: string, sent?: Record<string, unknown>) => {
    const { adapter, ...rest } = providers.find(each => each.name === name) ?? expect.unreachable(name);
    const [first] = casesOf(
      { adapter, ...rest },
      explain(adapter, { code, operation, ...(sent && { sent }) }),
      'first',
    );
    return first && followOf(adapter, first, operation, sent)?.end;
  };

  it('of a charge is to ask until its deadline, and of an order to see that it is there', () => {
    expect(afterAnswer('qfpay', '1298', 'payment.charge')).toEqual({ atMs: 120_000, outcome: 'unresolved' });
    expect(afterAnswer('qfpay', '1298', 'payment.create')).toMatchObject({ outcome: 'created' });
    const sent = { auth_code: '134857901234588557' };
    expect(afterAnswer('qfpay', '1298', 'payment.create', sent)).toMatchObject({ outcome: 'unresolved' });
  });
});

describe('the pages', () => {
  it('link only to pages that are there, named as files, so that they work from a folder', () => {
    const missing = new Set<string>();
    for (const [path, page] of pages) {
      for (const [, link = ''] of page.matchAll(/(?:href|src)="([^"]*)"/g)) {
        if (/^(?:https:|data:,|#)/.test(link)) continue;
        const to = posix.join(posix.dirname(path), decodeURIComponent(link.split('#')[0] ?? ''));
        if (!files.has(to) && to !== '../index.html') missing.add(`${path}: ${link}`);
      }
    }
    expect([...missing]).toEqual([]);
  });

  it('load nothing from elsewhere, and may neither fetch nor send', () => {
    for (const [path, page] of pages) {
      expect(page).toContain("default-src 'none'");
      expect(page).toContain("connect-src 'none'; form-action 'none'");
      const loads = [...page.matchAll(/<(?:link|script|img|iframe|source|form)\b[^>]*(?:href|src|action)="([^"]*)"/g)];
      expect([path, ...loads.map(([, from = '']) => from).filter(from => /^(?:\w+:)?\/\//.test(from))]).toEqual([path]);
      for (const [, out = ''] of page.matchAll(/<a [^>]*href="(https?:[^"]*)"/g))
        expect(new URL(out).protocol).toBe('https:');
    }
    expect(files.get('explorer.css')).not.toMatch(/url\(|@import|https?:/);
    expect(files.get('explorer.js')).not.toMatch(/\bfetch\(\s*["'`]|XMLHttpRequest|sendBeacon|WebSocket|EventSource/);
  });

  it('escape what they show', () => {
    expect(html`<p>${'<img src=x onerror="a">'}${html`<b>${'&'}</b>`}${[1, 'a', undefined, false]}</p>`.text).toBe(
      '<p>&lt;img src=x onerror=&quot;a&quot;&gt;<b>&amp;</b>1a</p>',
    );
  });

  it('name each of their fields and headings in order', () => {
    for (const path of ['index.html', 'schedule.html', 'qfpay/index.html', 'qfpay/1298.html', 'zalopay/2/-54.html']) {
      const page = pageOf(path);
      expect(page.match(/<h1/g)).toHaveLength(1);
      for (const [, id = ''] of page.matchAll(/<(?:input|select|textarea)[^>]*\bid="([^"]+)"/g))
        expect(page.includes(`for="${id}"`) || page.includes(`<label>`)).toBe(true);
    }
  });
});

describe('the built script', () => {
  it.each(names)('says of every sample of %s what the adapter says', async name => {
    const { samples } = (await import(`../samples/${name}.ts`)) as { samples: Samples<object> };
    const { adapter } = await providerOf(name);
    let count = 0;
    for (const { exchange } of samples.samples) {
      const { operation, body, status, attempt = 1, mayHaveLanded, sent } = exchange;
      if (typeof body !== 'object' || body === null || mayHaveLanded !== undefined) continue;
      if (!Number.isInteger(status) || status < 100 || status > 599) continue;
      const given = JSON.stringify(body);
      const { found } = tell({
        ...{ given, provider: name, operation, status: String(status), attempt: String(attempt) },
        ...(sent !== undefined && { sent: JSON.stringify(sent) }),
      });
      const verdicts = found.flatMap(([, { meanings }]) => meanings.map(({ verdict }) => verdict));
      const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
      const expected: Verdict = adapter.classify({
        ...{ operation, status, attempt, body: JSON.parse(given) as unknown },
        ...(sent !== undefined && { sent: plain(sent) as Record<string, unknown> }),
      });
      expect(plain(verdicts)).toEqual([plain(expected)]);
      count++;
    }
    expect(count).toBeGreaterThan(30);
  });

  it('finds a code whoever it is of, and what was meant by a mistyped one', () => {
    expect(tell({ given: '1298' }).found.map(([{ title }]) => title)).toEqual(['QFPay']);
    expect(tell({ given: '2/-54' }).found.map(([{ name }]) => name)).toEqual(['zalopay']);
    const unknown = tell({ given: '12988' });
    expect(unknown.found).toEqual([]);
    expect(unknown.near.map(([{ title }, code]) => `${title} ${code}`)).toContain('QFPay 1298');
    expect(tell({ given: '12988', provider: 'qfpay' }).found[0]?.[1].meanings[0]?.verdict).toMatchObject({
      kind: 'poll-required',
      listed: false,
    });
  });

  it('asks for the provider where no answer came', () => {
    expect(tell({ given: 'timeout' })).toMatchObject({ found: [], note: expect.stringContaining('Choose') as string });
    expect(tell({ given: 'timeout', provider: 'qfpay' }).found).toHaveLength(1);
  });

  it('explains anything at all that is pasted, and tells to hand over only what the adapter calls paid', () => {
    const anything = fc.oneof(fc.string(), fc.json(), fc.constant('{"respcd":"0000"}'), fc.constant('1298'));
    fc.assert(
      fc.property(anything, fc.oneof(fc.constant(''), fc.json(), fc.string()), (given, sent) => {
        for (const provider of providers) {
          const asked = { given, sent, provider: provider.name, operation: '', attempt: '', status: '200' };
          const told = tell(asked);
          const { text } = resultOf(told, asked);
          if (!text.includes('card hand-over')) continue;
          const verdicts = told.found.flatMap(([, { meanings }]) => meanings.map(({ verdict }) => verdict));
          expect(verdicts).toContainEqual(expect.objectContaining({ kind: 'terminal', outcome: 'succeeded' }));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('says what is wrong with what was filled in, and throws nothing', () => {
    expect(tell({ given: '1298', status: '9' }).note).toContain('status');
    expect(tell({ given: '1298', status: 'ok' }).note).toContain('status');
    expect(tell({ given: '{"respcd":"12' }).note).toContain('whole JSON');
    expect(tell({ given: '1298', sent: 'what?' }).note).toContain('neither JSON nor a form');
    expect(tell({ given: '' })).toEqual({ found: [], near: [], pasted: { is: 'nothing' } });
  });
});

describe('what is pasted', () => {
  const none = (): boolean => false;

  it('is a code where some table has it, whatever it looks like', () => {
    expect(pastedFrom(' 0000/cancel=1\n', text => text === '0000/cancel=1')).toEqual({
      is: 'code',
      code: '0000/cancel=1',
    });
    expect(pastedFrom('1298', none)).toEqual({ is: 'code', code: '1298' });
    expect(pastedFrom('"1298"', none)).toEqual({ is: 'code', code: '1298' });
  });

  it('is an answer as JSON, a form, in a line of a log, or with its head', () => {
    expect(pastedFrom('{"respcd":"1298"}', none)).toMatchObject({ is: 'answer', body: { respcd: '1298' } });
    expect(pastedFrom('respcd=1298&resperr=a%20b', none)).toMatchObject({ body: { respcd: '1298', resperr: 'a b' } });
    expect(pastedFrom('18:02 WARN answer={"respcd":"1298"} in 12 ms', none)).toMatchObject({
      body: { respcd: '1298' },
    });
    const curl = 'HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/html\r\n\r\n<html>down</html>';
    expect(pastedFrom(curl, none)).toMatchObject({ is: 'answer', body: '<html>down</html>', status: 503 });
    expect(pastedFrom('HTTP/2 200\nserver: x\n\n{"respcd":"0000"}', none)).toMatchObject({
      body: { respcd: '0000' },
      status: 200,
    });
  });

  it('as fields is JSON or a form', () => {
    expect(fieldsFrom('{"auth_code":"1"}')).toEqual({ auth_code: '1' });
    expect(fieldsFrom('auth_code=1&txamt=2')).toEqual({ auth_code: '1', txamt: '2' });
    expect(fieldsFrom('[1]')).toBeUndefined();
  });
});

describe('the limit', () => {
  it('is that of the frontier, and no schedule is better', () => {
    const limit = limitFor(900);
    // docs/performance.md, by a program of its own: 8.71 queries, 2.02 s; 36.19 queries, 0.46 s.
    expect(limitAt(limit, 8.71)).toBeCloseTo(2.02, 2);
    expect(limitAt(limit, 36.19)).toBeCloseTo(0.46, 2);
    for (const { adapter } of known) {
      const { asksAtMs, deadlineMs, economy } = scheduleOf(adapter);
      const cost = costAt(asksAtMs.map(atMs => atMs / 1000));
      expect(cost.queries).toBeCloseTo(economy?.queriesPerPayment ?? 0, 1);
      expect(limitAt(limitFor(deadlineMs / 1000), cost.queries)).toBeLessThan(cost.meanS);
    }
  });
});
