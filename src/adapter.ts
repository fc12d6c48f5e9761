import { judge } from './classify.ts';
import { InputError } from './errors.ts';
import type { Exchange, Reading } from './exchange.ts';
import { checkAddress, type FieldCheck, type Fields } from './fields.ts';
import type { Policy } from './policies/policy.ts';
import type { CodeTable } from './rows.ts';
import { isTicketText, type Ticket } from './ticket.ts';
import { effectOf, type Effect, type Verdict } from './verdict.ts';

/** Where the money moves: real, or a test account. */
export type Environment = 'production' | 'sandbox';

/** How a request carries its fields. `query`: in the URL. */
export type Encoding = 'json' | 'form' | 'query';

/** How a provider treats a second send with the same reference. */
export type SameReference =
  /** Answers the first send's result again: a re-send cannot act twice. */
  | 'replays'
  /** Refuses it as a duplicate: a re-send cannot act twice, and its answer tells that the first one landed. */
  | 'refuses'
  /** Not documented: never re-sent after a send that may have landed, unless the policy opts in. */
  | 'unknown';

/** What a status query's state means depends on the write that is followed. */
export type Follows = 'payment' | 'cancel' | 'capture' | 'refund';

/** Names of operations that only ask. */
export type ReadName = `${string}.query` | `${string}.list`;

type RequiredKeys<F> = { [K in keyof F]-?: undefined extends F[K] ? never : K }[keyof F] & string;

interface OperationBase<F> {
  /** The path below the base URL; `{name}` is filled from the fields, `{name:a|b}` with one of these: the first, unless the field says otherwise. */
  readonly path: string;
  /** Default `POST`. */
  readonly method?: 'GET' | 'POST';
  /** How this operation's request carries its fields, when not as the adapter's first encoding. */
  readonly encoding?: Encoding;
  /** A check for every required field. */
  readonly required: { readonly [K in RequiredKeys<F>]: FieldCheck };
  /** What each code means for this operation. */
  readonly codes: CodeTable | ((exchange: Exchange) => CodeTable);
  /** Reads an answer of this operation, when the adapter's own `read` does not. */
  readonly read?: (exchange: Exchange) => Reading | readonly Reading[];
  /** Tells apart operations that share a method and a path. Default: they match. */
  readonly match?: (fields: Fields) => boolean;
  /** `false`: tables only, no confirmed path; it is classified but never sent. */
  readonly sendable?: boolean;
}

/** An operation that only asks. */
export interface ReadOperation<F = Fields> extends OperationBase<F> {
  /** Reference names this query's own fields stand for, so that an answer about another order is noticed. */
  readonly reference?: Readonly<Record<string, string>>;
}

/** An operation that changes something at the provider. */
export interface WriteOperation<F = Fields> extends OperationBase<F> {
  /** The fields that identify the intention, the merchant's own number first; or what to call them in the ticket. */
  readonly reference: readonly (keyof F & string)[] | ((fields: F) => Readonly<Record<string, string | undefined>>);
  /**
   * What makes two requests one intention. A new number of the merchant's own, by its reference name, unique among the writes that
   * share its `space`; or what the write acts upon. Without a number, only an idempotency key tells two of them apart. Default:
   * `target` for a cancel, else the first name of `reference`, in a space that is this operation's alone.
   */
  readonly identity?: 'target' | { readonly number?: string; readonly space?: string };
  /** The payer or the merchant may try again under one number, so that what is found under it may be an earlier try's (doctrine 13). Default `false`. */
  readonly numberRepeats?: (fields: F) => boolean;
  /** How long what is charged can be charged at all (a scanned payment code), in milliseconds. Default: nobody says. */
  readonly chargeableForMs?: (fields: F) => number | undefined;
  /** Fields that only the ticket needs: they are never sent. */
  readonly unsent?: readonly (keyof F & string)[];
  /** Names the provider's answers may add to the reference; the first is the provider's own number. */
  readonly learns?: readonly string[];
  /** How to ask about it. Without one it can only be answered in the call. */
  readonly query?: StatusQuery;
  /** How to look for it while the ticket lacks what `query` needs, such as a list by time. Asked last, when nothing else is left. */
  readonly lookUp?: StatusQuery;
  /** Default `payment`. */
  readonly follows?: Follows;
  readonly sameReference: SameReference;
  /** The amount and currency an answer must speak of. */
  readonly expect?: (fields: F) => { amount: string; currency?: string } | undefined;
  /** How long the order stays payable from when it was opened, in milliseconds. */
  readonly payableForMs?: (fields: F, openedAtMs: number) => number | undefined;
  /** The money is taken in the call (scanned code, token). Default: the operation is named `.charge`. */
  readonly charge?: (fields: F) => boolean;
  /**
   * Sent with an idempotency key, remembered for so many milliseconds; past that the write is only looked up. With a `header` every
   * send carries it there; without one, `body` or `headers` must put `context.idempotencyKey` where the provider reads it.
   */
  readonly idempotencyKey?: { readonly rememberedForMs: number; readonly header?: string };
  /** The payer needs this write's own answer (a link, a QR code). Default `false`. */
  readonly payerNeedsAnswer?: (fields: F) => boolean;
}

/** How a write's outcome is asked about. */
export interface StatusQuery {
  readonly operation: ReadName;
  /** The query's fields, or `undefined` when the ticket does not know enough to ask. */
  readonly fields: (ticket: Ticket, nowMs: number) => Fields | undefined;
  /** The ticket lacks what the provider may insist on: a refusal of this query is then not repeated, and only a notice can tell. Default `false`. */
  readonly incomplete?: (ticket: Ticket) => boolean;
  /** How long the provider answers for an order; after that "not found" means nothing. Milliseconds, default forever. */
  readonly answersForMs?: number;
}

/** What signing may look at. */
export interface SendContext {
  readonly operation: string;
  /** When this send leaves. */
  readonly nowMs: number;
  /** When the intention was opened: the same for every send. */
  readonly openedAtMs: number;
  /**
   * 18 digits that name this send. Fresh for each query and after an answered refusal; the same again after a send that may
   * have landed, so that a gateway which refuses repeats tells that the first one did.
   */
  readonly sendId: string;
  /** The intention's idempotency key, for an operation that has one: made once, the same for every send. */
  readonly idempotencyKey?: string;
  /** The last send was refused for its machine token: fetch a new one. */
  readonly reauthenticate: boolean;
  /** What this intention's earlier sends left behind, such as the token they used. */
  readonly memory: Map<string, string>;
  /** The user's base `fetch`, for a token request. */
  readonly fetch: (request: Request) => Promise<Response>;
  readonly signal: AbortSignal;
}

/** A request whose body is final, about to get its headers. */
export interface EncodedSend extends SendContext {
  readonly method: string;
  /** Path and query, as sent. */
  readonly path: string;
  /** The fields as sent. */
  readonly fields: Fields;
  /** The body as sent; empty for a GET. */
  readonly body: string;
}

/** Everything tillpaid needs to know of a provider, as data with a thin voice. */
export interface AdapterDefinition<F extends FieldsByOperation<F>> {
  /** The gateway's name in tickets and errors. */
  readonly name: string;
  /** The merchant account, as tickets name it: public, never a secret. */
  readonly account: string;
  readonly environment: Environment;
  /** Where requests go, without a trailing slash. */
  readonly baseUrl: string;
  /** Whether `baseUrl` replaces the provider's own; tickets are then bound to it. Default `false`. */
  readonly ownBaseUrl?: boolean;
  /** The provider's other hosts, by environment: nothing is sent there, and a write that goes there by mistake is told of. */
  readonly otherBaseUrls?: Readonly<Partial<Record<Environment, string>>>;
  /** The encodings the gateway takes, the preferred first. */
  readonly encodings: readonly Encoding[];
  readonly operations: {
    readonly [K in keyof F & string]: K extends ReadName ? ReadOperation<F[K]> : WriteOperation<F[K]>;
  };
  /** Reads an answer: the names it goes by, and what it is about. */
  readonly read: (exchange: Exchange) => Reading | readonly Reading[];
  /** Completes the fields of one send: account, fresh timestamps, a signature that travels in the body. */
  readonly body?: (fields: Fields, context: SendContext) => Fields;
  /** The headers of one send: a signature or a token. */
  readonly headers?: (send: EncodedSend) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** Whether a signed answer is the gateway's own. A false one is unreadable, whatever it says. Default: no answer is signed. */
  readonly verify?: (answer: ReceivedAnswer) => boolean | Promise<boolean>;
  /** How the provider's notices are verified and read, when it sends any. */
  readonly webhook?: Webhook;
  /** Fields of a write that may differ from one call of the same intention to the next: times, signatures, message numbers. */
  readonly perSend?: readonly string[];
  /** Names in an answer that let whoever holds them act for the payer (`client_secret`): they are forgotten once the order has ended. */
  readonly answerSecrets?: readonly string[];
  /**
   * Defaults for this provider. `poll.deadlineMs` is a charge's: an order that is followed has its own life (`payableForMs`) and a
   * minute. A deadline that would come before `poll.absentAfterMs` is moved to a minute after it; a backoff is stretched for an order
   * that is waited for long, and begins at its own first wait.
   */
  readonly policy?: Policy;
}

/** How a provider's notices are verified and read. */
export interface Webhook {
  /** Verifies the signature over the raw bytes, in constant time, and says what the signed part is about. */
  readonly hear: (delivery: Delivery) => Notice | Promise<Notice>;
  /** What each name a notice goes by means for the payment. */
  readonly codes: CodeTable;
  /** The manual asks to confirm a notice by a status query. `followed`: the write that is known to be meant, else the notice's own. */
  readonly confirm?: boolean | ((notice: HeardNotice, followed: string) => boolean);
  /** What the provider wants to hear. `stored`: it may stop; `again`: it must send once more; `refused`: the signature was wrong. */
  readonly reply: (word: 'stored' | 'again' | 'refused', notice: HeardNotice | undefined) => Reply;
}

/** A webhook request, wholly read. */
export interface Delivery {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  /** The body as it came. */
  readonly bytes: Uint8Array;
  /** The same as text. */
  readonly text: string;
  readonly nowMs: number;
}

/**
 * What a notice is. `reason` completes "refused: …" and quotes nothing of the request; `reply`: when it is not the usual refusal.
 * `hint`: whose it would be, where the provider does not sign such notices; whoever waits for that payment asks, and that is all.
 */
export type Notice = HeardNotice | { readonly verified: false; readonly reason: string; readonly reply?: Reply; readonly hint?: Omit<HeardNotice, 'verified'> };

export interface HeardNotice extends Reading {
  readonly verified: true;
  /** The write it is about, told by signed fields only. */
  readonly operation: string;
  /** When that write was opened, as far as the notice tells. */
  readonly openedAtMs?: number;
}

export interface Reply {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text is sent as it is, anything else as JSON. */
  readonly body: unknown;
}

/** An answer as it came, for an adapter that verifies signatures. */
export interface ReceivedAnswer {
  readonly send: EncodedSend;
  readonly status: number;
  readonly headers: Headers;
  /** The body as it came, never parsed and written again. */
  readonly text: string;
}

/** Each operation's fields by its name. */
export type FieldsByOperation<F> = { readonly [K in keyof F]: object };

/** What tillpaid knows of one provider. */
export interface Adapter<F extends FieldsByOperation<F> = object> {
  readonly name: string;
  readonly account: string;
  readonly environment: Environment;
  readonly baseUrl: string;
  readonly ownBaseUrl: boolean;
  readonly otherBaseUrls: Readonly<Partial<Record<Environment, string>>>;
  readonly encodings: readonly Encoding[];
  readonly operations: Readonly<Record<string, Operation>>;
  readonly read: (exchange: Exchange) => Reading | readonly Reading[];
  readonly body: (fields: Fields, context: SendContext) => Fields;
  readonly headers: (send: EncodedSend) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  readonly verify: ((answer: ReceivedAnswer) => boolean | Promise<boolean>) | undefined;
  readonly webhook: Webhook | undefined;
  readonly perSend: readonly string[];
  readonly answerSecrets: readonly string[];
  readonly policy: Policy;
  /**
   * What an exchange means. Pure: no clock, no network.
   *
   * @throws {InputError} for an operation the adapter does not have
   */
  classify(exchange: Exchange): Verdict;
  /** Only a type: the fields of each operation. */
  readonly fieldTypes?: F;
}

/** An operation as the loops see it. */
export type Operation = (ReadOperation | WriteOperation) & { readonly name: string; readonly effect: Effect };

/** Whether an operation is a write, for the compiler. */
export function isWrite(operation: Operation): operation is WriteOperation & { readonly name: string; readonly effect: 'write' } {
  return operation.effect === 'write';
}

/** The operation of that name. @throws {InputError} naming the operations there are */
export function operationOf(adapter: Pick<Adapter, 'name' | 'operations'>, name: unknown): Operation {
  const operation = typeof name === 'string' && Object.hasOwn(adapter.operations, name) ? adapter.operations[name] : undefined;
  if (operation === undefined) {
    throw new InputError(`${adapter.name} has no operation ${JSON.stringify(String(name).slice(0, 60))}. Known: ${Object.keys(adapter.operations).join(', ')}.`);
  }
  return operation;
}

/**
 * Makes an adapter for any gateway.
 *
 * @example
 * ```ts
 * interface AcmeFields { 'payment.charge': { order: string; amount: number }; 'payment.query': { order: string } }
 *
 * const acme = defineAdapter<AcmeFields>({ name: 'acme', account: 'shop-1', environment: 'sandbox', baseUrl: '…', … });
 * ```
 * @throws {InputError} when a read's name does not end in `.query` or `.list`, or a status query names no read
 */
export function defineAdapter<F extends FieldsByOperation<F>>(definition: AdapterDefinition<F>): Adapter<F> {
  const who = `defineAdapter(${definition.name})`;
  checkAddress(`${who}: baseUrl`, definition.baseUrl, definition.environment);
  const unreadable = (['name', 'account', 'environment'] as const).filter((key) => !isTicketText(definition[key]));
  if (unreadable.length > 0) throw new InputError(`${who}: ${unreadable.join(', ')} must be a text of at most 256 characters, or no ticket could hold it.`);
  const operations: Record<string, Operation> = {};
  for (const [name, given] of Object.entries(definition.operations) as [string, ReadOperation | WriteOperation][]) {
    const effect = effectOf(name);
    if (effect === 'write' && !('sameReference' in given && 'reference' in given)) {
      throw new InputError(`${who}: ${name} is a write and needs a reference and sameReference; the name of a read ends in .query or .list.`);
    }
    if (effect === 'read' && 'sameReference' in given) {
      throw new InputError(`${who}: ${name} is named like a read but declared as a write.`);
    }
    operations[name] = Object.freeze({ ...given, name, effect });
  }
  for (const operation of Object.values(operations)) {
    for (const query of isWrite(operation) ? [operation.query, operation.lookUp] : []) {
      if (query === undefined) continue;
      const asked = Object.hasOwn(operations, query.operation) ? operations[query.operation] : undefined;
      if (asked?.effect === 'read') continue;
      throw new InputError(`${who}: ${operation.name} is asked about by ${query.operation}, which is ${asked === undefined ? 'not an operation' : 'a write'}.`);
    }
  }
  const adapter: Adapter<F> = {
    name: definition.name,
    account: definition.account,
    environment: definition.environment,
    baseUrl: definition.baseUrl.replace(/\/+$/, ''),
    ownBaseUrl: definition.ownBaseUrl ?? false,
    otherBaseUrls: definition.otherBaseUrls ?? {},
    encodings: definition.encodings,
    operations: Object.freeze(operations),
    read: definition.read,
    body: definition.body ?? ((fields) => fields),
    headers: definition.headers ?? (() => ({})),
    verify: definition.verify,
    webhook: definition.webhook,
    perSend: definition.perSend ?? [],
    answerSecrets: definition.answerSecrets ?? [],
    policy: definition.policy ?? {},
    classify: (exchange) => judge(adapter, exchange).verdict,
  };
  return Object.freeze(adapter);
}
