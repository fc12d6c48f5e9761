import type { Observation } from './decide.ts';
import type { Judgement } from './doctrine.ts';
import type { Verdict } from './verdict.ts';

type Part<Type extends Observation['type'], Names extends keyof Extract<Observation, { type: Type }>> = Pick<
  Extract<Observation, { type: Type }>,
  'type' | Names
>;

/** What the decision is told of a send's answer, as far as the answer alone says it. */
export function answeredWith({
  row,
  verdict,
  acknowledges,
  refuses,
}: Judgement): Part<
  'answered',
  'verdict' | 'acknowledges' | 'refused' | 'refuses' | 'askedOnce' | 'ofAnotherSend' | 'createdWhenOpen'
> {
  const open = row?.kind === 'poll-required' ? row : undefined;
  const ended = row?.kind === 'terminal' ? row : undefined;
  return {
    type: 'answered',
    verdict,
    acknowledges,
    refused: ended?.outcome === 'rejected' || ended?.outcome === 'failed',
    refuses: refuses === true,
    askedOnce: ended?.askedOnce === true,
    ofAnotherSend: open?.ofAnotherSend === true,
    createdWhenOpen: open?.createdWhenOpen === true,
  };
}

/** What it is told of a status query's answer; there is no judgement of one that did not come. */
export function statusWith(
  verdict: Verdict,
  judgement: Judgement | undefined,
): Part<'status', 'verdict' | 'acknowledges' | 'refuses' | 'needsAction' | 'paying' | 'failedWhenUnchangedForMs'> {
  const { row, failedWhenUnchangedForMs: forMs } = judgement ?? {};
  const open = row?.kind === 'poll-required' && row.reason === verdict.reason ? row : undefined;
  return {
    type: 'status',
    verdict,
    acknowledges: judgement?.acknowledges ?? false,
    refuses: judgement?.refuses === true,
    needsAction: open?.needsAction === true,
    paying: judgement?.paying === true,
    ...(forMs !== undefined && { failedWhenUnchangedForMs: forMs }),
  };
}
