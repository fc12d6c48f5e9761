import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { manualClock } from 'tillpaid/testing';
import { orAbort, sleep } from '../../src/clock.ts';

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
