import type { Settlement, SettlementFacts } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Outcome } from '../core/verdict.ts';
import type { Intention } from './intention.ts';
import { remember, settlementOf } from './results.ts';
import { parse, responseOf, type Answer } from './wire.ts';

/** The gateway's last verdict on a payment, light enough to keep a hundred thousand of them. */
export interface LastVerdict
  extends Pick<SettlementFacts, 'verdict' | 'settledBy' | 'reference' | 'attempts' | 'polls' | 'elapsedMs'> {
  readonly outcome: Outcome;
  /** The write's own answer. It is also what settled it, where `settledBy` says so. */
  readonly own: KeptAnswer | undefined;
  /** The answer of the status query that settled it. */
  readonly status: KeptAnswer | undefined;
}

/** An answer as texts, which are the lightest to keep. */
interface KeptAnswer extends Omit<Answer, 'headers' | 'bytes'> {
  /** JSON of a list of pairs. */
  readonly headers: string;
  /** The body's bytes, one a character. */
  readonly bytes: string;
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
  { outcome, verdict, settledBy, reference, attempts, polls, elapsedMs, answer }: Settlement,
  answers: Intention['answers'],
  before: LastVerdict | undefined,
): LastVerdict | undefined {
  if (!isVerdict(outcome)) return undefined;
  const own = answer === undefined ? undefined : kept(answers.own);
  const status = settledBy === 'query' ? kept(answers.status) : undefined;
  const first = settledBy === 'answer' ? own : (own ?? before?.own);
  return { outcome, verdict, settledBy, reference, attempts, polls, elapsedMs, own: first, status };
}

/** Without the secrets that give access to the payment: an order that has ended does not need them. */
export function withoutSecrets(last: LastVerdict, secrets: readonly string[]): LastVerdict {
  if (secrets.length === 0) return last;
  return { ...last, own: stripped(last.own, secrets), status: stripped(last.status, secrets) };
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

const kept = (answer: Answer | undefined): KeptAnswer | undefined =>
  answer === undefined || answer.bytes.length > LONGEST_KEPT
    ? undefined
    : {
        status: answer.status,
        statusText: answer.statusText,
        headers: JSON.stringify([...answer.headers]),
        url: answer.url,
        bytes: textOf(answer.bytes),
      };

const answerOf = ({ headers, bytes, ...answer }: KeptAnswer): Answer => ({
  ...answer,
  headers: new Headers(JSON.parse(headers) as [string, string][]),
  bytes: bytesOf(bytes),
});

const bodyOf = ({ bytes }: KeptAnswer): unknown => parse(new TextDecoder().decode(bytesOf(bytes)));

function stripped(answer: KeptAnswer | undefined, secrets: readonly string[]): KeptAnswer | undefined {
  if (answer === undefined) return undefined;
  const body = bodyOf(answer);
  if (typeof body !== 'object') return answer;
  const found: string[] = [];
  const text = JSON.stringify(body, (name, value: unknown) => {
    if (!secrets.includes(name)) return value;
    found.push(name);
    return undefined;
  });
  // Without one it stays as it came.
  return found.length === 0 ? answer : { ...answer, bytes: textOf(new TextEncoder().encode(text)) };
}

/** So many arguments every engine takes. */
const CHUNK = 4096;

function textOf(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += Reflect.apply(String.fromCharCode, String, bytes.subarray(at, at + CHUNK)) as string;
  }
  return text;
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
