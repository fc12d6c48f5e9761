import type { Settlement, SettlementFacts } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Outcome } from '../core/verdict.ts';
import type { Intention } from './intention.ts';
import { remember, settlementOf } from './results.ts';
import { answerOf, bodyOf, storedOf, stripped, type StoredAnswer } from './stored-answer.ts';
import { responseOf, type Answer } from './wire.ts';

/** The gateway's last verdict on a payment, light enough to keep a hundred thousand of them. */
export interface LastVerdict
  extends Pick<
    SettlementFacts,
    'verdict' | 'settledBy' | 'reference' | 'attempts' | 'polls' | 'elapsedMs' | 'answerOmitted'
  > {
  readonly outcome: Outcome;
  /** The write's own answer. It is also what settled it, where `settledBy` says so. */
  readonly own?: StoredAnswer | undefined;
  /** The answer of the status query that settled it. */
  readonly status?: StoredAnswer | undefined;
}

/** A longer answer is handed out, but not kept. */
const LONGEST_KEPT = 64 * 1024;

/** Ends of a loop that are no verdict of the gateway's on the payment. */
const withoutVerdict: ReadonlySet<Settlement['outcome']> = new Set<Settlement['outcome']>([
  'unresolved',
  'absent',
  'unsent',
  'rejected',
]);
const isVerdict = (outcome: Settlement['outcome']): outcome is Outcome => !withoutVerdict.has(outcome);

/**
 * What is kept of a loop's settlement; `undefined` where the gateway has said nothing of the payment.
 *
 * @param before what was kept of the same send before
 */
export function lastVerdictOf(
  { outcome, verdict, settledBy, reference, attempts, polls, elapsedMs, answer, answerOmitted }: Settlement,
  answers: Intention['answers'],
  before: LastVerdict | undefined,
): LastVerdict | undefined {
  if (!isVerdict(outcome)) return undefined;
  const own = answer === undefined ? undefined : kept(answers.own);
  const status = settledBy === 'query' ? kept(answers.status) : undefined;
  const first = settledBy === 'answer' ? own : (own ?? before?.own);
  const facts = { outcome, verdict, settledBy, reference, attempts, polls, elapsedMs, own: first, status };
  // Of a payment that a journal told of, the answer is where it was sent from.
  const isOmitted = first === undefined && settledBy !== 'answer' && before?.answerOmitted === true;
  return isOmitted || answerOmitted === true ? { ...facts, answerOmitted: true } : facts;
}

/** Without the secrets that give access to the payment: an order that has ended does not need them. */
export function withoutSecrets(last: LastVerdict, secrets: readonly string[]): LastVerdict {
  if (secrets.length === 0) return last;
  return { ...last, own: keptWithout(last.own, secrets), status: keptWithout(last.status, secrets) };
}

/** The settlement for a caller who asks for the same again. */
export function repeatedSettlement(
  { own, status, ...last }: LastVerdict,
  ticket: Ticket,
  settledAtMs: number,
): Settlement {
  const { verdict, outcome, settledBy, elapsedMs } = last;
  const exchange = settledBy === 'answer' ? own : status;
  const at = new Date(settledAtMs).toISOString();
  const facts: SettlementFacts = {
    ...last,
    ...(own !== undefined && { answer: bodyOf(own) }),
    ...(exchange !== undefined && { body: bodyOf(exchange) }),
    ticket,
    repeated: true,
    timeline: [{ at, elapsedMs, type: 'settled', outcome, settledBy }],
  };
  return exchange === undefined
    ? settlementOf(facts)
    : settlementOf(facts, () => remember(responseOf(answerOf(exchange)), { verdict, ticket: structuredClone(ticket) }));
}

const kept = (answer: Answer | undefined): StoredAnswer | undefined =>
  answer === undefined || answer.bytes.length > LONGEST_KEPT ? undefined : storedOf(answer);

const keptWithout = (kept: StoredAnswer | undefined, secrets: readonly string[]): StoredAnswer | undefined =>
  kept && stripped(kept, secrets);
