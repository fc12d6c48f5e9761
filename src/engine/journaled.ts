import { quotableVerdict } from '../core/quotable-verdict.ts';
import { quotableCode } from '../core/quotable.ts';
import type { Settlement, SettlementFacts, TimelineEntry } from '../core/settlement.ts';
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
    verdict: quotableVerdict(verdict),
    timeline: timeline.map(journaledLine),
    ...((answer !== undefined || answerOmitted === true) && { answerOmitted: true }),
    ...(ownVerdict !== undefined && { ownVerdict: quotableVerdict(ownVerdict) }),
    ...(otherVerdict !== undefined && { otherVerdict: quotableVerdict(otherVerdict) }),
    ...(repeated === true && { repeated }),
  };
  return settlementOf(plain(facts));
}

/** What a journal keeps of what is known of a payment: the same, without stored answers. */
export const journaledEntry = (entry: Entry): Entry =>
  plain(entry.state === 'settled' ? { ...entry, last: journaledLast(entry.last) } : entry);

function journaledLast({ own, status: _body, verdict, answerOmitted, ...rest }: LastVerdict): LastVerdict {
  const omitted = own !== undefined || answerOmitted === true;
  return { ...rest, verdict: quotableVerdict(verdict), ...(omitted && { answerOmitted: true }) };
}

function journaledLine(line: TimelineEntry): TimelineEntry {
  if ('verdict' in line) return { ...line, verdict: quotableVerdict(line.verdict) };
  return 'code' in line && line.type !== 'conflict' ? { ...line, code: quotableCode(line.code) } : line;
}

/** As it is after a round trip, and nobody else's. */
const plain = <T extends object>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
