import { expect, it } from 'vitest';
import { constant, type Adapter } from '../../src/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, refused, reset, said, type Step } from '../testing/bench.ts';

/**
 * The number by which a gateway may know a second send for the first: the ids of all sends of a payout that nobody can
 * ask about.
 */
async function idsOf(sends: Step[]): Promise<string[]> {
  const ids: string[] = [];
  const adapter = {
    ...acme({ sameReference: 'replays' }),
    headers: ({ sendId }: { sendId: string }) => (ids.push(sendId), {}),
  } as Adapter<AcmeFields>;
  const { gateway, clock } = bench({ adapter, sends, policy: { retry: { attempts: 5, backoff: constant(100) } } });
  expect(await clock.run(gateway.settle('payout.create', { order: 'A1' }))).toMatchObject({
    outcome: 'succeeded',
    attempts: sends.length,
  });
  // In the order of their first use.
  const seen = [...new Set(ids)];
  return ids.map(id => 'abc'.charAt(seen.indexOf(id)));
}

it.each<[string, Step[], string]>([
  ['is kept after a send that may have landed', [reset(), said('PAID')], 'aa'],
  ['is kept though the next one never left', [reset(), refused(), said('PAID')], 'aaa'],
  ['is a new one after an answer', [said('BUSY'), said('PAID')], 'ab'],
  ['is a new one after an answer to what was repeated', [reset(), said('BUSY'), said('PAID')], 'aab'],
  ['is a new one after a send that never left', [refused(), said('PAID')], 'ab'],
])('the number of a send %s', async (_when, sends, ids) => {
  expect((await idsOf(sends)).join('')).toBe(ids);
});
