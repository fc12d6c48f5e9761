import ky, { type KyInstance } from 'ky';
import { InputError } from '../core/errors.ts';
import { correlationIdOf } from '../engine/correlation.ts';
import type { Fields } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import { writeOf } from '../engine/open-ticket.ts';
import { ticketOf, verdictOf } from '../engine/results.ts';
import type { Adapter, AnswersByOperation, FieldsByOperation } from '../kit/adapter.ts';
import { checkEffect } from '../policies/policy.ts';
import { checkCancels, createCanceling } from './canceling.ts';
import { createParts, type GatewayParts } from './parts.ts';
import { dropIn, isGuardable, type Middleware } from './drop-in.ts';
import { createEnds } from './ends.ts';
import { createFollowing } from './follow.ts';
import type { Gateway } from './gateway.ts';
import { loaded } from './loaded.ts';
import { createJoining, type Joining } from './joining.ts';
import { openWrite } from './open-write.ts';
import { checkOptions, gatewayOptions, type GatewayOptions } from './options.ts';
import { plainFetch } from './plain-fetch.ts';
import type { ReceiverParts } from './receive.ts';
import { createSettle } from './settle.ts';
import { whenUnmatched } from './unmatched.ts';

/**
 * Puts tillpaid between your code and a payment gateway.
 *
 * @example
 * ```ts
 * const gateway = createGateway({ adapter: qfpay({ appCode, clientKey, environment: 'sandbox' }) });
 * const settlement = await gateway.settle('payment.charge', fields);
 * ```
 * @throws {InputError} for a policy or an adapter that cannot be used, and for a client of ky 1
 */
export function createGateway<F extends FieldsByOperation<F>, A extends AnswersByOperation<F, A> = object>(
  options: GatewayOptions<F, A>,
): Gateway<F, A> {
  const user = checkedClient(options);
  const parts = createParts(options, user);
  const { adapter, engine } = parts;
  const ends = createEnds();
  const onSettled = (settlement: Settlement): void => {
    ends.settled(settlement);
    engine.notices.watch?.ended(settlement);
  };
  const stepOf = (of: GatewayParts, isBackground = false): Gateway<F, A>['step'] =>
    loaded(
      () => import('./step.ts'),
      ({ createStep }) => createStep(of, onSettled, isBackground),
    );
  const canceling = createCanceling(parts, (name, fields, given, gate) => settle(name, fields, given, undefined, gate));
  const following = createFollowing(parts, () => joining, canceling);
  const receiver: ReceiverParts = {
    ends,
    adapter,
    clock: engine.clock,
    sealer: engine.sealer,
    loops: () => parts.registry.intentions(),
    ...(parts.policy.poll.notices === true && { notices: engine.notices }),
    inform: parts.inform,
    listens: () => parts.reporter.listens,
    about: parts.about,
    openTicket: ticket => parts.registry.openTicket(ticket),
    ask: ticket => following.ask(ticket),
    recall: (operation, reference) => parts.durable?.recall(operation, reference),
    onFinal: (ticket, verdict) =>
      parts.change(ticket, () => parts.registry.receiveVerdict(ticket, verdict, 'webhook'), true),
    onSeen: (ticket, verdict) => parts.change(ticket, () => parts.registry.markSeen(ticket, 'webhook', verdict), true),
    onConflict: (ticket, code) => parts.reportConflict(ticket, code),
    onFault: fault => parts.reportFault(fault),
  };
  const joining: Joining = createJoining(parts, onSettled, ({ ticket }, followed) =>
    following.untilSettled(ticket, followed),
  );
  const middleware: Middleware = {
    adapter,
    match: loaded(
      () => import('./drive-request.ts'),
      ({ createDriveRequest }) => createDriveRequest(parts, joining, canceling),
    ),
    unmatched: whenUnmatched(adapter, engine.clock, options.unmatched ?? 'event', parts),
  };
  const settle = createSettle(parts, joining, canceling);
  const gateway: Gateway<F, A> = {
    adapter: options.adapter,
    client: dropIn(user, middleware),
    fetch: plainFetch(user, middleware),
    // What a write answers is the adapter's to say: nothing here looks into it.
    settle: ((name, fields, given) => settle(name, fields as Fields, given)) as Gateway<F, A>['settle'],
    ...following,
    step: stepOf(parts),
    receive: loaded(
      () => import('./receive.ts'),
      ({ createReceiver }) => createReceiver(receiver),
    ),
    observe: parts.observe,
    correlationIdOf: ticket => correlationIdOf(adapter, ticket),
    verdictOf,
    ticketOf,
    ticketFor: (name, fields) => ticketFor(parts, name, fields as Fields),
    prepare: loaded(
      () => import('./prepare.ts'),
      ({ createPrepare }) => createPrepare(parts),
    ) as Gateway<F, A>['prepare'],
  };
  // A worker has read the row, stores what its step has come to, and asks at its own rate.
  const step = stepOf({ ...parts, durable: undefined, change: (_ticket, change) => change() }, true);
  parts.durable?.open(gateway, { settle, step });
  return gateway;
}

const ticketFor = (parts: GatewayParts, name: string, fields: Fields): Ticket =>
  parts.engine.sealer.seal(openWrite(parts, writeOf(parts.adapter, name), fields, 'all'));

/** The client that is to be used. @throws {InputError} for options that cannot be */
function checkedClient(options: GatewayOptions<object>): KyInstance {
  checkOptions('createGateway', options, gatewayOptions);
  const adapter = (options as Partial<GatewayOptions<object>> | undefined)?.adapter as Partial<Adapter> | undefined;
  if (typeof adapter?.classify !== 'function')
    throw new InputError('createGateway: pass an adapter, such as zalopay({ … }).');
  const user: KyInstance = options.client ?? ky;
  if (typeof user !== 'function' || typeof user.extend !== 'function')
    throw new InputError(
      'createGateway: client must be a ky instance, such as ky.create({ … }). Give another client gateway.fetch.',
    );
  if (!isGuardable(user)) {
    throw new InputError(
      'createGateway: client is an instance of ky 1 or older, past whose retries nothing could be protected. Install ky 2 (npm install ky@2) and make the client with it.',
    );
  }
  checkEffect(options.policy);
  checkCancels(adapter as Adapter, options.policy);
  return user;
}
