import { conceal, withoutQuotes } from '../core/conceal.ts';
import { InputError } from '../core/errors.ts';
import type { Fields } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import { carryOut } from '../engine/carry-out.ts';
import { keyOf } from '../engine/identity.ts';
import { Intention } from '../engine/intention.ts';
import { attend, isAbandoned, whenEnded } from '../engine/loops.ts';
import { writeOf } from '../engine/open-ticket.ts';
import { checkEffect, checkResend } from '../policies/policy.ts';
import { isDeep } from './depth.ts';
import type { Desk } from './desk.ts';
import { withExtraFields } from './extra-fields.ts';
import { repeated, type Joining } from './joining.ts';
import { openWrite, refuseNameless, startOf } from './open-write.ts';
import { checkOptions, settleOptions, type SettleOptions } from './options.ts';

type Settle = (name: string, fields: Fields, options?: SettleOptions) => Promise<Settlement>;

/** `settle`: one intention, one loop over its decision; a second caller of the same joins it. */
export function createSettle(desk: Desk, joining: Joining): Settle {
  const { adapter, registry, digestOf } = desk;

  const settle: Settle = async (name, fields, given = {}) => {
    const who = `${adapter.name} ${name}`;
    checkOptions(`${adapter.name} settle`, given, settleOptions);
    const operation = writeOf(adapter, name);
    if (operation.sendable === false)
      throw new InputError(`${who} has no confirmed path: name one in the adapter's paths option.`);
    checkEffect(given.policy);
    const policy = desk.policyOf(given.policy);
    if (isDeep(fields) || isDeep(given.extraFields)) throw new InputError(`${who}: the fields are nested too deeply.`);
    const ticket = openWrite(desk, operation, fields, 'all', given);
    const whole = withExtraFields(who, operation, fields, given.extraFields);
    given.signal?.throwIfAborted();
    refuseNameless(who, operation, ticket, given);
    const key = keyOf(ticket, operation);
    const digest = digestOf(operation, whole);
    const admission = registry.admit(key, { ticket, digest, newTry: given.newTry === true });
    if (admission.type === 'settled') return repeated(admission.settlement, given);
    if (admission.type === 'join') {
      if (!isAbandoned(admission.loop)) return joining.join(admission.loop, operation, given);
      await whenEnded(admission.loop);
      return settle(name, fields, given);
    }
    const start = startOf(desk, admission, given, ticket);
    if (start.mayHaveBeenSent !== true) checkResend(given.policy);
    const onTicket = desk.onTicketOf(given.onTicket);
    const intention = new Intention(desk.engine, {
      operation,
      fields: copyOf(whole),
      policy,
      attemptTimeoutMs: desk.attemptTimeoutMs(policy, desk.clientOptions.timeout),
      ...start,
      road: desk.road,
      ...(onTicket !== undefined && { onTicket }),
      reporter: desk.reporter,
    });
    const begun = { digest, intention, done: settlementOf(intention), endsWithCallers: true };
    const loop = joining.begin(key, begun);
    carryOut(intention, true);
    return attend(loop, given);
  };
  return settle;
}

/** What fails once a send may have landed leaves the payment open. */
const settlementOf = (intention: Intention): Promise<Settlement> =>
  intention.ended.catch((error: unknown) => {
    if (!intention.isFailed) throw error;
    if (intention.exposed) return intention.unresolved(error);
    conceal(error);
    throw withoutQuotes(error);
  });

/** What is sent later is what was given now, whatever the caller does to his fields meanwhile. */
const copyOf = (fields: Fields): Fields =>
  Object.values(fields).every(value => typeof value === 'string' || typeof value === 'number')
    ? { ...fields }
    : structuredClone(fields);
