import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  admits,
  asked,
  closedCircuit,
  left,
  sent,
  type CircuitState,
  type Health,
} from '../../src/policies/circuit.ts';

const policy = { failures: 3, withinMs: 1000, openForMs: 5000 };

const after = (healths: readonly Health[], everyMs = 10, from = closedCircuit): CircuitState =>
  healths.reduce((state, health, at) => sent(state, policy, health, at * everyMs), from);

const open = after(['down', 'down', 'down']);

describe('the circuit', () => {
  it('opens after so many failed sends in a row, within its time, and not before', () => {
    expect(after(['down', 'down']).is).toBe('closed');
    expect(open.is).toBe('open');
    expect(after(['down', 'down', 'up', 'down', 'down']).is).toBe('closed');
    expect(after(['down', 'down', 'unsaid', 'down']).is).toBe('open');
    expect(after(['down', 'down', 'down'], 501).is).toBe('closed');
    expect(after(['down', 'down', 'down', 'down'], 500).is).toBe('open');
  });

  it('admits nothing while it is open, and after its time one send alone', () => {
    expect([admits(open, policy, 20), admits(open, policy, 5019), admits(open, policy, 5020)]).toEqual([
      false,
      false,
      true,
    ]);
    const trying = left(open, 5020);
    expect([trying.is, admits(trying, policy, 5021)]).toEqual(['half-open', false]);
  });

  it('closes by a trial that is answered, opens again by one that fails, and tries once more after one that tells nothing', () => {
    const trying = left(open, 6000);
    expect(sent(trying, policy, 'up', 6100, 6000)).toEqual(closedCircuit);
    expect(sent(trying, policy, 'down', 6100, 6000)).toMatchObject({ is: 'open', openedAtMs: 6100 });
    const unsaid = sent(trying, policy, 'unsaid', 6100, 6000);
    expect([unsaid.is, admits(unsaid, policy, 6100)]).toEqual(['half-open', true]);
  });

  it('half-opens by the first query that is answered after one that failed', () => {
    expect(asked(open, 'up').is).toBe('open');
    const failing = asked(open, 'down');
    expect(asked(failing, 'unsaid').is).toBe('open');
    const back = asked(failing, 'up');
    expect([back.is, admits(back, policy, 21)]).toEqual(['half-open', true]);
    // Queries that failed before it opened count too.
    expect(asked(after(['down', 'down', 'down'], 10, asked(closedCircuit, 'down')), 'up').is).toBe('half-open');
  });

  it('does not trust the queries again, once a trial that they brought about has failed, until one fails', () => {
    const trying = left(asked(asked(open, 'down'), 'up'), 100);
    const again = sent(trying, policy, 'down', 200, 100);
    expect([again.is, asked(again, 'up').is]).toEqual(['open', 'open']);
    expect(asked(asked(again, 'down'), 'up').is).toBe('half-open');
  });

  it('lets another send try when the one that tries was lost sight of, and does not count that one as the other', () => {
    const trying = left(open, 6000);
    expect([admits(trying, policy, 10_999), admits(trying, policy, 11_000)]).toEqual([false, true]);
    const other = left(trying, 11_000);
    expect(sent(other, policy, 'up', 11_001, 6000)).toBe(other);
  });

  it('is moved by nothing that left before it opened, but for an answer', () => {
    expect(sent(open, policy, 'down', 4000)).toBe(open);
    expect(sent(open, policy, 'up', 4000).is).toBe('half-open');
  });

  it('never lets more than one send through in so long while it is not closed, whatever ends when, and always lets one through after its time', () => {
    const event = fc.record({
      afterMs: fc.integer({ min: 0, max: 3000 }),
      what: fc.constantFrom('send', 'end-up', 'end-down', 'end-unsaid', 'ask-up', 'ask-down', 'ask-unsaid'),
      which: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), events => {
        let state = closedCircuit;
        let nowMs = 0;
        const onWire: { leftAtMs?: number }[] = [];
        for (const { afterMs, what, which } of events) {
          nowMs += afterMs;
          const [verb, health] = what.split('-') as [string, Health | undefined];
          if (verb === 'send') {
            if (!admits(state, policy, nowMs)) continue;
            const isTrial = state.is !== 'closed';
            state = left(state, nowMs);
            onWire.push(isTrial ? { leftAtMs: nowMs } : {});
            if (isTrial) expect(admits(state, policy, nowMs + policy.openForMs - 1)).toBe(false);
          } else if (verb === 'ask') state = asked(state, health ?? 'unsaid');
          else {
            const [one] = onWire.length === 0 ? [] : onWire.splice(which % onWire.length, 1);
            if (one !== undefined) state = sent(state, policy, health ?? 'unsaid', nowMs, one.leftAtMs);
          }
          // Plain JSON.
          state = JSON.parse(JSON.stringify(state)) as CircuitState;
          expect(state.failedAtMs.length).toBeLessThanOrEqual(policy.failures);
          // However it came here: it holds nobody out for ever.
          expect(admits(state, policy, nowMs + policy.openForMs)).toBe(true);
        }
      }),
    );
  });
});
