import { didYouMean } from '../core/did-you-mean.ts';
import { InputError } from '../core/errors.ts';
import { always, deliveredLate, faultNames, slowed, withRetryAfter } from './faults.ts';
import type { Always, Fault, FaultList, FaultName } from './faults.ts';
import { lives, states, type Life, type LifeStep } from './lives.ts';
import type { Script } from './simulator.ts';

/** Lives by their name, and what the number after the colon is. */
const namedLives: Readonly<Record<string, { readonly unit?: string; readonly life: (count: number) => Life }>> = {
  paid: { life: () => lives.paid() },
  declined: { life: () => lives.declined() },
  authorized: { life: () => lives.authorized() },
  open: { life: () => lives.open() },
  paidAfter: { unit: 'milliseconds', life: delayMs => lives.paidAfter(delayMs) },
  expiresAfter: { unit: 'milliseconds', life: delayMs => lives.expiresAfter(delayMs) },
  paidAfterQueries: { unit: 'queries', life: queries => lives.paidAfterQueries(queries) },
};

/** The names that `lifeFrom` knows. */
export const lifeNames: readonly string[] = /* @__PURE__ */ Object.keys(namedLives);

/**
 * A life out of JSON or of a command line: a name (`paid`, `declined`, `authorized`, `open`), a name with a number
 * (`paidAfter:90000` and `expiresAfter:900000` in milliseconds, `paidAfterQueries:2`), or a list of steps.
 *
 * @throws {InputError} with the name that was meant
 */
export function lifeFrom(value: unknown): Life {
  if (Array.isArray(value)) return lives.steps(value.map(stepFrom));
  if (typeof value !== 'string')
    throw new InputError(`A life is a name (${lifeNames.join(', ')}) or a list of steps such as [{"state":"paid"}].`);
  const [name = '', count] = value.split(':');
  const known = Object.hasOwn(namedLives, name) ? namedLives[name] : undefined;
  if (known === undefined) throw new InputError(`There is no life ${didYouMean(name, lifeNames)}`);
  if (known.unit === undefined && count !== undefined)
    throw new InputError(`The life ${name} takes no number; write "${name}".`);
  if (known.unit !== undefined && !/^\d{1,12}$/.test(count ?? ''))
    throw new InputError(`The life ${name} needs a whole number of ${known.unit}: "${name}:3000" for 3000.`);
  return known.life(Number(count ?? 0));
}

function stepFrom(value: unknown): LifeStep {
  const step = recordFrom('a step of a life', value, ['state', 'afterMs', 'afterQueries']);
  const { state, afterMs, afterQueries } = step;
  const known = states.find(each => each === state);
  if (known === undefined)
    throw new InputError(`A step of a life: there is no state ${didYouMean(nameOf(state), states)}`);
  return {
    state: known,
    ...(afterMs !== undefined && { afterMs: countFrom('a step of a life: afterMs', afterMs) }),
    ...(afterQueries !== undefined && { afterQueries: countFrom('a step of a life: afterQueries', afterQueries) }),
  };
}

/**
 * A fault out of JSON or of a command line: a name (`reset-after-booking`), `always:` and a name, or an object:
 * `{"always": "maintenance"}`, `{"slowedMs": 500, "fault": "none"}`, `{"retryAfter": "2", "fault": "rate-limited"}`,
 * `{"deliveredLateMs": 60000}`.
 *
 * @throws {InputError} with the name that was meant
 */
export function faultFrom(value: unknown): FaultName | Fault | Always {
  if (typeof value === 'string')
    return value.startsWith('always:') ? always(onceFrom(value.slice('always:'.length))) : onceFrom(value);
  const given = recordFrom('a fault', value, ['always', 'fault', 'slowedMs', 'retryAfter', 'deliveredLateMs']);
  return 'always' in given ? always(onceFrom(given['always'])) : onceFrom(value);
}

function onceFrom(value: unknown): FaultName | Fault {
  if (typeof value === 'string') {
    const name = faultNames.find(each => each === value);
    if (name === undefined) throw new InputError(`There is no fault ${didYouMean(value, faultNames)}`);
    return name;
  }
  const given = recordFrom('a fault', value, ['fault', 'slowedMs', 'retryAfter', 'deliveredLateMs']);
  const { fault = 'none', slowedMs, retryAfter, deliveredLateMs } = given;
  if (slowedMs !== undefined) return slowed(countFrom('a fault: slowedMs', slowedMs), onceFrom(fault));
  if (deliveredLateMs !== undefined) return deliveredLate(countFrom('a fault: deliveredLateMs', deliveredLateMs));
  if (typeof retryAfter === 'string' || typeof retryAfter === 'number')
    return withRetryAfter(String(retryAfter), onceFrom(fault));
  return onceFrom(fault);
}

/**
 * What happens to a reference, out of JSON: `life`, `nextTry`, `onSend`, `onQuery` and `on` of a {@link Script}, with
 * lives and faults as `lifeFrom` and `faultFrom` read them. A list may be a single fault.
 *
 * @throws {InputError} for an unknown name, or a value of another kind
 */
export function scriptFrom(value: unknown): Script {
  const given = recordFrom('a script', value, ['life', 'nextTry', 'onSend', 'onQuery', 'on']);
  const { life, nextTry, onSend, onQuery, on } = given;
  return {
    ...(life !== undefined && { life: lifeFrom(life) }),
    ...(nextTry !== undefined && { nextTry: lifeFrom(nextTry) }),
    ...(onSend !== undefined && { onSend: faultsFrom(onSend) }),
    ...(onQuery !== undefined && { onQuery: faultsFrom(onQuery) }),
    ...(on !== undefined && {
      on: Object.fromEntries(
        Object.entries(recordFrom('on', on)).map(([operation, list]) => [operation, faultsFrom(list)]),
      ),
    }),
  };
}

const faultsFrom = (value: unknown): FaultList => (Array.isArray(value) ? value : [value]).map(faultFrom);

const nameOf = (value: unknown): string => (typeof value === 'string' ? value : typeof value);

function countFrom(what: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InputError(`${what} must be a whole number, 0 or more.`);
}

function recordFrom(what: string, value: unknown, names?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InputError(`${what} must be an object.`);
  const unknown = names && Object.keys(value).find(name => !names.includes(name));
  if (names !== undefined && unknown !== undefined)
    throw new InputError(`${what} has no ${didYouMean(unknown, names)}`);
  return value as Readonly<Record<string, unknown>>;
}
