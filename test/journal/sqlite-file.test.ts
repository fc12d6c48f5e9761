import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import type { JournalStore } from '../../src/journal/store.ts';
import { rowFor } from './rows.ts';

let directory = '';
const opened: JournalStore[] = [];
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'tillpaid-file-'))));
afterEach(async () => {
  vi.restoreAllMocks();
  for (const store of opened.splice(0)) await store.close();
  rmSync(directory, { recursive: true, force: true });
});

function open(path: string): JournalStore {
  const { store } = sqliteJournal(path, { synchronous: 'NORMAL' });
  opened.push(store);
  return store;
}

const said = 'the file was deleted or replaced while it was open. Nothing is sent: restart this process';

function remove(file: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
}

const changes: Readonly<Record<string, (file: string) => void>> = {
  'was deleted': remove,
  'was deleted and made anew by another process': file => {
    remove(file);
    open(file);
  },
  'was replaced by an older copy of it': file => {
    const db = new DatabaseSync(file);
    db.exec(`VACUUM INTO '${file}.copy'`);
    db.close();
    remove(file);
    copyFileSync(`${file}.copy`, file);
  },
  'was moved away': file => renameSync(file, `${file}.moved`),
};

// Windows lets nobody delete a file that is open.
describe.skipIf(process.platform === 'win32')('a journal whose file', () => {
  for (const [title, change] of Object.entries(changes))
    it(`${title} refuses every write, and says what to do; it can still be read`, async () => {
      const file = join(directory, 'journal.db');
      const store = open(file);
      await store.insert(rowFor(1, { dueAtMs: 1 }));
      await store.transaction(db => store.insert(rowFor(2), db));
      const row = await store.get(rowFor(1).id);
      if (row === undefined) throw new Error('There is no row.');
      const own = new DatabaseSync(file);
      own.exec('BEGIN');
      change(file);
      let isCalled = false;
      const writes: Readonly<Record<string, () => Promise<unknown>>> = {
        insert: () => store.insert(rowFor(3)),
        update: () => store.update([{ row, set: rowFor(1) }]),
        take: () => store.take({ holder: 'worker', accounts: ['acme'], limit: 1 }),
        renew: () => store.renew('holder', 60_000),
        permits: () => store.permits('acme', 1, 10),
        purge: () => store.purge('open', 1e15),
        transaction: () => store.transaction(() => Promise.resolve((isCalled = true))),
        'insert in the user’s own transaction': () => store.insert(rowFor(4), own),
      };
      for (const [name, write] of Object.entries(writes))
        await expect(write(), name).rejects.toThrow(`sqlite ${file}: ${said}`);
      await expect(Promise.all([1, 2].map(number => store.insert(rowFor(number + 4))))).rejects.toThrow(said);
      expect(isCalled).toBe(false);
      expect((await store.list({})).map(({ id, fence }) => [id, fence])).toEqual([
        [rowFor(2).id, 1],
        [rowFor(1).id, 1],
      ]);
      own.close();
    });

  it('is deleted while a transaction is open commits nothing', async () => {
    const file = join(directory, 'journal.db');
    const store = open(file);
    const transaction = store.transaction(async db => {
      await store.insert(rowFor(1), db);
      remove(file);
    });
    await expect(transaction).rejects.toThrow(said);
    expect(await store.list({})).toEqual([]);
  });

  it('is named by a relative path keeps it, wherever the process goes later', async () => {
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(directory);
    const store = open('relative.db');
    expect(statSync(join(directory, 'relative.db')).isFile()).toBe(true);
    mkdirSync(join(directory, 'elsewhere'));
    cwd.mockReturnValue(join(directory, 'elsewhere'));
    await store.transaction(db => store.insert(rowFor(1), db));
    expect((await store.get(rowFor(1).id))?.fence).toBe(1);
    expect(() => statSync(join(directory, 'elsewhere', 'relative.db'))).toThrow('ENOENT');
  });
});
