import { InputError } from '../core/errors.ts';
import { duration } from './backoff.ts';

/** What {@link circuit} takes. */
export interface CircuitOptions {
  /**
   * So many sends in a row open it that the gateway did not answer itself, or answered that it is down. A whole number,
   * default 10.
   */
  failures?: number;
  /** All of them within this time. Milliseconds, default 30,000. */
  withinMs?: number;
  /**
   * How long nothing is sent before one send is let through to try, unless a status query is answered again before.
   * Milliseconds, a day at most, default 30,000.
   */
  openForMs?: number;
}

/** What a policy has of {@link circuit}. */
export interface Circuit extends Readonly<Required<CircuitOptions>> {
  /**
   * For tillpaid alone: the circuits of one gateway object.
   *
   * @param nowMs no step of the wall clock moves it
   * @param onChange called when one opens, half-opens or closes. `code`: what the last failed send came to
   */
  watch(nowMs: () => number, onChange: (operation: string, state: CircuitState, code: string) => void): Circuits;
}

/**
 * Holds new sends back while the provider is down: `policy: { circuit: circuit() }`. It is counted for each operation, by
 * what this gateway object has seen itself. What is held back ends `unsent`, with the code `circuit-open`; what is open is
 * asked about all the same.
 *
 * @throws {InputError} for a number that cannot be meant
 */
export function circuit(options: CircuitOptions = {}): Circuit {
  const { failures = 10, withinMs = 30_000, openForMs = 30_000, ...others } = options;
  for (const name of Object.keys(others))
    throw new InputError(`circuit: there is no option "${name}". Known: failures, withinMs, openForMs.`);
  if (!(Number.isSafeInteger(failures) && failures >= 1))
    throw new InputError(`circuit: failures must be a whole number, 1 or more; got ${String(failures)}.`);
  for (const [name, span] of Object.entries({ withinMs, openForMs }))
    if (duration('circuit', name, span) === 0)
      throw new InputError(`circuit: ${name} must be more than 0 milliseconds.`);
  if (openForMs > LONGEST_OPEN_MS)
    throw new InputError(
      `circuit: openForMs must be a day (${LONGEST_OPEN_MS}) at most, or an open circuit might never close; got ${openForMs}.`,
    );
  const policy = { failures, withinMs, openForMs };
  return Object.freeze({ ...policy, watch: (...given: Parameters<Circuit['watch']>) => watched(policy, ...given) });
}

const LONGEST_OPEN_MS = 86_400_000;

/** What an exchange tells of the gateway: that it works, that it does not, or neither. */
export type Health = 'up' | 'down' | 'unsaid';

/** What is known of one operation's circuit. Plain JSON. */
export interface CircuitState {
  /** `half-open`: one send at a time is let through, to try. */
  readonly is: 'closed' | 'open' | 'half-open';
  /** When the last sends failed that no success came between: as many as can open it. */
  readonly failedAtMs: readonly number[];
  /** When it opened last. */
  readonly openedAtMs: number;
  /** The send that tries has left then. */
  readonly trialAtMs?: number | undefined;
  /** The last status query has failed: one that is answered then tells that the gateway is back. */
  readonly asksFail: boolean;
}

export const closedCircuit: CircuitState = Object.freeze({
  is: 'closed',
  failedAtMs: [],
  openedAtMs: 0,
  asksFail: false,
});

/** Whether a send may leave now. */
export function admits(
  { is, openedAtMs, trialAtMs }: CircuitState,
  policy: Required<CircuitOptions>,
  nowMs: number,
): boolean {
  if (is === 'closed') return true;
  if (is === 'open') return nowMs - openedAtMs >= policy.openForMs;
  // A trial that was lost sight of keeps nobody out for ever.
  return trialAtMs === undefined || nowMs - trialAtMs >= policy.openForMs;
}

/** A send that it admits leaves. Where it is not closed, that is the trial. */
export const left = (state: CircuitState, nowMs: number): CircuitState =>
  state.is === 'closed' ? state : { ...state, is: 'half-open', trialAtMs: nowMs };

/**
 * A send has ended.
 *
 * @param leftAtMs when it left as the trial. Default: it left while the circuit was closed
 */
export function sent(
  state: CircuitState,
  policy: Required<CircuitOptions>,
  health: Health,
  nowMs: number,
  leftAtMs?: number,
): CircuitState {
  if (state.is === 'closed')
    return health === 'down' ? failed(state, policy, nowMs) : health === 'up' ? succeeded(state) : state;
  const isTrial = state.is === 'half-open' && leftAtMs !== undefined && leftAtMs === state.trialAtMs;
  if (isTrial && health === 'up') return succeeded(state);
  // Its queries have brought it here, and did not tell the truth about its sends.
  if (isTrial && health === 'down')
    return { ...state, is: 'open', openedAtMs: nowMs, trialAtMs: undefined, asksFail: false };
  if (isTrial) return { ...state, trialAtMs: undefined };
  // It left before the circuit opened.
  return state.is === 'open' && health === 'up' ? { ...state, is: 'half-open', trialAtMs: undefined } : state;
}

const succeeded = (state: CircuitState): CircuitState =>
  state.is === 'closed' && state.failedAtMs.length === 0 ? state : { ...closedCircuit, asksFail: state.asksFail };

function failed(state: CircuitState, { failures, withinMs }: Required<CircuitOptions>, nowMs: number): CircuitState {
  const failedAtMs = [...state.failedAtMs, nowMs].slice(-failures);
  const isTooMuch = failedAtMs.length === failures && nowMs - (failedAtMs[0] ?? nowMs) <= withinMs;
  return isTooMuch ? { ...state, failedAtMs, is: 'open', openedAtMs: nowMs } : { ...state, failedAtMs };
}

/**
 * A status query has ended. Where queries were answered all the while, they tell nothing of the sends; the first that is
 * answered again does.
 */
export function asked(state: CircuitState, health: Health): CircuitState {
  if (health === 'unsaid') return state;
  const asksFail = health === 'down';
  if (!asksFail && state.asksFail && state.is === 'open')
    return { ...state, asksFail, is: 'half-open', trialAtMs: undefined };
  return asksFail === state.asksFail ? state : { ...state, asksFail };
}

/** The circuits of one gateway object, one for each operation. They know what this object has seen, and nothing else. */
export interface Circuits {
  /** Whether a send may leave now. */
  admits(operation: string): boolean;
  /** Bytes are about to leave. `undefined`: they may not; else what `sent` wants to know. */
  leave(operation: string): Pass | undefined;
  /** What `leave` has let through has ended. @param code what it came to */
  sent(operation: string, pass: Pass, health: Health, code: string): void;
  /** A status query about a payment of this operation has ended. */
  asked(operation: string, health: Health): void;
}

/** What let a send through. `trialAtMs`: it is the one that tries. */
export interface Pass {
  readonly trialAtMs?: number | undefined;
}

const pass: Pass = Object.freeze({});

function watched(
  policy: Required<CircuitOptions>,
  nowMs: () => number,
  onChange: (operation: string, state: CircuitState, code: string) => void,
): Circuits {
  const states = new Map<string, CircuitState>();
  /** What the last failed send came to. */
  const codes = new Map<string, string>();
  const stateOf = (operation: string): CircuitState => states.get(operation) ?? closedCircuit;
  const change = (operation: string, state: CircuitState): void => {
    const before = stateOf(operation);
    if (state === before) return;
    states.set(operation, state);
    const told = state.is === 'closed' ? before : state;
    if (state.is !== before.is) onChange(operation, { ...told, is: state.is }, codes.get(operation) ?? 'unknown');
  };
  return {
    admits: operation => admits(stateOf(operation), policy, nowMs()),
    leave(operation) {
      const before = stateOf(operation);
      if (before.is === 'closed') return pass;
      const atMs = nowMs();
      if (!admits(before, policy, atMs)) return undefined;
      change(operation, left(before, atMs));
      return { trialAtMs: atMs };
    },
    sent(operation, { trialAtMs }, health, code) {
      if (health === 'down') codes.set(operation, code);
      change(operation, sent(stateOf(operation), policy, health, nowMs(), trialAtMs));
    },
    asked: (operation, health) => change(operation, asked(stateOf(operation), health)),
  };
}
