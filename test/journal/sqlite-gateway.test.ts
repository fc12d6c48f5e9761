import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import ky from 'ky';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { constant, createGateway, type Gateway, type Settlement } from '../../src/index.ts';
import { createWorker, type Journal } from '../../src/journal/index.ts';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import { manualClock } from '../../src/testing/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { after } from './scene.ts';

/** Gateways on one SQLite file, each with a journal of its own: what processes have. */

let directory = '';
const opened: Journal[] = [];
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'tillpaid-gateway-'))));
afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close();
  rmSync(directory, { recursive: true, force: true });
});

const charge = { order: 'A1', amount: 100 };

function shop(answer: () => Response) {
  const clock = manualClock();
  const file = join(directory, 'payments.db');
  const sends: string[] = [];
  let polls = 0;
  const fetch = async (request: Request): Promise<Response> => {
    if (new URL(request.url).pathname === '/api/query')
      return Response.json({ state: polls++ < 2 ? 'pending' : 'paid' });
    sends.push(await request.text());
    return answer();
  };
  const journal = (): Journal => {
    const made = sqliteJournal(file, { clock });
    opened.push(made);
    return made;
  };
  const open = (on = journal()): Gateway<AcmeFields> =>
    createGateway<AcmeFields>({
      adapter: acme(),
      client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
      clock,
      journal: on,
      policy: { poll: { backoff: constant(1000) } },
    });
  return { clock, file, sends, journal, open };
}

const pending = (): Response => Response.json({ code: 'PENDING' });

describe('a gateway on a SQLite file', () => {
  it('sends a reference once, however many settle it, and each has the same settlement', async () => {
    const { clock, sends, open } = shop(pending);
    const settlements = await clock.run(
      Promise.all([open(), open(), open()].map(gateway => gateway.settle('payment.charge', charge))),
    );
    expect(sends).toHaveLength(1);
    const [first, ...others] = settlements.map(({ outcome, verdict, ticket }) => ({ outcome, verdict, ticket }));
    expect(first?.outcome).toBe('succeeded');
    for (const other of others) expect(other).toEqual(first);
    const later = await clock.run(open().settle('payment.charge', charge));
    expect([later.outcome, later.repeated, sends.length]).toEqual(['succeeded', true, 1]);
  });

  it('takes part in the transaction of the order, and a worker sends what was prepared in it', async () => {
    const { clock, file, sends, journal, open } = shop(pending);
    const own = journal();
    const gateway = open(own);
    const db = new DatabaseSync(file);
    db.exec('CREATE TABLE orders (number TEXT PRIMARY KEY, state TEXT)');
    const order = async (number: string): Promise<void> => {
      db.exec('BEGIN');
      db.prepare("INSERT INTO orders VALUES (?, 'placed')").run(number);
      await gateway.prepare('payment.charge', { order: number, amount: 100 }, { db });
    };
    await order('A1');
    db.exec('ROLLBACK');
    await order('A2');
    db.exec('COMMIT');
    const worker = createWorker({
      ...{ gateways: [gateway], journal: own, clock, transaction: true },
      onSettled: ({ outcome, reference }: Settlement, { db: its }) => {
        const mine = its as DatabaseSync;
        mine.prepare('UPDATE orders SET state = ? WHERE number = ?').run(outcome, reference.merchant);
      },
    });
    worker.start();
    await clock.run(after(clock, 30_000));
    await clock.run(worker.stop());
    expect(sends.map(body => (JSON.parse(body) as { order: string }).order)).toEqual(['A2']);
    expect(db.prepare('SELECT * FROM orders').all()).toEqual([{ number: 'A2', state: 'succeeded' }]);
    expect((await own.list()).map(({ state }) => state)).toEqual(['delivered']);
    db.close();
  });

  it('leaves nothing secret in its files: no code of the payer’s, no answer, no credential', async () => {
    const words = [
      'payer-code-287654321',
      'https://pay.test/secret-link',
      'made-up-acme-secret',
      'answer-token',
      '4111111111111111',
    ];
    const [scanned = '', link = '', , token = '', card = ''] = words;
    const { clock, open, sends } = shop(() => Response.json({ code: 'PENDING', link, token, message: `no: ${card}` }));
    const settlement = await clock.run(open().settle('payment.charge', { ...charge, scanned }));
    expect([settlement.outcome, sends[0]?.includes(scanned)]).toEqual(['succeeded', true]);
    const files = readdirSync(directory);
    expect(files.sort()).toEqual(['payments.db', 'payments.db-shm', 'payments.db-wal']);
    const text = files.map(name => readFileSync(join(directory, name), 'latin1')).join('');
    expect([text.includes('payment.charge'), words.filter(word => text.includes(word))]).toEqual([true, []]);
  });
});
