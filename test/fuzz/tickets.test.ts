import fc from 'fast-check';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { candidates, placeIn } from '../../src/client/match.ts';
import { isWrite } from '../../src/core/operation.ts';
import { parseTicket } from '../../src/core/parse-ticket.ts';
import { openTicket } from '../../src/engine/open-ticket.ts';
import {
  createGateway,
  isInputError,
  isTicketError,
  type Gateway,
  type Settlement,
  type Ticket,
} from '../../src/index.ts';
import type { Adapter } from '../../src/kit/adapter.ts';
import { manualClock, type ManualClock } from '../../src/testing/manual-clock.ts';
import { keyOf, kits, type Kit } from './adapters.ts';
import { hostileJson, hostileNames, hostileTexts } from './hostile.ts';
import { dropped, leavesOf, nodesOf, replaced, strangersOf } from './mutations.ts';

/**
 * Tickets come from queues, databases and browsers: what anybody may have changed must not make this machine ask
 * somebody else.
 */

const startMs = Date.UTC(2026, 10, 21);

/** A ticket for every status query there is. */
function ticketsOf({ adapter, complete }: Kit): Ticket[] {
  // Of several writes with one query the first, which is the one that makes the order.
  const asked = new Map(
    Object.values(adapter.operations)
      .reverse()
      .flatMap(operation =>
        isWrite(operation) && operation.query !== undefined ? [[operation.query.operation, operation] as const] : [],
      ),
  );
  return [...asked.values()].map(operation =>
    openTicket(adapter, operation, complete[operation.name] ?? {}, startMs, 'all'),
  );
}

interface Asked {
  readonly gateway: Gateway<object>;
  readonly clock: ManualClock;
  readonly urls: URL[];
}

/** A gateway that nobody answers, and where it asked. */
function listening(adapter: Adapter): Asked {
  const clock = manualClock({ startMs });
  const urls: URL[] = [];
  const fetch = (request: Request): Promise<Response> => {
    urls.push(new URL(request.url));
    return Promise.resolve(Response.json({ auth_token: 't', expired_at: startMs, accessToken: 't' }, { status: 503 }));
  };
  const policy = { poll: { deadlineMs: 0 }, retry: { attempts: 1 } };
  return {
    gateway: createGateway({ adapter, client: ky.create({ fetch: fetch as typeof globalThis.fetch }), clock, policy }),
    clock,
    urls,
  };
}

/** How following a ticket ends: a word, or the error. */
async function followed({ gateway, clock }: Asked, ticket: unknown): Promise<unknown> {
  return clock.run(
    gateway.untilSettled(ticket as Ticket).then(
      ({ outcome }) => outcome,
      (error: unknown) => error,
    ),
  );
}

const isRefusal = (end: unknown): boolean => isTicketError(end) || isInputError(end);

describe.each(kits.map(kit => ({ ...kit, tickets: ticketsOf(kit) })))('$name', ({
  adapter,
  complete,
  samples,
  tickets,
}) => {
  const bound = ['gateway', 'account', 'environment', 'baseUrl'] as const;
  const others = (own: string): string[] =>
    [
      `${own} `,
      ` ${own}`,
      own.toUpperCase(),
      `${own}\u0000`,
      `${own}/`,
      own.slice(0, -1),
      'other',
      '__proto__',
      '*',
      `${own}\u200B`,
    ].filter(each => each !== own && each !== '');

  it.each(bound)('asks about no ticket of another %s, however alike', async key => {
    for (const ticket of tickets.slice(0, 1)) {
      for (const other of key === 'baseUrl'
        ? [adapter.baseUrl, 'https://elsewhere.test', `${adapter.baseUrl}.elsewhere.test`]
        : others(ticket[key])) {
        const asked = listening(adapter);
        expect(isTicketError(await followed(asked, { ...ticket, [key]: other })), `${key}: ${other}`).toBe(true);
        expect(asked.urls).toEqual([]);
      }
    }
  });

  it('asks about no ticket of another operation, nor of a read', async () => {
    for (const operation of [
      ...Object.keys(adapter.operations).filter(name => /\.(?:query|list)$/.test(name)),
      'toString',
      '__proto__',
      'payment.steal',
      'payment.create ',
    ]) {
      const asked = listening(adapter);
      expect(isTicketError(await followed(asked, { ...tickets[0], operation })), operation).toBe(true);
      expect(asked.urls).toEqual([]);
    }
  });

  it('an own base URL binds its tickets to it', async () => {
    const moved = { ...adapter, ownBaseUrl: true, baseUrl: 'https://own.test' };
    const asked = listening(moved);
    for (const baseUrl of [
      undefined,
      'https://own.test/',
      'https://OWN.test',
      'https://own.test.elsewhere.test',
      adapter.baseUrl,
    ]) {
      expect(isTicketError(await followed(asked, { ...tickets[0], ...(baseUrl !== undefined && { baseUrl }) }))).toBe(
        true,
      );
    }
    expect(asked.urls).toEqual([]);
  });

  it('a changed ticket is refused, or asked about at the provider and nowhere else', async () => {
    const place = fc
      .constantFrom(...tickets)
      .chain(ticket => fc.tuple(fc.constant(ticket), fc.constantFrom(...nodesOf(ticket).map(({ path }) => path))));
    const value = fc.oneof(
      hostileJson,
      fc.constantFrom<unknown[]>(...hostileTexts, ...hostileNames, '2026-11-21', 2 ** 53 - 1),
    );
    const origin = new URL(adapter.baseUrl).origin;
    await fc.assert(
      fc.asyncProperty(place, value, fc.nat(40), fc.boolean(), async ([ticket, path], other, which, drops) => {
        const strangers = strangersOf(leavesOf(ticket)[0]?.value);
        const changed = drops
          ? dropped(ticket, path)
          : replaced(ticket, path, () => (which < strangers.length / 2 ? strangers[which] : other));
        const asked = listening(adapter);
        const end = await followed(asked, changed);
        if (typeof end !== 'string') expect(isRefusal(end), `${String(end)} of ${JSON.stringify(changed)}`).toBe(true);
        else expect(['unresolved', 'absent']).toContain(end);
        expect(asked.urls.filter(url => url.origin !== origin)).toEqual([]);
        expect(asked.clock.pending).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('a changed ticket of a job that comes again is refused, or followed at the provider and nowhere else, and is never a success', async () => {
    const place = fc
      .constantFrom(...tickets)
      .chain(ticket => fc.tuple(fc.constant(ticket), fc.constantFrom(...nodesOf(ticket).map(({ path }) => path))));
    const value = fc.oneof(hostileJson, fc.constantFrom<unknown[]>(...hostileTexts, ...hostileNames, '2026-11-21'));
    const origin = new URL(adapter.baseUrl).origin;
    await fc.assert(
      fc.asyncProperty(place, value, fc.boolean(), async ([ticket, path], other, drops) => {
        const changed = (drops ? dropped(ticket, path) : replaced(ticket, path, () => other)) as Ticket;
        const asked = listening(adapter);
        const settling: Promise<Settlement> = asked.gateway.settle(
          ticket.operation as never,
          (complete[ticket.operation] ?? {}) as never,
          { ticket: changed },
        );
        const end: unknown = await asked.clock.run(
          settling.then(
            ({ outcome }) => outcome,
            (error: unknown) => error,
          ),
        );
        if (typeof end !== 'string') expect(isRefusal(end), `${String(end)} of ${JSON.stringify(changed)}`).toBe(true);
        else expect(['unresolved', 'absent']).toContain(end);
        expect(asked.urls.filter(url => url.origin !== origin)).toEqual([]);
        expect(asked.clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('a ticket that is made can be read again, whatever the fields are; else none is made', () => {
    const hostile: unknown[] = [
      ...hostileTexts,
      ...hostileNames,
      'x'.repeat(256),
      'x'.repeat(257),
      7,
      -1,
      1.5,
      1e21,
      true,
      {},
      [],
      null,
    ];
    const unreadable: string[] = [];
    for (const operation of Object.values(adapter.operations).filter(isWrite)) {
      const fields = complete[operation.name] ?? {};
      for (const [name, given, check] of Object.keys(fields).flatMap(each =>
        hostile.flatMap(value => (['all', 'reference'] as const).map(kind => [each, value, kind] as const)),
      )) {
        let ticket: Ticket;
        try {
          ticket = openTicket(adapter, operation, { ...fields, [name]: given }, startMs, check);
        } catch (error) {
          expect(isInputError(error), `${operation.name} ${name}: ${String(error)}`).toBe(true);
          continue;
        }
        // An order that its provider knows by no number of the merchant's cannot be asked about anyhow.
        if (Object.keys(ticket.reference).length === 0) continue;
        try {
          expect(parseTicket(JSON.stringify(ticket))).toEqual(JSON.parse(JSON.stringify(ticket)));
        } catch {
          unreadable.push(`${operation.name} ${name}: ${JSON.stringify(given).slice(0, 20)}`);
        }
      }
    }
    expect([...new Set(unreadable)]).toEqual([]);
  });

  it('whatever number an answer states, the ticket can be read again', async () => {
    const numbers = new Set(
      Object.values(adapter.operations)
        .filter(isWrite)
        .flatMap(({ learns = [] }) => learns),
    );
    for (const operation of Object.values(adapter.operations).filter(
      each => isWrite(each) && each.sendable !== false,
    )) {
      if (numbers.size === 0) continue;
      const texts = samples
        .filter(({ exchange }) => exchange.operation === operation.name)
        .flatMap(({ exchange: { status, body } }) =>
          leavesOf(body)
            .filter(({ value }) => typeof value === 'string')
            .map(({ path }) => ({ status, body, path })),
        );
      // Each field once, in the answer that has it last.
      const fields = [...new Map(texts.map(each => [each.path.join('.'), each])).values()];
      const changed = fields.flatMap(({ status, body, path }) =>
        ['x'.repeat(257), 'A\uD800'].map(text => ({ status, body: replaced(body, path, () => text) })),
      );
      for (const { status, body } of changed) {
        const clock = manualClock({ startMs });
        const fetch = (request: Request): Promise<Response> =>
          Promise.resolve(
            candidates(adapter, request.method, placeIn(request.url)).length === 0
              ? Response.json({ auth_token: 't', expired_at: startMs, accessToken: 't' })
              : Response.json(body, { status }),
          );
        const gateway = createGateway({
          adapter,
          client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
          clock,
          policy: { poll: { deadlineMs: 0 }, retry: { attempts: 1 } },
        });
        const { ticket } = await clock.run(
          gateway.settle(
            operation.name as never,
            (complete[operation.name] ?? {}) as never,
            keyOf({ adapter }, operation.name),
          ),
        );
        expect(() => parseTicket(JSON.stringify(ticket)), JSON.stringify(body)).not.toThrow();
      }
    }
  });

  const edges = [
    '+275760-09-13T00:00:00.000Z',
    '-271821-04-20T00:00:00.000Z',
    '+010000-01-01T00:00:00.000Z',
    '-000001-01-01T00:00:00.000Z',
    '0000-01-01',
    '1',
    '9999-12-31T23:59:59.999Z',
  ];
  it.each(edges)('a ticket of %s is refused or asked about, like any other', async time => {
    for (const ticket of tickets) {
      for (const key of ['openedAt', 'lastSentAt', 'expiresAt'] as const) {
        const end = await followed(listening(adapter), { ...ticket, [key]: time });
        if (typeof end !== 'string') expect(isRefusal(end), `${ticket.operation} ${key}: ${String(end)}`).toBe(true);
      }
    }
  });

  it('whatever a reference holds, the question goes to the status query’s own path', async () => {
    const hostile = [
      ...hostileTexts,
      '..',
      '.',
      '../../refunds',
      '/',
      '//elsewhere.test/',
      '?a=b',
      '#',
      '%2e%2e',
      '%2F',
      '\\..\\',
      'a b',
      'é',
      '@elsewhere.test',
      ':80',
      'https://elsewhere.test/',
    ].filter(text => text.length <= 256);
    const shapes = Object.values(adapter.operations).map(
      ({ path }) => new RegExp(`^${path.replaceAll(/[.*+?^$()[\]\\]/g, '\\$&').replaceAll(/\{[^}]*\}/g, '[^/?#]+')}$`),
    );
    for (const ticket of tickets) {
      for (const text of hostile) {
        const names = [...Object.keys(ticket.reference), 'payment_intent_id', 'payment_refund_id', 'payout_id'];
        const asked = listening(adapter);
        const end = await followed(asked, {
          ...ticket,
          reference: Object.fromEntries(names.map(name => [name, text])),
        });
        if (typeof end !== 'string') expect(isRefusal(end), `${String(end)} of ${text}`).toBe(true);
        for (const { pathname, origin } of asked.urls) {
          expect(origin).toBe(new URL(adapter.baseUrl).origin);
          const below = pathname.slice(new URL(adapter.baseUrl).pathname.replace(/\/$/, '').length);
          expect(shapes.some(shape => shape.test(below)) || /token/.test(below), `${text} led to ${below}`).toBe(true);
        }
      }
    }
  });
});

describe('a ticket from anywhere', () => {
  const [ticket] = kits.flatMap(ticketsOf);
  const hostile = fc.oneof(
    hostileJson,
    hostileJson.map(value => JSON.stringify(value)),
    fc
      .tuple(fc.constantFrom(...nodesOf(ticket).map(({ path }) => path)), hostileJson)
      .map(([path, value]) => replaced(ticket, path, () => value)),
    fc
      .tuple(fc.constantFrom(...nodesOf(ticket).map(({ path }) => path)), hostileJson)
      .map(([path, value]) => JSON.stringify(replaced(ticket, path, () => value))),
    fc
      .dictionary(fc.constantFrom(...hostileNames, 'reference', 'gateway'), hostileJson)
      .map(more => ({ ...ticket, ...more })),
    fc.uint8Array({ maxLength: 200 }).map(bytes => new TextDecoder().decode(bytes)),
  );

  it('is refused with a TicketError, or is plain, bounded, and reads the same again', () => {
    fc.assert(
      fc.property(hostile, given => {
        let read: Ticket;
        try {
          read = parseTicket(given);
        } catch (error) {
          expect(isTicketError(error)).toBe(true);
          expect((error as Error).message.length).toBeLessThan(400);
          return;
        }
        expect(parseTicket(JSON.stringify(read))).toEqual(read);
        expect(Object.keys(read.reference)).not.toContain('__proto__');
        expect(Object.getPrototypeOf(read.reference)).toBe(Object.prototype);
        expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });
});
