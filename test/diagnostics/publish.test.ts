import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { channelNames, publishEvents, publishWorkerEvent } from '../../src/diagnostics/index.ts';
import { constant, type GatewayEvent } from '../../src/index.ts';
import { bench, said, state } from '../testing/bench.ts';

const charge = { order: 'A1', amount: 100 };
const pending = {
  sends: [said('PENDING')],
  polls: [state('paid')],
  policy: { poll: { backoff: constant(1000), deadlineMs: 60_000 } },
};

/** What a channel tells while `work` goes on. */
async function heardOn<T>(name: string, work: () => Promise<T>): Promise<unknown[]> {
  const heard: unknown[] = [];
  const listener = (message: unknown): void => void heard.push(message);
  subscribe(name, listener);
  try {
    await work();
  } finally {
    unsubscribe(name, listener);
  }
  return heard;
}

describe('the diagnostics channels', () => {
  it('publish each event on a channel of its type, as onEvent gets it', async () => {
    const { gateway, clock, events } = bench(pending);
    publishEvents(gateway);
    const heard = await heardOn('tillpaid:settled', () => clock.run(gateway.settle('payment.charge', charge)));
    expect(heard).toEqual(events.filter(({ type }) => type === 'settled'));
    expect(heard).toHaveLength(1);
  });

  it('are all named, one for each type of event', () => {
    expect(channelNames).toContain('tillpaid:notice-refused');
    expect(channelNames).toContain('tillpaid:worker:parked');
    expect(new Set(channelNames).size).toBe(channelNames.length);
    for (const name of channelNames) expect(name).toMatch(/^tillpaid:(?:worker:)?[a-z-]+$/);
  });

  it('make no event while nobody subscribes, and publish from the moment that somebody does', async () => {
    const { gateway, clock } = bench(pending);
    const asked: (() => boolean)[] = [];
    const end = publishEvents({
      observe(listener, options) {
        if (options?.when !== undefined) asked.push(options.when);
        return gateway.observe(listener, options);
      },
    });
    expect(asked.map(when => when())).toEqual([false]);
    const heard = await heardOn('tillpaid:send', async () => {
      expect(asked.map(when => when())).toEqual([true]);
      await clock.run(gateway.settle('payment.charge', charge));
    });
    expect(heard).toHaveLength(1);
    expect(asked.map(when => when())).toEqual([false]);
    end();
  });

  it('cost no payment where a subscriber throws', async () => {
    const { gateway, clock, sends } = bench(pending);
    publishEvents(gateway);
    const uncaught: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', error => void uncaught.push(error));
    const throws = (): never => {
      throw new Error('APM down');
    };
    subscribe('tillpaid:send', throws);
    try {
      expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded' });
      expect(sends).toHaveLength(1);
    } finally {
      unsubscribe('tillpaid:send', throws);
      await new Promise(resolve => setImmediate(resolve));
      process.removeAllListeners('uncaughtException');
      for (const listener of before) process.on('uncaughtException', listener);
    }
    expect(uncaught).toHaveLength(1);
  });

  it('bind a store to each exchange: what runs in it finds it', async () => {
    const storage = new AsyncLocalStorage<object>();
    const exchange = channel('tillpaid:exchange');
    const found: unknown[] = [];
    const { gateway, clock } = bench({
      ...pending,
      sends: [
        () => {
          found.push(storage.getStore());
          return Response.json({ code: 'PAID' });
        },
      ],
    });
    publishEvents(gateway);
    exchange.bindStore(storage, message => message);
    try {
      await clock.run(gateway.settle('payment.charge', charge));
    } finally {
      exchange.unbindStore(storage);
    }
    expect(found).toMatchObject([{ type: 'send', operation: 'payment.charge' }]);
  });

  it('publish what a worker tells', async () => {
    const event = { type: 'lease-ended', at: '2026-01-01T00:00:00.000Z', rows: 3 } as const;
    const heard = await heardOn('tillpaid:worker:lease-ended', () => Promise.resolve(publishWorkerEvent(event)));
    expect(heard).toEqual([event]);
  });

  it('are of a gateway: what is none is refused', () => {
    expect(() => publishEvents({} as never)).toThrow(/pass a gateway/);
    const known: GatewayEvent['type'] = 'settled';
    expect(channelNames).toContain(`tillpaid:${known}`);
  });
});
