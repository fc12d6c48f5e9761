import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDoubtedPaid, type CancelStanding } from '../../src/core/cancel.ts';
import { stories, tell } from './story.ts';

/** The cancel at a deadline, as far as the decision is concerned. */

const paid = { kind: 'terminal', outcome: 'succeeded', code: 'paid', reason: 'approved', listed: true } as const;

describe('“paid” beside a cancel', () => {
  it.each<[CancelStanding | 'none', boolean, boolean]>([
    ['none', false, false],
    ['not-sent', false, false],
    ['refused', false, false],
    ['unknown', true, false],
    ['accepted', true, true],
  ])('%s: doubted where it may be given back: %s, and where the provider spares what is paid: %s', (standing, usual, spared) => {
    const cancel = standing === 'none' ? undefined : { standing };
    expect([isDoubtedPaid(cancel, false, paid), isDoubtedPaid(cancel, true, paid)]).toEqual([usual, spared]);
  });
});

describe('a story with a cancel at its deadline', () => {
  const canceling = fc.tuple(stories, fc.boolean()).map(([story, cancelSparesPaid]) => ({
    ...story,
    plan: { ...story.plan, cancelsWithinMs: 30_000, cancelSparesPaid },
  }));

  it('cancels once at most, right after a query, and sends nothing after it', () => {
    let canceled = 0;
    fc.assert(
      fc.property(canceling, story => {
        const turns = tell(story);
        const at = turns.findIndex(({ decision }) => decision.type === 'cancel');
        if (at < 0) return;
        canceled++;
        // One that was answered, and shows the order there and open.
        expect(turns[at]?.observation).toMatchObject({
          type: 'status',
          acknowledges: true,
          verdict: { kind: 'poll-required' },
        });
        expect(turns[at]?.after.landed).toBe(true);
        const later = turns.slice(at + 1).map(({ decision }) => decision);
        expect(later.filter(({ type }) => type === 'cancel' || type === 'send')).toEqual([]);
      }),
      { numRuns: 3000 },
    );
    expect(canceled).toBeGreaterThan(10);
  });

  it('never ends by what the cancel came to, nor calls paid what may still be given back', () => {
    fc.assert(
      fc.property(canceling, story => {
        for (const { before, observation, decision } of tell(story)) {
          if (decision.type !== 'settle') continue;
          expect(observation.type).not.toBe('cancel');
          const isDoubted = isDoubtedPaid(before.cancel, story.plan.cancelSparesPaid, decision.verdict);
          if (before.end === undefined && isDoubted) expect(decision.outcome).toBe('unresolved');
        }
      }),
      { numRuns: 1000 },
    );
  });
});
