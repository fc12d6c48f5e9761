import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseTicket } from '../../src/index.ts';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import type { JournalStore, Row, RowData } from '../../src/journal/store.ts';
import { rowFor } from '../journal/rows.ts';
import { testDatabase } from '../testing/postgres-database.ts';
import { postgresJournal } from '../../src/journal/postgres.ts';
import { tillpaid } from './tillpaid.ts';

const database = await testDatabase(import.meta.url);
const directory = mkdtempSync(join(tmpdir(), 'tillpaid-cli-journal-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;

/** A journal in which order 2 is parked, and the file that it is in. */
async function journalFile(): Promise<{ readonly file: string; readonly store: JournalStore }> {
  const file = join(directory, `${files++}.db`);
  const { store } = sqliteJournal(file, { synchronous: 'NORMAL' });
  onTestFinished(() => store.close());
  await fill(store);
  return { file, store };
}

const why = { reason: 'The gateway has no query.', advice: 'Look at its portal.', atMs: Date.UTC(2026, 0, 2) };

async function fill(store: JournalStore): Promise<void> {
  const { data } = rowFor(2);
  const parked: RowData = { ...data, parked: { ...why, from: 'open' } };
  await store.insert(rowFor(1, { dueAtMs: Date.UTC(2026, 0, 1) }));
  await store.insert(rowFor(2, { state: 'parked', data: parked }));
  await store.insert(rowFor(3, { state: 'delivered' }));
}

const idsOf = (json: string): string[] => (JSON.parse(json) as { id: string }[]).map(({ id }) => id);

describe('tillpaid journal list, show, counts and export', () => {
  it('list rows in plain words, the newest first, with why one is parked; by state, page by page, as JSON', async () => {
    const { file } = await journalFile();
    const all = await tillpaid(['journal', 'list', file]);
    expect(all).toMatchObject({ exitCode: 0, stderr: '' });
    const [first, second, third] = all.stdout.split('\n');
    expect(first).toMatch(/^2026-01-01T00:00:00\.003Z {2}delivered +acme payment\.charge +3$/);
    expect([second, third]).toEqual([
      expect.stringContaining('parked'),
      '  The gateway has no query. Look at its portal.',
    ]);
    expect(idsOf((await tillpaid(['journal', 'list', file, '-s', 'parked', '--json'])).stdout)).toEqual(['acme 2']);
    const page = await tillpaid(['journal', 'list', file, '-n', '1', '--json']);
    const [, before = ''] = /--before (\S+),/.exec(page.stderr) ?? [];
    const next = await tillpaid(['journal', 'list', file, '--before', before, '--json']);
    expect([...idsOf(page.stdout), ...idsOf(next.stdout)]).toEqual(['acme 3', 'acme 2', 'acme 1']);
    expect(await tillpaid(['journal', 'list', file, '-s', 'leaving'])).toMatchObject({ exitCode: 1, stdout: '' });
  });

  it('show one row by its number, or its ticket alone, which can be asked about', async () => {
    const { file } = await journalFile();
    const { exitCode, stdout } = await tillpaid(['journal', 'show', file, '2']);
    expect(exitCode).toBe(0);
    for (const part of [
      'acme payment.charge  parked',
      'number     order 2',
      'to do      Look at its portal.',
      'acme 2',
    ])
      expect(stdout).toContain(part);
    const ticket = await tillpaid(['journal', 'show', file, 'acme 2', '--ticket']);
    expect(parseTicket(ticket.stdout)).toMatchObject({ reference: { order: '2' } });
    const said = await tillpaid(['ticket', '-'], {
      stdin: (await tillpaid(['journal', 'show', file, '2', '--json'])).stdout,
    });
    expect(said.stdout).toContain('Ask through the gateway that opened it');
    expect(await tillpaid(['journal', 'show', file, '9'])).toMatchObject({ exitCode: 1, stdout: '' });
  });

  it('count rows by account and state, and what is overdue', async () => {
    const { file } = await journalFile();
    const { stdout } = await tillpaid(['journal', 'counts', file]);
    expect(stdout).toMatch(/^acme\n {2}delivered +1\n {2}open +1 {2}1 overdue, since 2026-01-01T00:00:00\.000Z/);
    expect(JSON.parse((await tillpaid(['journal', 'counts', file, '--json'])).stdout)).toHaveLength(3);
  });

  it('export every row as a line of JSON', async () => {
    const { file } = await journalFile();
    const { stdout } = await tillpaid(['journal', 'export', file]);
    expect(idsOf(`[${stdout.trim().split('\n').join(',')}]`)).toEqual(['acme 3', 'acme 2', 'acme 1']);
    expect((await tillpaid(['journal', 'export', file, '--account', 'none'])).stdout).toBe('');
  });

  it('change nothing in the file', async () => {
    const { file, store } = await journalFile();
    await store.close();
    const before = readFileSync(file);
    for (const words of [['list'], ['counts'], ['export'], ['show']])
      await tillpaid(['journal', ...words, file, ...(words[0] === 'show' ? ['2'] : [])]);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it.each([
    'list',
    'counts',
    'export',
    'redrive --all --yes',
  ])('%s makes no journal where there is none', async words => {
    const folder = mkdtempSync(join(directory, 'empty-'));
    const [name = '', ...options] = words.split(' ');
    const ran = await tillpaid(['journal', name, join(folder, 'no.db'), ...options]);
    expect(ran).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ran.stderr).toContain('There is no file');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('tillpaid journal redrive, archive and purge', () => {
  const stateOf = async (store: JournalStore, number: number): Promise<Row['state'] | undefined> =>
    (await store.get(`acme ${number}`))?.state;

  it('let a parked row go on, once somebody has said yes', async () => {
    const { file, store } = await journalFile();
    const words = ['journal', 'redrive', file, '2'];
    const asked: string[] = [];
    const says = (answer: boolean) => async (question: string) => {
      asked.push(question);
      return Promise.resolve(answer);
    };
    expect(await tillpaid(words)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('say --yes') as string,
    });
    expect(await tillpaid(words, { confirm: says(false) })).toMatchObject({ exitCode: 1, stdout: '' });
    expect(await stateOf(store, 2)).toBe('parked');
    expect(await tillpaid(words, { confirm: says(true) })).toMatchObject({ exitCode: 0 });
    expect(asked).toEqual(['Let this row go on?', 'Let this row go on?']);
    expect(await stateOf(store, 2)).toBe('open');
    expect(await tillpaid([...words, '--yes'])).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('let all go on, and say how many that were', async () => {
    const { file, store } = await journalFile();
    const ran = await tillpaid(['journal', 'redrive', file, '--all', '--yes', '--json']);
    expect(ran).toMatchObject({ exitCode: 0, stdout: '{\n  "rows": 1\n}\n' });
    expect(await stateOf(store, 2)).toBe('open');
    expect(await tillpaid(['journal', 'redrive', file, '--all', '--yes'])).toMatchObject({ exitCode: 1 });
    expect(await tillpaid(['journal', 'redrive', file, '--yes'])).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('keep of a row that was looked up its number alone, and delete what is over and old', async () => {
    const { file, store } = await journalFile();
    expect(await tillpaid(['journal', 'archive', file, '2', '-y'])).toMatchObject({ exitCode: 0 });
    expect(await stateOf(store, 2)).toBe('archived');
    const purge = ['journal', 'purge', file, '-s', 'archived', '--older-than'];
    expect(await tillpaid([...purge, '1d', '-y'])).toMatchObject({ exitCode: 1 });
    expect(await stateOf(store, 2)).toBe('archived');
    expect(await tillpaid([...purge, 'long', '-y'])).toMatchObject({ exitCode: 2, stdout: '' });
    expect(await tillpaid(['journal', 'purge', file, '-s', 'open', '--older-than', '1d', '-y'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('one of delivered, archived, unsent') as string,
    });
    expect(await stateOf(store, 1)).toBe('open');
  });
});

describe('where a journal is', () => {
  it.each([
    ['postgres://shop:secret@db/shop', 'name that: env:DATABASE_URL'],
    ['env:NOT_SET', 'The environment variable NOT_SET is not set.'],
    ['env:WRONG', 'holds no URL'],
  ])('%s is refused with 2, and no password is quoted', async (named, told) => {
    const ran = await tillpaid(['journal', 'list', named], { env: { WRONG: 'secret' } });
    expect(ran).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ran.stderr).toContain(told);
    expect(ran.stderr).not.toContain('secret');
  });

  it('a database that cannot be reached ends with 3, and without its password', async () => {
    const ran = await tillpaid(['journal', 'list', 'env:DB'], {
      env: { DB: 'postgres://shop:secret@127.0.0.1:1/shop' },
    });
    expect(ran).toMatchObject({ exitCode: 3, stdout: '' });
    expect(ran.stderr).toContain('ECONNREFUSED');
    expect(ran.stderr).not.toContain('secret');
  });

  it.skipIf(database === undefined)('PostgreSQL, by an environment variable, is listed and redriven', async () => {
    if (database === undefined) return;
    const env = { DB: database.url };
    const words = ['env:DB', '--schema', 'shop'];
    expect(await tillpaid(['journal', 'redrive', ...words, '--all', '--yes'], { env })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('there is no journal in schema shop') as string,
    });
    const { store } = postgresJournal(database.pool(), { schema: 'shop' });
    onTestFinished(() => store.close());
    await fill(store);
    const listed = await tillpaid(['journal', 'list', ...words, '-s', 'parked', '--json'], { env });
    expect(idsOf(listed.stdout)).toEqual(['acme 2']);
    expect(await tillpaid(['journal', 'redrive', ...words, '2', '--yes'], { env })).toMatchObject({ exitCode: 0 });
    expect(await store.get('acme 2')).toMatchObject({ state: 'open' });
  });
});
