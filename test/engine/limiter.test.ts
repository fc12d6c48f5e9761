import { describe, expect, it } from 'vitest';
import { createLimiter as limiterWith, type Lane, type Limiter } from '../../src/engine/limiter.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';

const never = new AbortController().signal;

/** A limiter of slots alone, for exchanges that are all alike. */
function createLimiter(concurrency: number): {
  run: <T>(lane: Lane, signal: AbortSignal, exchange: () => Promise<T>) => Promise<T>;
} {
  const limiter: Limiter = limiterWith({ concurrency }, manualClock());
  return { run: (lane, signal, exchange) => limiter.run({ lane, urgency: 'young-query', signal }, exchange) };
}

/** Exchanges that end when told to, and are counted while they are on the wire. */
function wire(): {
  exchange: (name: string) => () => Promise<string>;
  end: (name: string, error?: Error) => Promise<void>;
  onTheWire: () => string[];
  most: () => number;
} {
  const open = new Map<string, PromiseWithResolvers<string>>();
  let most = 0;
  return {
    exchange: name => () => {
      const running = Promise.withResolvers<string>();
      open.set(name, running);
      most = Math.max(most, open.size);
      return running.promise.finally(() => open.delete(name));
    },
    async end(name, error) {
      const running = open.get(name) ?? expect.fail(`${name} is not on the wire`);
      if (error === undefined) running.resolve(name);
      else running.reject(error);
      await settle();
    },
    onTheWire: () => [...open.keys()],
    most: () => most,
  };
}

/** Lets every promise that can go on do so. */
const settle = (): Promise<void> => new Promise(resolve => void setTimeout(resolve, 0));

describe('the limiter', () => {
  it('runs at once while there are slots, and gives back what the exchange gave', async () => {
    const limiter = createLimiter(2);
    await expect(limiter.run('write', never, () => Promise.resolve(7))).resolves.toBe(7);
    await expect(limiter.run('write', never, () => Promise.reject(new Error('broke')))).rejects.toThrow('broke');
  });

  it.each<Lane>(['write', 'read'])('has no more exchanges on the wire than its concurrency: %s', async lane => {
    const limiter = createLimiter(2);
    const { exchange, end, onTheWire, most } = wire();
    const runs = ['a', 'b', 'c', 'd'].map(name => limiter.run(lane, never, exchange(name)));
    await settle();
    expect(onTheWire()).toEqual(['a', 'b']);
    await end('b');
    expect(onTheWire()).toEqual(['a', 'c']);
    await end('a');
    await end('c');
    await end('d');
    expect(await Promise.all(runs)).toEqual(['a', 'b', 'c', 'd']);
    expect(most()).toBe(2);
  });

  it('never queues a status poll behind writes, nor a write behind polls', async () => {
    const limiter = createLimiter(1);
    const { exchange, onTheWire, end } = wire();
    for (const name of ['write 1', 'write 2', 'write 3']) void limiter.run('write', never, exchange(name));
    void limiter.run('read', never, exchange('poll 1'));
    await settle();
    expect(onTheWire()).toEqual(['write 1', 'poll 1']);
    void limiter.run('read', never, exchange('poll 2'));
    await end('write 1');
    expect(onTheWire()).toEqual(['poll 1', 'write 2']);
  });

  it('gives the slot on when an exchange fails, also at once', async () => {
    const limiter = createLimiter(1);
    const { exchange, end, onTheWire } = wire();
    const failing = limiter.run('write', never, exchange('a'));
    const throwing = limiter.run('write', never, () => {
      throw new Error('before it left');
    });
    const last = limiter.run('write', never, exchange('c'));
    const ended = Promise.allSettled([failing, throwing]);
    await settle();
    await end('a', new Error('reset'));
    expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(onTheWire()).toEqual(['c']);
    await end('c');
    await expect(last).resolves.toBe('c');
  });

  it.each([
    1, 2, 3, 5,
  ])('lets nobody pass who came later, and never has more than its slots on the wire: %i', async slots => {
    const limiter = createLimiter(slots);
    const { exchange, end, onTheWire, most } = wire();
    // A chance of its own, the same each time.
    let seed = slots;
    const chance = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const came: string[] = [];
    const started: string[] = [];
    const runs: Promise<unknown>[] = [];
    for (let turn = 0; turn < 300; turn++) {
      if (came.length < 100 && chance() < 0.5) {
        const name = String(came.length);
        came.push(name);
        const run = limiter.run('write', never, () => (started.push(name), exchange(name)()));
        runs.push(run.catch(() => undefined));
      } else if (onTheWire().length > 0) {
        const open = onTheWire();
        await end(open[Math.floor(chance() * open.length)] ?? '', chance() < 0.2 ? new Error('reset') : undefined);
      }
      if (chance() < 0.5) await settle();
    }
    while (onTheWire().length > 0) await end(onTheWire()[0] ?? '');
    await Promise.all(runs);
    expect(started).toEqual(came);
    expect(came).toHaveLength(100);
    expect(most()).toBe(slots);
  });

  it('takes all there are where the concurrency is infinite', async () => {
    const limiter = createLimiter(Infinity);
    const { exchange, onTheWire } = wire();
    for (let count = 0; count < 100; count++) void limiter.run('write', never, exchange(String(count)));
    await settle();
    expect(onTheWire()).toHaveLength(100);
  });
});

describe('an abort', () => {
  it('leaves the queue promptly with the signal’s reason, and nothing is run', async () => {
    const limiter = createLimiter(1);
    const { exchange, end, onTheWire } = wire();
    const first = limiter.run('write', never, exchange('first'));
    const controller = new AbortController();
    const queued = limiter.run('write', controller.signal, exchange('queued'));
    const behind = limiter.run('write', never, exchange('behind'));
    await settle();
    controller.abort('closing');
    await expect(queued).rejects.toBe('closing');
    expect(onTheWire()).toEqual(['first']);
    await end('first');
    expect(onTheWire()).toEqual(['behind']);
    await end('behind');
    expect(await Promise.all([first, behind])).toEqual(['first', 'behind']);
  });

  it('before the queue runs nothing either, though a slot is free', async () => {
    const { exchange, onTheWire } = wire();
    await expect(createLimiter(1).run('write', AbortSignal.abort('closed'), exchange('late'))).rejects.toBe('closed');
    await settle();
    expect(onTheWire()).toEqual([]);
  });

  it('of an exchange on the wire is prompt too; its slot is free once it has really ended', async () => {
    const limiter = createLimiter(1);
    const { exchange, end, onTheWire } = wire();
    const controller = new AbortController();
    const running = limiter.run('write', controller.signal, exchange('running'));
    const next = limiter.run('write', never, exchange('next'));
    await settle();
    controller.abort('closing');
    await expect(running).rejects.toBe('closing');
    await settle();
    expect(onTheWire()).toEqual(['running']);
    await end('running', new Error('aborted'));
    expect(onTheWire()).toEqual(['next']);
    await end('next');
    await expect(next).resolves.toBe('next');
  });

  it('leaves no listener on a signal that lives on', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<AbortSignal['addEventListener']>): void => (
      listeners++, add(...args)
    );
    signal.removeEventListener = (...args: Parameters<AbortSignal['removeEventListener']>): void => (
      listeners--, remove(...args)
    );
    const limiter = createLimiter(1);
    await Promise.all([1, 2, 3].map(value => limiter.run('read', signal, () => Promise.resolve(value))));
    await settle();
    expect(listeners).toBe(0);
  });
});
