import { decide, type Decision, type Observation } from '../core/decide.ts';
import { InputError } from '../core/errors.ts';
import { isWrite, type Operation } from '../core/operation.ts';
import type { Adapter } from '../kit/adapter.ts';
import { BestWaits, type Economy } from '../policies/best-waits.ts';
import { layeredPolicy, type Policy } from '../policies/policy.ts';
import { settleMix } from '../policies/settle-mix.ts';
import { exampleState } from './next.ts';
import { operationsOf } from './tables.ts';

/** When tillpaid sends and asks about a payment that stays open. Milliseconds since its first send. */
export interface Schedule {
  readonly provider: string;
  readonly operation: string;
  /** When it is sent while each answer says that it was not processed; the first is 0. */
  readonly sendsAtMs: readonly number[];
  /** When it is asked about; the last is at the deadline. Empty: it cannot be asked about. */
  readonly asksAtMs: readonly number[];
  readonly deadlineMs: number;
  /**
   * What it costs and how soon it tells, on the usual mix of payments: 80 % settle in about 6 s, 15 % in about 90 s, 5 %
   * never.
   */
  readonly economy?: Economy;
}

/** Chance takes half of what it may take from each wait. */
const CHANCE = 0.5;
/** More than any schedule has. */
const MOST = 10_000;

/**
 * The schedule of a write under the adapter's policy and one of your own. Pure.
 *
 * @param options `operation`: default the first charge, else the first write that can be asked about
 * @throws {InputError} for an unknown operation, a read, or a policy of the wrong shape
 */
export function scheduleOf(adapter: Adapter, options: { operation?: string; policy?: Policy } = {}): Schedule {
  const operation = writeFor(adapter, options.operation);
  const { deadlineMs } = layeredPolicy(adapter.policy, options.policy).poll;
  const state = { adapter, operation, policy: options.policy };
  const refused = { kind: 'retryable' as const, code: 'example', reason: 'maintenance' as const, listed: true };
  const open = { kind: 'poll-required' as const, code: 'example', reason: 'processing' as const, listed: true };
  const sends = timesOf(state, 'send', { verdict: refused, acknowledges: false });
  const asks = timesOf(state, 'ask', { verdict: open, acknowledges: true });
  const lastMs = asks.at(-1);
  const economy = lastMs !== undefined && new BestWaits(settleMix([], 0, lastMs), lastMs).economyAt(asks);
  return {
    provider: adapter.name,
    operation: operation.name,
    sendsAtMs: sends,
    asksAtMs: asks,
    deadlineMs: lastMs ?? deadlineMs,
    ...(economy !== false && { economy }),
  };
}

function writeFor(adapter: Adapter, name: string | undefined): Operation {
  const asked = operationsOf(adapter, name);
  const writes = asked.filter(each => isWrite(each) && (name !== undefined || each.query !== undefined));
  const write = writes.find(each => each.name.endsWith('.charge')) ?? writes[0];
  if (write === undefined) throw new InputError(`${adapter.name} ${name ?? ''} only asks: a schedule is a write's.`);
  return write;
}

/** The times at which the real decision sends, or asks, while every answer is the same. */
function timesOf(
  { adapter, operation, policy }: { adapter: Adapter; operation: Operation; policy: Policy | undefined },
  what: 'send' | 'ask',
  answer: Pick<Extract<Observation, { type: 'status' }>, 'verdict' | 'acknowledges'>,
): number[] {
  const times: number[] = [];
  let [state, nowMs] = [exampleState(adapter, operation, undefined, policy), 0];
  let observation: Observation = { type: 'started' };
  while (times.length < MOST) {
    const next: { state: typeof state; decision: Decision } = decide(state, observation, { nowMs, chance: CHANCE });
    const { decision } = next;
    state = next.state;
    if (decision.type === 'settle' || decision.type === 'cancel') return times;
    if (decision.type === what) times.push(nowMs);
    if (decision.type === 'wait') nowMs += decision.delayMs;
    observation =
      decision.type === 'send'
        ? { type: 'answered', refused: false, askable: state.askable, ...answer }
        : decision.type === 'ask'
          ? { type: 'status', ...answer }
          : { type: 'due' };
  }
  return times;
}
