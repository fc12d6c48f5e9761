import { InputError } from '../core/errors.ts';
import type { Fields } from '../core/operation.ts';
import type { Ticket } from '../core/ticket.ts';
import { writeOf } from '../engine/open-ticket.ts';
import { isDeep } from './depth.ts';
import { openWrite, refuseNameless } from './open-write.ts';
import { checkOptions, prepareOptions, type PrepareOptions } from './options.ts';
import type { GatewayParts } from './parts.ts';

/** Nobody is charged hours after he left. */
const SEND_WITHIN_MS = 15 * 60_000;

/** `prepare`: a write that is stored now, beside the caller's own order, and sent later. */
export function createPrepare(
  parts: GatewayParts,
): (name: string, fields: Fields, options?: PrepareOptions) => Promise<Ticket> {
  const { adapter, engine, durable } = parts;
  return async (name, fields, options = {}) => {
    const who = `${adapter.name} prepare`;
    checkOptions(who, options, prepareOptions);
    if (durable === undefined)
      throw new InputError(`${who}: there is no journal to store it in. Pass one to createGateway({ journal }).`);
    const operation = writeOf(adapter, name);
    if (operation.sendable === false)
      throw new InputError(`${adapter.name} ${name} has no confirmed path: name one in the adapter's paths option.`);
    if (isDeep(fields)) throw new InputError(`${adapter.name} ${name}: the fields are nested too deeply.`);
    const { db, sendUntil, idempotencyKey } = options;
    const given = idempotencyKey === undefined ? {} : { idempotencyKey };
    const ticket = engine.sealer.seal(openWrite(parts, operation, fields, 'all', given));
    refuseNameless(`${adapter.name} ${name}`, operation, ticket, given);
    if (operation.payerNeedsAnswer?.(fields) === true)
      throw new InputError(
        `${adapter.name} ${name}: its payer needs its answer, such as a link or a code, which no journal stores. Send it at once, with settle.`,
      );
    const kept = storable(`${adapter.name} ${name}`, fields, operation.storable ?? []);
    const nowMs = engine.clock.now();
    const sendUntilMs = sendUntil === undefined ? nowMs + SEND_WITHIN_MS : new Date(sendUntil).getTime();
    if (sendUntilMs <= nowMs) throw new InputError(`${who}: sendUntil has passed. Nothing was stored.`);
    await durable.ready(db);
    const digest = parts.digestOf(operation, kept);
    return durable.prepare({ operation, fields: kept, ticket, digest, sendUntilMs, db });
  };
}

/** The fields, as they were when the call began. @throws {InputError} for one that no journal may store */
function storable(who: string, fields: Fields, names: readonly string[]): Fields {
  if (names.length === 0)
    throw new InputError(
      `${who}: what it needs may be secret or personal, and no journal stores it. Send it with settle.`,
    );
  for (const name of Object.keys(fields)) {
    if (fields[name] === undefined || names.includes(name)) continue;
    throw new InputError(
      `${who}: ${JSON.stringify(name.slice(0, 60))} may be secret or personal, and no journal stores it. Send it at once, with settle.`,
    );
  }
  return structuredClone(fields);
}
