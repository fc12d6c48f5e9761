import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Schedule } from '../../src/explain/index.ts';
import { tillpaid } from './tillpaid.ts';

describe('tillpaid explain', () => {
  it('tells what a code means, what follows, what to do, the row and the page', async () => {
    const { exitCode, stdout, stderr } = await tillpaid(['explain', 'qfpay', '1298', '-o', 'payment.charge']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const part of [
      'qfpay 1298  payment.charge',
      'poll-required · unknown-outcome',
      'first send       asks the gateway within 1.5 s',
      'may have landed',
      'to do            The payer may have paid: do not repeat the payment.',
      "row              '1298' · poll-required · unknown-outcome",
      'https://sdk.qfapi.com/docs/api-reference/status-codes',
    ])
      expect(stdout).toContain(part);
  });

  it('takes a negative code for a code', async () => {
    const { exitCode, stdout } = await tillpaid(['explain', 'zalopay', '-54']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('zalopay 2/-54');
  });

  it('reads an answer’s body, from its argument or from standard input', async () => {
    const body = JSON.stringify({ respcd: '1201', resperr: 'no money' });
    const words = ['--operation', 'payment.charge', '--json'];
    const given = await tillpaid(['explain', 'qfpay', body, ...words]);
    const piped = await tillpaid(['explain', 'qfpay', '-', ...words], { stdin: `${body}\n` });
    expect(piped).toEqual(given);
    expect(JSON.parse(given.stdout)).toMatchObject({
      listed: true,
      meanings: [{ code: '1201', verdict: { outcome: 'failed', message: 'no money' } }],
    });
  });

  it('says at a later attempt what a decline means then', async () => {
    const { stdout } = await tillpaid(['explain', 'qfpay', '1201', '-o', 'payment.charge', '-a', '2', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ attempt: 2, meanings: [{ verdict: { kind: 'poll-required' } }] });
  });

  it('ends with 1 for a code that no row has, and says which was meant', async () => {
    const { exitCode, stdout } = await tillpaid(['explain', 'qfpay', '12988']);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('Did you mean 1298?');
  });

  it.each([
    [['explain', 'qfpy', '1298'], 'Did you mean qfpay?'],
    [['explain', 'qfpay', '1298', '-o', 'payment.crate'], 'Did you mean payment.create?'],
    [['explain', 'qfpay', '{"respcd":'], 'is no JSON'],
    [['explain', 'qfpay', '-'], 'nothing to explain'],
    [['explain', 'qfpay', '1298', '--attempt', 'two'], 'whole number'],
    [['explain', 'qfpay', '1298', '--sent', '[]'], 'must be a JSON object'],
    [['explain', 'qfpay'], 'missing required argument'],
    [['explian', 'qfpay', '1298'], 'Did you mean explain?'],
    [['codes', 'qfpay', '-k', 'final'], 'Allowed choices are'],
    [['codes', '../../etc'], 'There is no provider'],
  ])('refuses %j with 2, and tells what is wrong', async (words, told) => {
    const { exitCode, stdout, stderr } = await tillpaid(words);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(told);
  });

  it('is coloured on a terminal alone', async () => {
    const escape = '\u001b[';
    expect((await tillpaid(['explain', 'qfpay', '1298'], { colors: true })).stdout).toContain(escape);
    expect((await tillpaid(['explain', 'qfpay', '1298'])).stdout).not.toContain(escape);
  });

  it('prints no control character that an answer brings along', async () => {
    const body = JSON.stringify({ respcd: '\u001b[31m9', resperr: '\u001b]0;owned\u0007' });
    const { stdout } = await tillpaid(['explain', 'qfpay', body, '-o', 'payment.charge']);
    expect(stdout).not.toContain('\u001b');
    expect((await tillpaid(['explain', 'qfpay', '\u001b[31m9'])).stdout).not.toContain('\u001b');
  });
});

describe('tillpaid codes', () => {
  it('lists and filters, with 1 where nothing is found', async () => {
    const words = ['codes', 'qfpay', 'payer', '-o', 'payment.charge', '-k', 'terminal', '-r', 'insufficient-funds'];
    const { exitCode, stdout } = await tillpaid(words);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      'payment.charge\n  1201  terminal · failed · insufficient-funds\n        Ask the payer for another payment method.\n',
    );
    expect(JSON.parse((await tillpaid([...words, '--json'])).stdout)).toHaveLength(1);
    expect(await tillpaid(['codes', 'qfpay', 'no such text'])).toMatchObject({ exitCode: 1, stdout: '' });
  });

  it('names with each code the pages of the manual, for a table in another language', async () => {
    const codes = 'https://sdk.qfapi.com/docs/api-reference/status-codes';
    const [charge, refund] = await Promise.all(
      ['payment.charge', 'refund.create'].map(each => tillpaid(['codes', 'qfpay', '1201', '-o', each, '--json'])),
    );
    expect(JSON.parse(charge?.stdout ?? '')).toMatchObject([{ code: '1201', pages: [codes] }]);
    expect(JSON.parse(refund?.stdout ?? '')).toMatchObject([
      { code: '1201', pages: ['https://sdk.qfapi.com/docs/common-api/refund', codes] },
    ]);
  });
});

describe('tillpaid schedule', () => {
  it('draws when it sends and asks, with what that costs', async () => {
    const { exitCode, stdout } = await tillpaid(['schedule', 'qfpay']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^qfpay payment\.charge {2}deadline 2 min\n {2}sends {3}▸/);
    expect(stdout).toMatch(/ {2}asks {4}┄+\?/);
    expect(stdout).toMatch(/costs {3}\d+\.\d\d queries per payment, told [\d.]+ s after it settles/);
    expect(Math.max(...stdout.split('\n').map(line => line.length))).toBeLessThanOrEqual(100);
    const { stdout: json } = await tillpaid(['schedule', 'qfpay', '--json']);
    expect(JSON.parse(json)).toMatchObject({ operation: 'payment.charge', deadlineMs: 120_000 });
  });

  it('says of what cannot be asked about that it is not, and refuses a query', async () => {
    expect((await tillpaid(['schedule', 'rebell', '-o', 'message.send'])).stdout).toContain('it cannot be asked about');
    expect(await tillpaid(['schedule', 'rebell', '-o', 'payment.query'])).toMatchObject({ exitCode: 2, stdout: '' });
  });
});

describe('tillpaid schedule --svg', () => {
  it('draws every send and question as a picture that needs nothing else, and tells it in words', async () => {
    const { exitCode, stdout } = await tillpaid(['schedule', 'qfpay', '--svg']);
    expect(exitCode).toBe(0);
    const { sendsAtMs, asksAtMs } = JSON.parse((await tillpaid(['schedule', 'qfpay', '--json'])).stdout) as Schedule;
    expect(stdout.match(/<path class="send"/g)).toHaveLength(sendsAtMs.length);
    expect(stdout.match(/<circle class="ask"/g)).toHaveLength(asksAtMs.length);
    expect(stdout).toContain('<title id="title">When qfpay payment.charge is sent and asked about</title>');
    expect(stdout).toContain(`It is asked about ${asksAtMs.length} times: at `);
    expect(stdout).toContain('prefers-color-scheme:dark');
    expect(stdout.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/NaN|undefined|https?:|<script|href/);
  });

  it('writes it into a file, draws what is never asked about, and draws no two things at once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tillpaid-svg-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'schedule.svg');
    const drawn = await tillpaid(['schedule', 'rebell', '-o', 'message.send', '--svg', file]);
    expect(drawn).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(readFileSync(file, 'utf8')).toContain('It cannot be asked about.');
    expect(await tillpaid(['schedule', 'qfpay', '--svg', '--json'])).toMatchObject({ exitCode: 2, stdout: '' });
    const nowhere = await tillpaid(['schedule', 'qfpay', '--svg', join(folder, 'no', 'such.svg')]);
    expect(nowhere).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('cannot be written') as string });
  });
});

describe('tillpaid', () => {
  it('has help with its exit codes, and a version', async () => {
    const help = await tillpaid(['--help']);
    expect(help.exitCode).toBe(0);
    for (const word of ['explain', 'codes', 'schedule', 'ticket', 'journal', 'simulate', 'Exit codes'])
      expect(help.stdout).toContain(word);
    const lines = help.stdout.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(25);
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(80);
    expect((await tillpaid(['explain', '--help'])).stdout).toContain('Exit codes:');
    expect(await tillpaid(['--version'])).toMatchObject({ exitCode: 0, stdout: '1.2.3\n' });
  });

  it('runs as a process: exit code, streams, standard input, and no colour in a pipe', async () => {
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    const start = promisify(execFile)(process.execPath, [main, 'explain', 'rebell', '-', '--json']);
    start.child.stdin?.end('PAYMENT_IN_PROCESS\n');
    const { stdout, stderr } = await start;
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ provider: 'rebell', listed: true });
    const wrong = promisify(execFile)(process.execPath, [main, 'explain', 'nobody', '1']);
    await expect(wrong).rejects.toMatchObject({ code: 2, stdout: '' });
  });
});
