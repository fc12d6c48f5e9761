import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import { rowFor } from '../journal/rows.ts';
import { tillpaid } from './tillpaid.ts';

const page = readFileSync(new URL('../../docs/command-line.md', import.meta.url), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'tillpaid-cli-page-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A command, and below it what it prints. */
const examples = [...page.matchAll(/```sh\nnpx tillpaid ([^\n]+)\n```\n+```text\n([^`]*?)```/g)].map(
  ([, command = '', printed = '']) => ({ command, printed }),
);

const [, ticket = ''] = /```json\n(\{"version"[^`]*?)```/.exec(page) ?? [];

/** What is another one each day. */
const still = (text: string): string =>
  text
    .replaceAll(/\((?:in )?\d[^()]*?(?: ago)?\)/g, '(…)')
    .replaceAll(/(since|changed) +\S+Z/g, '$1 …')
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:…')
    .replaceAll(/\n+$/g, '\n');

const wordsOf = (command: string): string[] =>
  (command.match(/'[^']*'|\S+/g) ?? []).map(word => {
    const bare = word.replaceAll("'", '');
    if (bare === '8080') return '0';
    return ['ticket.json', 'payments.db'].includes(bare) ? join(directory, bare) : bare;
  });

beforeAll(async () => {
  writeFileSync(join(directory, 'ticket.json'), ticket);
  const journal = sqliteJournal(join(directory, 'payments.db'), { synchronous: 'NORMAL' });
  const { data } = rowFor(2);
  const of = (number: string, currency = 'HKD'): typeof data => ({
    ...data,
    ticket: {
      ...{ ...data.ticket, gateway: 'qfpay', operation: 'refund.create' },
      ...{ reference: { out_trade_no: number }, expect: { amount: '1000', currency } },
    },
  });
  const parked = {
    reason: 'It was followed to the end of its time.',
    advice: 'Look it up at the provider, then archive it or redrive it.',
    ...({ atMs: Date.UTC(2026, 0, 2), from: 'open' } as const),
  };
  const account = '["qfpay","SHOP","production"]';
  for (const [number, change] of [
    ['R-1001', { state: 'delivered' }],
    ['R-1002', { state: 'parked', data: { ...of('R-1002'), parked } }],
    ['R-1003', { state: 'open', dueAtMs: Date.UTC(2026, 0, 1) }],
  ] as const)
    await journal.store.insert({
      ...{ ...rowFor(Number(number.slice(2)), { data: of(number), ...change }), id: `${account} ${number}`, account },
      names: [`["out_trade_no","${number}"]`],
    });
  await journal.close();
});

describe('the page about the command line', () => {
  it('has an example of each command', () => {
    const shown = new Set(examples.map(({ command }) => command.split(' ')[0]));
    expect([...shown].sort()).toEqual(['codes', 'explain', 'journal', 'schedule', 'simulate', 'ticket']);
  });

  it.each(examples)('shows what is printed: tillpaid $command', async ({ command, printed }) => {
    const ending = new AbortController();
    // The simulator ends once it has said where it is.
    const ran = await tillpaid(wordsOf(command), {
      interrupted: ending.signal,
      onStdout: () => ending.abort(),
    });
    expect(still(ran.stdout + ran.stderr)).toBe(still(printed));
  });
});
