import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, it } from 'vitest';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import { journalContract, manualClock } from '../../src/testing/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'tillpaid-sqlite-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const clock = manualClock();
const path = join(directory, 'contract.db');

journalContract(
  {
    name: 'sqlite',
    // Whether it is durable is not what is checked here.
    open: () => sqliteJournal(path, { clock, synchronous: 'NORMAL' }).store,
    nowMs: () => clock.now(),
    pass: ms => clock.advance(ms),
    async userTransaction(work) {
      const db = new DatabaseSync(path);
      try {
        db.exec('BEGIN IMMEDIATE');
        await work(db);
        db.exec('COMMIT');
      } finally {
        db.close();
      }
    },
  },
  { describe, it },
);
