import { didYouMean, nearest } from '../did-you-mean.ts';
import { InputError } from '../errors.ts';
import type { FieldCheck } from '../fields.ts';
import type { DropInContext, FollowOptions, GatewayOptions, SettleOptions } from './gateway.ts';

/**
 * Every option there is, by the door that takes it. A misspelt one is refused: an `onTickets` that nobody calls loses payments.
 */
type Checks<O> = { readonly [name in keyof O]-?: FieldCheck };

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

const ofType = (expects: string, type: 'function' | 'boolean' | 'string'): FieldCheck => ({ expects, accepts: (value) => typeof value === type });

const aFunction = ofType('a function', 'function');
const aFlag = ofType('true or false', 'boolean');
const aText = ofType('a text', 'string');

const aSignal: FieldCheck = {
  expects: 'an AbortSignal',
  accepts: (value) => isObject(value) && 'aborted' in value && 'throwIfAborted' in value && 'addEventListener' in value,
};

const aClock: FieldCheck = {
  expects: 'a clock: now(), random() and timer(delayMs, callback)',
  accepts: (value) => isObject(value) && ['now', 'random', 'timer'].every((name) => typeof Reflect.get(value, name) === 'function'),
};

/** Checked where it is used, with more to say. */
const elsewhere: FieldCheck = { expects: 'anything', accepts: () => true };

/** Of `createGateway`. */
export const gatewayOptions: Checks<GatewayOptions<object>> = {
  adapter: elsewhere,
  client: elsewhere,
  policy: elsewhere,
  onEvent: aFunction,
  onTicket: aFunction,
  ticketSeal: elsewhere,
  unmatched: { expects: "'event' or 'refuse'", accepts: (value) => value === 'event' || value === 'refuse' },
  fetchSendsOnce: aFlag,
  clock: aClock,
};

/** Of `untilSettled` and `ask`. */
export const followOptions: Checks<FollowOptions> = { signal: aSignal, onProgress: aFunction, onTicket: aFunction, policy: elsewhere };

/** Of `settle`. */
export const settleOptions: Checks<SettleOptions> = {
  ...followOptions,
  idempotencyKey: elsewhere,
  mayHaveBeenSent: aFlag,
  newTry: aFlag,
  ticket: elsewhere,
};

const { signal: _ofTheCall, ...ofAWrite } = settleOptions;

/** Of `context.tillpaid`; the call's own `signal` is the drop-in's. */
export const dropInOptions: Checks<DropInContext> = { ...ofAWrite, operation: aText };

/** @throws {InputError} for what is no object, a name that is not known, or a value of another kind */
export function checkOptions(who: string, given: unknown, known: Readonly<Record<string, FieldCheck>>): void {
  if (given === undefined) return;
  if (!isObject(given)) throw new InputError(`${who}: pass the options as an object.`);
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined;
    if (check === undefined) throw new InputError(`${who}: there is no option ${didYouMean(name, Object.keys(known))}`);
    if (value !== undefined && !check.accepts(value)) throw new InputError(`${who}: ${name} must be ${check.expects}.`);
  }
}

/** A misspelt `context.tillpaid` is no context of somebody else's. @throws {InputError} */
export function checkContext(who: string, context: Readonly<Record<string, unknown>> | undefined): void {
  const misspelt = Object.keys(context ?? {}).find((name) => name !== 'tillpaid' && /^t/i.test(name) && nearest(name, ['tillpaid']) !== undefined);
  if (misspelt !== undefined) throw new InputError(`${who}: context has "${misspelt}". Did you mean tillpaid?`);
}
