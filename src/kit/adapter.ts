import type { Advice } from '../core/code-table.ts';
import { judge } from '../core/doctrine.ts';
import { InputError } from '../core/errors.ts';
import type { Exchange, Reading } from '../core/exchange.ts';
import {
  isWrite,
  type Encoding,
  type Fields,
  type Operation,
  type ReadName,
  type ReadOperation,
  type WriteOperation,
} from '../core/operation.ts';
import { isTicketText, type Ticket } from '../core/ticket.ts';
import { effectOf, type Verdict } from '../core/verdict.ts';
import type { Policy } from '../policies/policy.ts';
import { checkAddress } from './address.ts';
import type { Webhook } from './webhook.ts';

/** Where the money moves: real, or a test account. */
export type Environment = 'production' | 'sandbox';

/** What signing may look at. */
export interface SendContext {
  readonly operation: string;
  /** What the operation's `unsent` names, as far as it was given: no part of `fields`, to be signed or renamed. */
  readonly unsent: Fields;
  /** When this send leaves. */
  readonly nowMs: number;
  /** When the intention was opened: the same for every send. */
  readonly openedAtMs: number;
  /**
   * 18 digits that name this send. Fresh for each query and after an answered refusal; the same again after a send that
   * may have landed, so that a gateway which refuses repeats reveals that the first one did.
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
  /**
   * Grows when a row that a journal stored under an older release of this adapter must not be read as it is. A positive
   * integer, default 1.
   */
  readonly version?: number;
  /**
   * Makes a ticket that an older version stored one of this version. `undefined`: it cannot, and the row is parked.
   * Default: none can.
   */
  readonly upgradeTicket?: (ticket: Ticket, version: number) => Ticket | undefined;
  /**
   * Gives a text that only the merchant's own processes know, and each of them the same: a credential. A key for digests
   * is derived from it; it never leaves, and is never printed. A function, so that nobody who prints the adapter sees
   * it. Default: there is none.
   */
  readonly secret?: () => string;
  /** Where requests go, without a trailing slash. */
  readonly baseUrl: string;
  /** Whether `baseUrl` replaces the provider's own; tickets are then bound to it. Default `false`. */
  readonly ownBaseUrl?: boolean;
  /**
   * The provider's other hosts, by environment: nothing is sent there, and a write that goes there by mistake is told
   * of.
   */
  readonly otherBaseUrls?: Readonly<Partial<Record<Environment, string>>>;
  /** The encodings the gateway takes, the preferred first. */
  readonly encodings: readonly Encoding[];
  readonly operations: {
    readonly [K in keyof F & string]: K extends ReadName ? ReadOperation<F[K]> : WriteOperation<F[K]>;
  };
  /** Reads an answer: the names it goes by, and what it is about. */
  readonly read: (exchange: Exchange) => Reading | readonly Reading[];
  /**
   * Completes the fields of one send: account, fresh timestamps, a signature that travels in the body. It may rename
   * them, the path's apart; what is not sent by its own name is in `context.unsent`.
   */
  readonly body?: (fields: Fields, context: SendContext) => Fields;
  /** The headers of one send: a signature or a token. */
  readonly headers?: (
    send: EncodedSend,
  ) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /**
   * Whether a signed answer is the gateway's own. A false one is unreadable, whatever it says. Default: no answer is
   * signed.
   */
  readonly verify?: (answer: ReceivedAnswer) => boolean | Promise<boolean>;
  /** The sentences that are kept apart from the tables, by row. Default: each row's own. */
  readonly advice?: Advice | undefined;
  /**
   * How the provider's notices are verified and read, when it sends any; or how that is loaded, such as `async () => (await
   * import('./webhook.ts')).acmeWebhook(credentials)`, so that only who receives notices loads it.
   */
  readonly webhook?: Webhook | (() => Promise<Webhook>);
  /**
   * Fields of a write that may differ from one call of the same intention to the next: times, signatures, message
   * numbers.
   */
  readonly perSend?: readonly string[];
  /**
   * Names in an answer whose values allow to act for the payer (`client_secret`): they are forgotten once the
   * order has ended.
   */
  readonly answerSecrets?: readonly string[];
  /**
   * Defaults for this provider. `poll.deadlineMs` is a charge's: an order that is followed has its own life
   * (`payableForMs`) and a minute. A deadline that would come before `poll.absentAfterMs` is moved to a minute after
   * it; a backoff is stretched for an order that is waited for long, and begins at its own first wait.
   */
  readonly policy?: Policy;
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

/** The answers of writes by their names; of a write that is not among them nothing is known. */
export type AnswersByOperation<F, A> = { readonly [K in keyof A]: K extends keyof F ? unknown : never };

/** What tillpaid knows of one provider. */
export interface Adapter<F extends FieldsByOperation<F> = object, A extends AnswersByOperation<F, A> = object> {
  readonly name: string;
  readonly account: string;
  readonly environment: Environment;
  readonly version: number;
  readonly upgradeTicket: ((ticket: Ticket, version: number) => Ticket | undefined) | undefined;
  readonly secret: (() => string) | undefined;
  readonly baseUrl: string;
  readonly ownBaseUrl: boolean;
  readonly otherBaseUrls: Readonly<Partial<Record<Environment, string>>>;
  readonly encodings: readonly Encoding[];
  readonly operations: Readonly<Record<string, Operation>>;
  readonly read: (exchange: Exchange) => Reading | readonly Reading[];
  readonly body: (fields: Fields, context: SendContext) => Fields;
  readonly headers: (send: EncodedSend) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  readonly verify: ((answer: ReceivedAnswer) => boolean | Promise<boolean>) | undefined;
  readonly advice: Advice | undefined;
  readonly webhook: Webhook | (() => Promise<Webhook>) | undefined;
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
  /** Only a type: the answer of each write. */
  readonly answerTypes?: A;
}

/**
 * Makes an adapter for any gateway.
 *
 * @example
 * ```ts
 * interface AcmeFields {
 *   'payment.create': { order: string; amount: number };
 *   'payment.query': { order: string };
 * }
 * interface AcmeAnswers {
 *   'payment.create': { link?: string }; // optional: what `settlement.answer` is
 * }
 * const acme = defineAdapter<AcmeFields, AcmeAnswers>({
 *   ...{ name: 'acme', account: 'shop-1', environment: 'sandbox', baseUrl: 'https://acme.example', encodings: ['json'] },
 *   operations: {
 *     'payment.create': {
 *       path: '/orders',
 *       required: { order: text, amount: whole },
 *       codes: { OK: created(), BUSY: retryable('maintenance') },
 *       reference: ['order'],
 *       query: askBy('payment.query', 'order'),
 *       sameReference: 'unknown',
 *     },
 *     'payment.query': {
 *       path: '/orders/find',
 *       required: { order: text },
 *       codes: { PAID: succeeded(), OPEN: pollRequired('awaiting-payer'), NONE: pollRequired('not-found') },
 *       reference: { order: 'order' },
 *     },
 *   },
 *   read: ({ body }) => ({ names: [textOf(body, 'code') ?? ''], reference: { order: statedOf(body, 'order') } }),
 * });
 * ```
 * @throws {InputError} when a read's name does not end in `.query` or `.list`, a status query names no read, a cancel
 *   no write that cancels, or a storable field is not known
 */
export function defineAdapter<F extends FieldsByOperation<F>, A extends AnswersByOperation<F, A> = object>(
  definition: AdapterDefinition<F>,
): Adapter<F, A> {
  const who = `defineAdapter(${definition.name})`;
  checkAddress(`${who}: baseUrl`, definition.baseUrl, definition.environment);
  const unreadable = (['name', 'account', 'environment'] as const).filter(key => !isTicketText(definition[key]));
  if (unreadable.length > 0)
    throw new InputError(
      `${who}: ${unreadable.join(', ')} must be a text of at most 256 characters, or no ticket could hold it.`,
    );
  const { version = 1, secret } = definition;
  if (!Number.isSafeInteger(version) || version < 1)
    throw new InputError(`${who}: version must be a whole number of at least 1.`);
  if (secret !== undefined && typeof secret !== 'function')
    throw new InputError(`${who}: secret must be a function that gives a credential, so that nothing prints it.`);
  const operations = checkedOperations(who, definition);
  const adapter: Adapter<F, A> = {
    name: definition.name,
    account: definition.account,
    environment: definition.environment,
    version,
    upgradeTicket: definition.upgradeTicket,
    secret,
    baseUrl: definition.baseUrl.replace(/\/+$/, ''),
    ownBaseUrl: definition.ownBaseUrl ?? false,
    otherBaseUrls: definition.otherBaseUrls ?? {},
    encodings: definition.encodings,
    operations,
    read: definition.read,
    body: definition.body ?? (fields => fields),
    headers: definition.headers ?? (() => ({})),
    verify: definition.verify,
    advice: definition.advice,
    webhook: definition.webhook,
    perSend: definition.perSend ?? [],
    answerSecrets: definition.answerSecrets ?? [],
    policy: definition.policy ?? {},
    classify: exchange => judge(adapter, exchange).verdict,
  };
  return Object.freeze(adapter);
}

/** The operations by name, each with its name and effect. @throws {InputError} */
function checkedOperations<F extends FieldsByOperation<F>>(
  who: string,
  definition: AdapterDefinition<F>,
): Readonly<Record<string, Operation>> {
  const operations: Record<string, Operation> = {};
  for (const [name, given] of Object.entries(definition.operations) as [string, ReadOperation | WriteOperation][]) {
    const effect = effectOf(name);
    if (effect === 'write' && !('sameReference' in given && 'reference' in given)) {
      throw new InputError(
        `${who}: ${name} is a write and needs a reference and sameReference; the name of a read ends in .query or .list.`,
      );
    }
    if (effect === 'read' && 'sameReference' in given) {
      throw new InputError(`${who}: ${name} is named like a read but declared as a write.`);
    }
    if (
      'idempotencyKey' in given &&
      given.idempotencyKey.header === undefined &&
      definition.body === undefined &&
      definition.headers === undefined
    ) {
      throw new InputError(
        `${who}: ${name} has an idempotency key that nothing would send. Name its header, or put it into the body.`,
      );
    }
    operations[name] = Object.freeze({ ...given, name, effect });
  }
  for (const operation of Object.values(operations)) {
    checkQueries(who, operation, operations);
    if (isWrite(operation)) checkStorable(who, operation, definition.answerSecrets);
    checkCancel(who, operation, operations);
  }
  return Object.freeze(operations);
}

/** A write is asked about by reads alone. @throws {InputError} */
function checkQueries(who: string, operation: Operation, operations: Readonly<Record<string, Operation>>): void {
  for (const query of isWrite(operation) ? [operation.query, operation.lookUp] : []) {
    if (query === undefined) continue;
    const { batch } = query;
    if (batch !== undefined && !(Number.isInteger(batch.most) && batch.most >= 2))
      throw new InputError(`${who}: ${operation.name} has a batch query whose \`most\` is not 2 or more.`);
    for (const name of [query.operation, batch?.operation ?? query.operation]) {
      const asked = Object.hasOwn(operations, name) ? operations[name] : undefined;
      if (asked?.effect === 'read') continue;
      throw new InputError(
        `${who}: ${operation.name} is asked about by ${name}, which is ${asked === undefined ? 'not an operation' : 'a write'}.`,
      );
    }
  }
}

/** What cancels a write is a write that cancels. @throws {InputError} */
function checkCancel(who: string, operation: Operation, operations: Readonly<Record<string, Operation>>): void {
  const by = isWrite(operation) ? operation.cancel?.operation : undefined;
  if (typeof by !== 'string') return;
  const canceling = Object.hasOwn(operations, by) ? operations[by] : undefined;
  if (canceling !== undefined && isWrite(canceling) && canceling.follows === 'cancel') return;
  throw new InputError(`${who}: ${operation.name} is canceled by ${by}, which is no write with follows: 'cancel'.`);
}

/** What may be stored is a field of the write, and opens nothing. @throws {InputError} */
function checkStorable(
  who: string,
  { name, required, optional = [], storable = [] }: WriteOperation & { readonly name: string },
  answerSecrets: readonly string[] = [],
): void {
  const unknown = storable.filter(field => !Object.hasOwn(required, field) && !optional.includes(field));
  if (unknown.length > 0)
    throw new InputError(`${who}: ${name} has storable fields that it does not know: ${unknown.join(', ')}.`);
  const secrets = storable.filter(field => answerSecrets.includes(field));
  if (secrets.length > 0)
    throw new InputError(`${who}: ${name} would have stored what is secret in an answer: ${secrets.join(', ')}.`);
}
