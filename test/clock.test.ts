import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callTime, momentOf, newKey, orAbort, systemClock } from '../src/clock.ts';
import { manualClock } from '../src/testing/manual-clock.ts';
import { sleep } from '../src/testing/sleep.ts';

/** A signal that counts who listens to it. */
function watchedSignal(): { controller: AbortController; signal: AbortSignal; listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  const add = vi.spyOn(signal, 'addEventListener');
  const remove = vi.spyOn(signal, 'removeEventListener');
  return { controller, signal, listeners: () => add.mock.calls.length - remove.mock.calls.length };
}

describe('the machine’s clock', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1000 }));
  afterEach(() => void vi.useRealTimers());

  it('obeys timers that were installed later', () => {
    expect(systemClock.now()).toBe(1000);
    vi.advanceTimersByTime(500);
    expect(systemClock.now()).toBe(1500);
  });

  it('calls back once, at its time', () => {
    const callback = vi.fn();
    systemClock.timer(100, callback);
    vi.advanceTimersByTime(99);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    expect(callback).toHaveBeenCalledOnce();
  });

  it('never sets a timer longer than a runtime can hold', () => {
    const longest = 2 ** 31 - 1;
    const { setTimeout: fake } = globalThis;
    const set = vi.fn(fake);
    Object.assign(globalThis, { setTimeout: set });
    const callback = vi.fn();
    systemClock.timer(2 * longest + 5, callback);
    vi.advanceTimersByTime(2 * longest + 4);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledOnce();
    expect(set.mock.calls.every(([, delayMs]) => (delayMs ?? 0) <= longest)).toBe(true);
    // Or the machine's own would not be put back in its place.
    Object.assign(globalThis, { setTimeout: fake });
  });

  it('cancels, also a timer that was armed again in between', () => {
    const callback = vi.fn();
    const cancel = systemClock.timer(2 ** 32, callback);
    vi.advanceTimersByTime(2 ** 31);
    cancel();
    vi.advanceTimersByTime(2 ** 33);
    expect(callback).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('draws one chance for each moment, in [0, 1)', () => {
    const { nowMs, chance } = momentOf(systemClock);
    expect(nowMs).toBe(1000);
    expect(chance >= 0 && chance < 1).toBe(true);
  });
});

describe('the time of a call', () => {
  it('begins with the wall clock, and is moved by no step of it', () => {
    const clock = manualClock({ startMs: 1000 });
    const time = callTime(clock);
    clock.stepWall(-500_000);
    clock.advance(250);
    clock.stepWall(900_000);
    expect(time()).toBe(1250);
    expect(momentOf(clock, time)).toMatchObject({ nowMs: 1250, wallMs: 401_250 });
  });

  it('is whole milliseconds, however fine the clock is', () => {
    let monotonicMs = 0.25;
    const time = callTime({ ...manualClock({ startMs: 1000 }), now: () => 1000, monotonicMs: () => monotonicMs });
    monotonicMs = 5.9;
    expect(time()).toBe(1006);
  });

  it('goes by the only clock there is, where somebody’s own has no other', () => {
    let nowMs = 1000;
    const time = callTime({ now: () => nowMs, random: () => 0, timer: () => () => undefined });
    nowMs = 1700;
    expect(time()).toBe(1700);
  });

  it('goes on by the machine’s monotonic clock when the machine’s wall clock is set', () => {
    vi.useFakeTimers({ now: 1000 });
    const time = callTime(systemClock);
    vi.advanceTimersByTime(400);
    vi.setSystemTime(99_000);
    expect([time(), systemClock.now()]).toEqual([1400, 99_000]);
    vi.useRealTimers();
  });
});

describe('sleep', () => {
  it('waits, and leaves no timer and no listener behind', async () => {
    const clock = manualClock({ startMs: 0 });
    const { signal, listeners } = watchedSignal();
    await clock.run(sleep(clock, 5000, signal));
    expect([clock.now(), clock.pending, listeners()]).toEqual([5000, 0, 0]);
  });

  it('rejects with the signal’s reason as soon as it aborts', async () => {
    const clock = manualClock({ startMs: 0 });
    const { controller, signal } = watchedSignal();
    const sleeping = sleep(clock, 5000, signal);
    controller.abort('closing');
    await expect(sleeping).rejects.toBe('closing');
    expect([clock.now(), clock.pending]).toEqual([0, 0]);
  });

  it('does not begin once the signal has aborted', async () => {
    const clock = manualClock();
    await expect(sleep(clock, 5000, AbortSignal.abort('closed'))).rejects.toBe('closed');
    expect(clock.pending).toBe(0);
  });
});

describe('orAbort', () => {
  it('settles as the promise does, and leaves no listener behind', async () => {
    const { signal, listeners } = watchedSignal();
    await expect(orAbort(Promise.resolve(7), signal)).resolves.toBe(7);
    await expect(orAbort(Promise.reject(new Error('broke')), signal)).rejects.toThrow('broke');
    await Promise.resolve();
    expect(listeners()).toBe(0);
  });

  it('rejects with the signal’s reason when that comes first, whatever becomes of the promise', async () => {
    const controller = new AbortController();
    const slow = Promise.withResolvers<never>();
    const waiting = orAbort(slow.promise, controller.signal);
    controller.abort('closing');
    await expect(waiting).rejects.toBe('closing');
    slow.reject(new Error('nobody waits for this any more'));
    await expect(orAbort(Promise.reject(new Error('nor for this')), AbortSignal.abort('closed'))).rejects.toBe(
      'closed',
    );
  });
});

describe('newKey', () => {
  it('is a fresh UUID, version 4', () => {
    const keys = Array.from({ length: 20 }, newKey);
    for (const key of keys) expect(key).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(new Set(keys).size).toBe(20);
  });
});
