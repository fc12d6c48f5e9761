import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { circuit, constant, createGateway, type Gateway, type Policy, type Settlement } from '../../src/index.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { createWorker } from '../../src/journal/worker.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';

/** A provider that is down, a gateway with a circuit and a journal, and a worker that has prepared writes to send. */

const order = (name: string) => ({ order: name, amount: 100 });
const policy: Policy = {
  circuit: circuit({ failures: 3, withinMs: 60_000, openForMs: 20_000 }),
  retry: { attempts: 2, backoff: constant(100) },
  poll: { backoff: constant(2000), deadlineMs: 6000 },
};

function shop(more: Policy = {}) {
  const clock = manualClock();
  const journal = memoryJournal({ clock });
  const told: Settlement[] = [];
  const sends: string[] = [];
  let isDown = true;
  let answersAfterMs = 0;
  const fetch = async (request: Request): Promise<Response> => {
    const isQuery = new URL(request.url).pathname === '/api/query';
    const { order: name } = JSON.parse(await request.text()) as { order: string };
    if (!isQuery) sends.push(name);
    if (answersAfterMs > 0) await sleep(clock, answersAfterMs);
    if (isDown) return new Response(null, { status: 503 });
    return Response.json(isQuery ? { state: 'none' } : { code: 'PAID' });
  };
  const gateway: Gateway<AcmeFields> = createGateway<AcmeFields>({
    adapter: acme(),
    client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
    clock,
    journal,
    policy: { ...policy, ...more },
  });
  const worker = createWorker({ gateways: [gateway], journal, clock, onSettled: end => void told.push(end) });
  const rows = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await journal.store.list({})).map(({ state, data }) => [String(data.ticket.reference['order']), state]),
    );
  const charge = (name: string): Promise<Settlement> => clock.run(gateway.settle('payment.charge', order(name)));
  const wait = (forMs: number): Promise<void> => clock.run(sleep(clock, forMs));
  return {
    ...{ clock, journal, told, sends, gateway, worker, rows, charge, wait },
    answersLate: (afterMs: number) => void (answersAfterMs = afterMs),
    comesBack: () => void ([isDown, answersAfterMs] = [false, 0]),
  };
}

async function broken(more?: Policy) {
  const made = shop(more);
  for (const name of ['A1', 'A2', 'A3']) expect((await made.charge(name)).outcome).toBe('unresolved');
  expect((await made.charge('B1')).outcome).toBe('unsent');
  return made;
}

describe('a circuit that is open, with a journal', () => {
  it('leaves a row unsent of a call that it has ended, and the same number may be sent later', async () => {
    const made = await broken();
    expect(await made.rows()).toEqual({ A1: 'open', A2: 'open', A3: 'open', B1: 'unsent' });
    expect((await made.journal.store.list({})).flatMap(({ data }) => data.deliveries)).toMatchObject([
      { settlement: { outcome: 'unsent', verdict: { code: 'circuit-open' } } },
    ]);
    made.comesBack();
    await made.wait(20_000);
    expect(await made.charge('B1')).toMatchObject({ outcome: 'succeeded', attempts: 1 });
    expect(made.sends).toEqual(['A1', 'A2', 'A3', 'B1']);
  });

  it('keeps what is prepared until the provider is back, and then it is sent once', async () => {
    const made = await broken();
    for (const name of ['P1', 'P2', 'P3']) await made.gateway.prepare('payment.charge', order(name));
    made.worker.start();
    await made.wait(60_000);
    // Now and then one of them was let through to try: it is followed like any other.
    const tried = made.sends.slice(3);
    expect(tried.length).toBeLessThanOrEqual(3);
    const rows = await made.rows();
    for (const name of ['P1', 'P2', 'P3']) expect(rows[name] === 'intended').toBe(!tried.includes(name));
    made.comesBack();
    await made.wait(120_000);
    await made.clock.run(made.worker.stop());
    expect([...made.sends].sort()).toEqual(['A1', 'A2', 'A3', 'P1', 'P2', 'P3']);
    expect(made.told.filter(({ outcome }) => outcome === 'unsent').map(({ reference }) => reference.merchant)).toEqual([
      'B1',
    ]);
  });

  it('says that it was not sent, once its time has passed', async () => {
    const made = await broken({ circuit: circuit({ failures: 3, withinMs: 60_000, openForMs: 3_600_000 }) });
    await made.gateway.prepare('payment.charge', order('P1'), { sendUntil: new Date(made.clock.now() + 30_000) });
    made.worker.start();
    await made.wait(60_000);
    await made.clock.run(made.worker.stop());
    expect(made.sends).toEqual(['A1', 'A2', 'A3']);
    expect((await made.rows())['P1']).toBe('unsent');
    expect(made.told.at(-1)).toMatchObject({ outcome: 'unsent', reference: { merchant: 'P1' } });
  });

  it('keeps prepared what stood in the queue when it opened', async () => {
    const made = shop({ limit: { concurrency: 2 } });
    made.answersLate(3000);
    const names = Array.from({ length: 12 }, (_, at) => `P${at}`);
    for (const name of names) await made.gateway.prepare('payment.charge', order(name));
    made.worker.start();
    await made.wait(15_000);
    const rows = await made.rows();
    const left = names.filter(name => rows[name] === 'intended');
    expect([left.length, new Set(made.sends).size]).toEqual([12 - made.sends.length, made.sends.length]);
    expect(left.length).toBeGreaterThan(6);
    expect(made.told).toEqual([]);
    made.comesBack();
    await made.wait(180_000);
    await made.clock.run(made.worker.stop());
    expect([...made.sends].sort()).toEqual([...names].sort());
    expect(made.told.filter(({ outcome }) => outcome !== 'succeeded')).toEqual([]);
  });

  it('tells a caller unsent who has joined what a worker would send, and then no worker sends it', async () => {
    const made = shop({ limit: { concurrency: 2 } });
    made.answersLate(3000);
    const names = Array.from({ length: 8 }, (_, at) => `P${at}`);
    for (const name of names) await made.gateway.prepare('payment.charge', order(name));
    made.worker.start();
    await made.wait(2000);
    const last = names.filter(name => !made.sends.includes(name)).at(-1) ?? '';
    const joined = await made.charge(last);
    expect(joined).toMatchObject({ outcome: 'unsent', verdict: { code: 'circuit-open' } });
    expect((await made.rows())[last]).toBe('unsent');
    made.comesBack();
    await made.wait(180_000);
    await made.clock.run(made.worker.stop());
    expect(made.sends).not.toContain(last);
  });

  it('never stops asking about what may have landed', async () => {
    const made = await broken();
    made.worker.start();
    await made.wait(30_000);
    const polls = (await made.journal.store.list({ state: 'open' })).map(({ data }) => data.ticket.polls);
    expect([polls.length, polls.every(count => count > 5)]).toEqual([3, true]);
    await made.clock.run(made.worker.stop());
  });
});
