import { quotable, quotableCode } from '../core/quotable.ts';
import type { Settlement, SettlementFacts, TimelineEntry } from '../core/settlement.ts';
import type { Verdict } from '../core/verdict.ts';
import type { LastVerdict } from './last-verdict.ts';
import type { Entry } from './payment-store.ts';
import { settlementOf } from './results.ts';

/**
 * What a journal keeps of a settlement: plain JSON, without answers and bodies, and without what a provider's message may
 * repeat of anybody's. Where there was an answer, it says `answerOmitted`.
 */
export function journaledSettlement({
  outcome,
  verdict,
  settledBy,
  ticket,
  reference,
  attempts,
  polls,
  elapsedMs,
  timeline,
  answer,
  answerOmitted,
  ownVerdict,
  otherVerdict,
  repeated,
}: Settlement): Settlement {
  const facts: SettlementFacts = {
    ...{ outcome, settledBy, ticket, reference, attempts, polls, elapsedMs },
    verdict: journaledVerdict(verdict),
    timeline: timeline.map(journaledLine),
    ...((answer !== undefined || answerOmitted === true) && { answerOmitted: true }),
    ...(ownVerdict !== undefined && { ownVerdict: journaledVerdict(ownVerdict) }),
    ...(otherVerdict !== undefined && { otherVerdict: journaledVerdict(otherVerdict) }),
    ...(repeated === true && { repeated }),
  };
  return settlementOf(plain(facts));
}

/** What a journal keeps of what is known of a payment: the same, without stored answers. */
export const journaledEntry = (entry: Entry): Entry =>
  plain(entry.state === 'settled' ? { ...entry, last: journaledLast(entry.last) } : entry);

function journaledLast({ own, status: _body, verdict, answerOmitted, ...rest }: LastVerdict): LastVerdict {
  const omitted = own !== undefined || answerOmitted === true;
  return { ...rest, verdict: journaledVerdict(verdict), ...(omitted && { answerOmitted: true }) };
}

function journaledVerdict<V extends Verdict>({ message, ...verdict }: V): V {
  const told = message === undefined ? '' : quotable(message);
  const code = verdict.listed ? verdict.code : quotableCode(verdict.code);
  return { ...verdict, code, ...(told !== '' && { message: told }) } as V;
}

function journaledLine(line: TimelineEntry): TimelineEntry {
  if ('verdict' in line) return { ...line, verdict: journaledVerdict(line.verdict) };
  return 'code' in line && line.type !== 'conflict' ? { ...line, code: quotableCode(line.code) } : line;
}

/** As it is after a round trip, and nobody else's. */
const plain = <T extends object>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
