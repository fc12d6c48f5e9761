import ky from 'ky';
import { describe, expect, it } from 'vitest';
import '../../src/client/receive.ts';
import { createGateway, type Adapter, type Gateway, type Settlement, type Ticket } from '../../src/index.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import type { Row } from '../../src/journal/store.ts';
import { createWorker, type WorkerOptions } from '../../src/journal/worker.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';

/** A journal outlives releases: what an older one stored is read as it was meant, or parked, and never misread. */

const order = { order: 'A1', amount: 100 };

function shop() {
  const clock = manualClock();
  const journal = memoryJournal({ clock });
  const requests: string[] = [];
  const told: Settlement[] = [];
  const answers = { send: { code: 'PENDING' }, poll: { state: 'pending' } };
  const fetch = (request: Request): Promise<Response> => {
    const isPoll = new URL(request.url).pathname === '/api/query';
    requests.push(isPoll ? 'query' : 'send');
    return Promise.resolve(Response.json(isPoll ? answers.poll : answers.send));
  };
  const open = (adapter: Adapter<AcmeFields>): Gateway<AcmeFields> =>
    createGateway<AcmeFields>({
      ...{ adapter, clock, journal, policy: { poll: { deadlineMs: 5000 } } },
      client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
    });
  const work = async (
    gateway: Gateway<AcmeFields>,
    forMs: number,
    options: Partial<WorkerOptions> = {},
  ): Promise<void> => {
    const onSettled = (settlement: Settlement): void => void told.push(settlement);
    const worker = createWorker({ gateways: [gateway], journal, clock, onSettled, ...options });
    worker.start();
    await clock.run(sleep(clock, forMs));
    await clock.run(worker.stop());
  };
  const row = async (): Promise<Row | undefined> => (await journal.store.list({}))[0];
  return { clock, journal, requests, told, answers, open, work, row };
}

const upgrading = (): Adapter<AcmeFields> => ({
  ...acme({ version: 2 }),
  upgradeTicket: (ticket: Ticket, version: number) => (version === 1 ? { ...ticket, polls: 0 } : undefined),
});

describe('a row of an older version of the adapter', () => {
  it('is followed by a newer one that can make its ticket anew', async () => {
    const { clock, answers, told, open, work, row } = shop();
    await clock.run(open(acme({ version: 1 })).settle('payment.charge', order));
    answers.poll = { state: 'paid' };
    await work(open(upgrading()), 60_000);
    expect(told).toMatchObject([{ outcome: 'succeeded' }]);
    expect(await row()).toMatchObject({ state: 'delivered', data: { adapterVersion: 2 } });
  });

  it('is parked by a newer one that cannot, and nothing is asked or sent', async () => {
    const { clock, requests, open, work, row } = shop();
    await clock.run(open(acme({ version: 1 })).settle('payment.charge', order));
    const before = requests.length;
    await work(open(acme({ version: 2 })), 60_000);
    expect(requests).toHaveLength(before);
    const found = await row();
    expect(found).toMatchObject({ state: 'parked', data: { parked: { from: 'open' } } });
    expect(found?.data.parked?.reason).toBe('It was stored by version 1 of the adapter.');
  });

  it('is not sent again by a newer one that cannot read it, which says so', async () => {
    const { clock, requests, open } = shop();
    await clock.run(open(acme({ version: 1 })).settle('payment.charge', order));
    const before = requests.length;
    const again = clock.run(open(acme({ version: 2 })).settle('payment.charge', order));
    await expect(again).rejects.toThrow(/acme A1: an older release .* Nothing was sent/);
    expect(requests).toHaveLength(before);
  });
});

describe('a row of a newer release', () => {
  it('is left alone by an older worker, which reports it, and not sent again by an older gateway', async () => {
    const { clock, requests, open, work, row } = shop();
    await clock.run(open(acme({ version: 2 })).settle('payment.charge', order));
    const before = requests.length;
    const events: string[] = [];
    await work(open(acme({ version: 1 })), 60_000, { onEvent: ({ type }) => events.push(type) });
    expect(events).toContain('newer');
    expect((await row())?.state).toBe('open');
    const again = clock.run(open(acme({ version: 1 })).settle('payment.charge', order));
    await expect(again).rejects.toThrow(/a newer release .* Nothing was sent/);
    expect(requests).toHaveLength(before);
  });
});

describe('following', () => {
  it('ends at its own time, whatever process goes on with it, and is then parked', async () => {
    const { clock, answers, open, work, row } = shop();
    await clock.run(open(acme()).settle('payment.charge', order));
    const until = (await row())?.data.followUntilMs ?? 0;
    answers.poll = { state: 'pending' };
    await work(open(acme()), 60_000);
    expect((await row())?.data.followUntilMs).toBe(until);
    clock.advance(until - clock.now() - 1000);
    await work(open(acme()), 60_000);
    expect(await row()).toMatchObject({ state: 'parked', data: { parked: { from: 'open' } } });
  });

  it('starts anew from the ticket where a later release cannot read the state, and keeps its time', async () => {
    const { clock, journal, answers, told, open, work, row } = shop();
    await clock.run(open(acme()).settle('payment.charge', order));
    await work(open(acme()), 10_000);
    const found = await row();
    if (found?.data.open === undefined) throw new Error('it was not followed');
    const other = { ...found.data.open, version: 7 as unknown as 1 };
    await journal.store.update([{ row: found, set: { ...found, data: { ...found.data, open: other } } }]);
    answers.poll = { state: 'paid' };
    await work(open(acme()), 120_000);
    expect(told).toMatchObject([{ outcome: 'succeeded' }]);
    expect((await row())?.data.followUntilMs).toBe(found.data.followUntilMs);
  });
});
