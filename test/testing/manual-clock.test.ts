import { readFile } from 'node:fs/promises';
import ky from 'ky';
import { describe, expect, it, vi } from 'vitest';
import { manualClock } from 'tillpaid/testing';
import { orAbort } from '../../src/clock.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { serveHandler } from '../../src/serve/index.ts';

const minute = 60_000;

describe('a manual clock', () => {
  it('stands still until it is moved', async () => {
    const clock = manualClock({ startMs: 1000 });
    await new Promise(resolve => setTimeout(resolve, 5));
    expect(clock.now()).toBe(1000);
    clock.advance(250);
    expect(clock.now()).toBe(1250);
  });

  it('has a wall clock that can be set, while timers and the monotonic clock go on', () => {
    const clock = manualClock({ startMs: 10_000 });
    const fired: number[] = [];
    clock.timer(300, () => fired.push(clock.monotonicMs()));
    clock.stepWall(-5000);
    expect([clock.now(), clock.monotonicMs(), clock.pending]).toEqual([5000, 0, 1]);
    clock.advance(200);
    clock.stepWall(3_600_000);
    expect([clock.now(), fired]).toEqual([5200 + 3_600_000, []]);
    clock.advance(100);
    expect([clock.monotonicMs(), fired]).toEqual([300, [300]]);
  });

  it('fires what falls due in order of time, then of being set, each at its own time', () => {
    const clock = manualClock({ startMs: 0 });
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name}@${clock.now()}`);
    clock.timer(300, note('late'));
    clock.timer(100, () => {
      note('first')();
      clock.timer(50, note('set by first'));
    });
    clock.timer(100, note('second'));
    clock.timer(500, note('not yet'));
    clock.advance(400);
    expect(fired).toEqual(['first@100', 'second@100', 'set by first@150', 'late@300']);
    expect(clock.pending).toBe(1);
  });

  it('does not fire a timer that was canceled, not even by one at the same time', () => {
    const clock = manualClock();
    const fired: string[] = [];
    clock.timer(10, () => cancel());
    const cancel = clock.timer(10, () => fired.push('canceled'));
    clock.advance(1000);
    expect(fired).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('takes a delay that is no positive number as "at once", and Infinity as never', async () => {
    const clock = manualClock({ startMs: 0 });
    const fired: number[] = [];
    for (const delayMs of [-5, Number.NaN, 0, Infinity]) clock.timer(delayMs, () => fired.push(delayMs));
    await clock.run(sleep(clock, minute));
    expect(fired).toEqual([-5, Number.NaN, 0]);
    expect(clock.pending).toBe(1);
  });

  it('draws the same chances from the same seed', () => {
    const draw = (seed?: number): number[] => {
      const clock = manualClock(seed === undefined ? {} : { seed });
      return Array.from({ length: 100 }, () => clock.random());
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw()).toEqual(draw(1));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(7).every(chance => chance >= 0 && chance < 1)).toBe(true);
    expect(new Set(draw(7)).size).toBe(100);
  });
});

describe('running work on a manual clock', () => {
  it('passes 15 minutes of polling in far less than a second', async () => {
    const clock = manualClock({ startMs: 0 });
    const began = performance.now();
    const poll = async (): Promise<number> => {
      for (let polls = 1; ; polls++) {
        await sleep(clock, 15_000);
        if (clock.now() >= 15 * minute) return polls;
      }
    };
    await expect(clock.run(poll())).resolves.toBe(60);
    expect(clock.now()).toBe(15 * minute);
    expect(clock.pending).toBe(0);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it('does not jump while a library waits with setTimeout(0) between two looks at the clock', async () => {
    const clock = manualClock();
    const stop = clock.timer(10_000, () => expect.unreachable('the clock jumped while ky was busy'));
    let calls = 0;
    const fetch = (): Promise<Response> => {
      clock.now();
      return Promise.resolve(Response.json(null, { status: ++calls < 20 ? 503 : 200 }));
    };
    await clock.run(ky.get('https://acme.test/', { fetch, retry: { limit: 20, delay: () => 0 } }).json());
    stop();
    expect(calls).toBe(20);
  });

  it('stands still during work it cannot see', async () => {
    const clock = manualClock({ startMs: 0 });
    const signature = clock.during(new Promise<string>(resolve => setTimeout(() => resolve('signed'), 25)));
    const timeout = AbortSignal.abort('timed out');
    const timedOut = sleep(clock, 10).then(() => Promise.reject<string>(timeout.reason));
    await expect(clock.run(Promise.race([signature, timedOut]), { idleTurns: 1 })).resolves.toBe('signed');
    expect(clock.now()).toBe(0);
    await expect(clock.run(timedOut)).rejects.toBe('timed out');
  });

  it('stands still during cryptography, which other threads do', async () => {
    const keys = {
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: 3072,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    };
    const clock = manualClock({ startMs: 0 });
    const tooLate = sleep(clock, 1).then(() => 'too late');
    const sign = async (): Promise<unknown> => {
      const { privateKey } = await crypto.subtle.generateKey(keys, false, ['sign']);
      return crypto.subtle.sign(keys.name, privateKey, new Uint8Array(8));
    };
    await expect(clock.run(Promise.race([sign(), tooLate]), { idleTurns: 1 })).resolves.toBeInstanceOf(ArrayBuffer);
    await expect(clock.run(crypto.subtle.digest('no such hash', new Uint8Array()))).rejects.toThrow();
    expect(clock.now()).toBe(0);
    await clock.run(tooLate);
    expect(clock.now()).toBe(1);
  });

  const steps = async (times: number, step: () => Promise<unknown>): Promise<void> => {
    for (let done = 0; done < times; done++) await step();
  };
  const works: [what: string, work: () => Promise<unknown>][] = [
    ['promises', () => steps(10_000, () => Promise.resolve())],
    ['turns of the event loop', () => steps(50, () => new Promise(resolve => setImmediate(resolve)))],
    ['pauses', () => steps(5, () => new Promise(resolve => setTimeout(resolve, 15)))],
    ['pauses of no length', () => steps(20, () => new Promise(resolve => setTimeout(resolve)))],
    ['files', () => steps(20, () => readFile(new URL(import.meta.url)))],
    ['cryptography', () => steps(50, () => crypto.subtle.digest('SHA-256', new Uint8Array(8)))],
    [
      'messages',
      async () => {
        const { port1, port2 } = new MessageChannel();
        await steps(20, () => {
          port1.postMessage('go on');
          return new Promise(resolve => port2.addEventListener('message', resolve, { once: true }));
        });
        port1.close();
      },
    ],
    [
      'reading a form with a file',
      () => {
        const form = new FormData();
        form.append('file', new Blob(Array<string>(20).fill('x'.repeat(100_000))), 'file.txt');
        return new Request('https://acme.test/', { method: 'POST', body: form }).text();
      },
    ],
    [
      'HTTP within this process',
      async () => {
        const server = await serveHandler(async request => new Response(await request.text()));
        await steps(20, async () => (await fetch(server.url, { method: 'POST', body: 'x'.repeat(300_000) })).text());
        await server.close();
      },
    ],
  ];
  it.each(works)('does not jump while %s go on, which never look at it', async (_what, work) => {
    const clock = manualClock({ startMs: 0 });
    const tooLate = sleep(clock, 1).then(() => 'too late');
    await expect(clock.run(Promise.race([work().then(() => 'in time'), tooLate]))).resolves.toBe('in time');
    expect(clock.now()).toBe(0);
  });

  it('does not wait for a time-out that a library has set on the machine’s clock', async () => {
    const clock = manualClock();
    const timeout = setTimeout(() => expect.unreachable('it was waited for'), 60_000);
    await clock.run(sleep(clock, minute));
    clearTimeout(timeout);
  });

  it('runs while the machine’s timers are replaced by fakes', async () => {
    vi.useFakeTimers();
    const clock = manualClock({ startMs: 0 });
    await clock.run(sleep(clock, minute));
    vi.useRealTimers();
    expect(clock.now()).toBe(minute);
  });

  it('lets all happen that can, and stays where it is, until it is quiet', async () => {
    const clock = manualClock({ startMs: 0 });
    const story: string[] = [];
    const work = async (): Promise<void> => {
      await steps(20, () => new Promise(resolve => setImmediate(resolve)));
      story.push('ready');
      await sleep(clock, 10);
      story.push('10 ms later');
    };
    const working = work();
    await clock.untilQuiet();
    expect([clock.now(), ...story]).toEqual([0, 'ready']);
    clock.advance(10);
    await clock.untilQuiet();
    expect([clock.now(), ...story]).toEqual([10, 'ready', '10 ms later']);
    await working;
  });

  it('does not hold up another clock that runs beside it', async () => {
    const [one, other] = [manualClock({ startMs: 0 }), manualClock({ startMs: 0 })];
    const poll = (clock: typeof one): Promise<void> => steps(100, () => sleep(clock, minute));
    await Promise.all([one.run(poll(one)), other.run(poll(other))]);
    expect([one.now(), other.now()]).toEqual([100 * minute, 100 * minute]);
  });

  it('fails as the work fails, and goes on after a failure held it', async () => {
    const clock = manualClock();
    const fails = clock.during(Promise.reject(new Error('no signature')));
    await expect(clock.run(fails)).rejects.toThrow('no signature');
    await clock.run(sleep(clock, minute));
  });

  it('does not move on once the work has ended', async () => {
    const clock = manualClock({ startMs: 0 });
    const stop = new AbortController();
    const watch = sleep(clock, 100).then(() => stop.abort('enough'));
    const work = orAbort(sleep(clock, 5000), stop.signal);
    await expect(clock.run(work)).rejects.toBe('enough');
    await watch;
    expect(clock.now()).toBe(100);
    expect(clock.pending).toBe(1);
  });

  it('drives several works side by side in the order of their times', async () => {
    const clock = manualClock({ startMs: 0 });
    const story: string[] = [];
    const work = async (name: string, everyMs: number): Promise<void> => {
      for (let turn = 0; turn < 3; turn++) {
        await sleep(clock, everyMs);
        story.push(`${name}@${clock.now()}`);
      }
    };
    await Promise.all([clock.run(work('a', 100)), clock.run(work('b', 150))]);
    expect(story).toEqual(['a@100', 'b@150', 'a@200', 'b@300', 'a@300', 'b@450']);
  });

  it('says so when the work waits for nothing', async () => {
    const clock = manualClock();
    await expect(clock.run(new Promise(() => undefined), { stuckTurns: 20 })).rejects.toThrow(/no timer left/);
  });
});
