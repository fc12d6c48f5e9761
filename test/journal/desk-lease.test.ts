import { describe, expect, it } from 'vitest';
import ky from 'ky';
import { createGateway } from '../../src/index.ts';
import { DeskLease } from '../../src/journal/desk/desk-lease.ts';
import { createJournal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import type { JournalStore } from '../../src/journal/store.ts';
import { manualClock } from '../../src/testing/index.ts';
import { acme } from '../testing/acme.ts';
import { after } from './scene.ts';

const LEASE_MS = 30_000;

/** A gateway object on a store that does as the test tells it. */
function shop(over: (store: JournalStore) => Partial<JournalStore>) {
  const clock = manualClock();
  const base = memoryJournal({ clock });
  const journal = createJournal({ ...base.store, ...over(base.store) }, { clock });
  const sends: string[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    if (new URL(request.url).pathname.endsWith('/query')) return Response.json({ state: 'paid' });
    sends.push(await request.text());
    return Response.json({ code: 'PAID' });
  };
  const client = ky.create({ fetch: fetch as typeof globalThis.fetch });
  const gateway = createGateway({ adapter: acme(), client, clock, journal, fetchSendsOnce: true });
  const settle = (order: string): Promise<string> =>
    clock.run(
      gateway.settle('payment.charge', { order, amount: 100 }).then(
        ({ outcome }) => outcome,
        (error: unknown) => (error as Error).message,
      ),
    );
  return { clock, base, sends, settle };
}

describe('a journal that never answers one call', () => {
  it.each(['renew', 'insert', 'get', 'salt'] as const)('%s ends that settle, and no other', async method => {
    let isHung = true;
    const { sends, settle } = shop(store => ({
      [method]: (...given: unknown[]) => {
        if (isHung) {
          isHung = false;
          return new Promise(() => undefined);
        }
        return Reflect.apply(Reflect.get(store, method) as (...all: unknown[]) => unknown, store, given);
      },
      // The row is known, so that it is read.
      ...(method === 'get' && { insert: () => Promise.resolve(false) }),
    }));
    if (method === 'get') return expect(await settle('A1')).toMatch(/get was not answered/);
    expect(await settle('A1')).toMatch(new RegExp(`memory: ${method} was not answered within \\d+ ms`));
    expect(sends).toHaveLength(0);
    expect(await settle('A2')).toBe('succeeded');
    expect(await settle('A1')).toBe('succeeded');
    expect(sends).toHaveLength(2);
  });

  it('leaving, and answers it late, sends once at most', async () => {
    let updates = 0;
    const { sends, settle, base } = shop(store => ({
      update: async (changes, db) => {
        const made = await store.update(changes, db);
        if (updates++ > 0) return made;
        return new Promise(() => undefined);
      },
    }));
    await settle('A1');
    expect(sends.length).toBeLessThanOrEqual(1);
    const outcome = await settle('A1');
    expect(sends.length).toBeLessThanOrEqual(1);
    const [row] = await base.store.list({});
    expect([outcome, row?.state]).toEqual(['succeeded', 'settled']);
  });

  it('the end of a write holds its caller up for a lease, and not for good', async () => {
    let isHung = false;
    const { clock, sends, settle } = shop(store => ({
      update: (changes, db) => {
        isHung ||= changes.some(({ set }) => set.state === 'settled');
        return isHung ? new Promise(() => undefined) : store.update(changes, db);
      },
    }));
    const startMs = clock.now();
    expect(await settle('A1')).toBe('succeeded');
    expect(clock.now() - startMs).toBeLessThanOrEqual(2 * LEASE_MS);
    expect(sends).toHaveLength(1);
  });
});

describe('what could not be stored when a write ended', () => {
  it('is stored by a renewal of the lease, which is kept for it though nothing is held', async () => {
    let isDown = false;
    const { clock, base, settle } = shop(store => ({
      update: (changes, db) => {
        isDown ||= failures === 0 && changes.some(({ set }) => set.state === 'settled');
        if (!isDown) return store.update(changes, db);
        if (++failures === 8) isDown = false;
        return Promise.reject(new Error('down'));
      },
    }));
    let failures = 0;
    expect(await settle('A1')).toBe('succeeded');
    await clock.run(after(clock, LEASE_MS));
    const [row] = await base.store.list({});
    expect(row?.state).toBe('settled');
    expect(clock.pending).toBe(0);
  });

  it('and cannot be stored for a lease is left to others', async () => {
    const clock = manualClock();
    const { store } = memoryJournal({ clock });
    let renewals = 0;
    const lease = new DeskLease(
      { ...store, renew: (holder, forMs) => (renewals++, store.renew(holder, forMs)) },
      clock,
      LEASE_MS,
      'object',
    );
    lease.hold();
    const told = lease.tell(() => Promise.reject(new Error('down')));
    lease.drop();
    await clock.run(told);
    await clock.run(after(clock, 10 * LEASE_MS));
    expect(renewals).toBeGreaterThan(1);
    expect(renewals).toBeLessThan(6);
    expect(clock.pending).toBe(0);
  });
});
