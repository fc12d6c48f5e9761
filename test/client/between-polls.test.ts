import ky from 'ky';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { sleep } from '../../src/testing/sleep.ts';
import { createGateway, type Gateway } from '../../src/index.ts';
import type { Adapter } from '../../src/kit/adapter.ts';
import { manualClock, type ManualClock } from '../../src/testing/manual-clock.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const charge = { order: 'A1', amount: 5 };

interface Seen {
  readonly path: string;
  readonly parts: ReadonlyMap<string, WeakRef<object>>;
}

/** A gateway where every payment stays open, and of each exchange what can be seen of it from outside. */
function open(): { gateway: Gateway<AcmeFields>; clock: ManualClock; seen: Seen[] } {
  const seen: Seen[] = [];
  const clock = manualClock();
  let signing: WeakRef<AbortSignal> | undefined;
  const fetch = (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname;
    const response = Response.json(path === '/api/query' ? { state: 'open' } : { code: 'PENDING' });
    const { headers, signal } = request;
    const parts = {
      request,
      headers,
      signal,
      signing: signing?.deref(),
      response,
      answered: response.headers,
      body: response.body,
    };
    const held = Object.entries(parts).map(([name, part]) => [name, new WeakRef(part as object)] as const);
    seen.push({ path, parts: new Map(held) });
    return Promise.resolve(response);
  };
  const adapter: Adapter<AcmeFields> = {
    ...acme(),
    headers: ({ signal }) => ((signing = new WeakRef(signal)), {}),
  };
  const client = ky.create({ fetch: fetch as typeof globalThis.fetch });
  const gateway = createGateway<AcmeFields>({ adapter, client, clock });
  return { gateway, clock, seen };
}

/** What of the exchanges is still in memory. */
async function left(seen: readonly Seen[]): Promise<string[]> {
  // An object that a promise of this turn has seen lives until the next.
  for (let turn = 0; turn < 4; turn++) {
    await new Promise(resolve => void setImmediate(resolve));
    collectGarbage();
  }
  return seen.flatMap(({ path, parts }, at) =>
    [...parts].flatMap(([name, part]) => (part.deref() === undefined ? [] : [`${path} ${at + 1}: ${name}`])),
  );
}

describe('an open payment between two polls keeps neither request, response, headers nor controller of any exchange', () => {
  it.each<[string, (gateway: Gateway<AcmeFields>, signal: AbortSignal) => Promise<unknown>]>([
    ['in settle', (gateway, signal) => gateway.settle('payment.charge', charge, { signal })],
    [
      'in untilSettled',
      (gateway, signal) => gateway.untilSettled(gateway.ticketFor('payment.charge', charge), { signal }),
    ],
    ['in a call of the drop-in', (gateway, signal) => gateway.client.post('charge', { json: charge, signal })],
  ])('%s', async (_title, begin) => {
    const { gateway, clock, seen } = open();
    const caller = new AbortController();
    const paying = begin(gateway, caller.signal);
    await clock.run(sleep(clock, 60_000));
    expect(seen.length).toBeGreaterThan(3);
    expect(await left(seen)).toEqual([]);
    caller.abort('closing');
    await expect(paying).rejects.toBeDefined();
  });
});
