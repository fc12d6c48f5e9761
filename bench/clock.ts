import type { Clock } from 'tillpaid';
import { seeded } from './chance.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

/**
 * A manual clock for many: its timers are in a heap, and of what goes on it sees its own uses alone. Time stands still
 * while anything can be done without it.
 */
export class BenchClock implements Clock {
  nowMs = 0;
  #uses = 0;
  readonly #heap: Timer[] = [];
  readonly #stepMs: number;
  readonly #chance = seeded(7);

  /** @param stepMs timers fall due in steps of this */
  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  now(): number {
    this.#uses++;
    return Date.UTC(2026, 0, 1) + this.nowMs;
  }

  random(): number {
    return this.#chance();
  }

  timer(delayMs: number, callback: () => void): () => void {
    const timer: Timer = {
      dueMs: Math.ceil((this.nowMs + Math.max(0, delayMs)) / this.#stepMs) * this.#stepMs,
      order: this.#uses++,
      callback,
    };
    this.#push(timer);
    return () => (timer.callback = undefined);
  }

  wait(delayMs: number): Promise<void> {
    return new Promise(resolve => this.timer(delayMs, resolve));
  }

  async runUntil(endMs: number): Promise<void> {
    for (;;) {
      await this.#quiet();
      const next = this.#heap[0];
      if (next === undefined || next.dueMs > endMs) return;
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      while ((this.#heap[0]?.dueMs ?? Infinity) <= this.nowMs) this.#pop()?.callback?.();
    }
  }

  async #quiet(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      const before = this.#uses;
      await new Promise(resolve => setImmediate(resolve));
      if (this.#uses !== before) quiet = -1;
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    for (; at > 0; ) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, timer)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? 2 * at + 2 : 2 * at + 1;
      const below = heap[child];
      if (below === undefined || isBefore(last, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

const isBefore = (one: { dueMs: number; order: number }, other: { dueMs: number; order: number }): boolean =>
  one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
