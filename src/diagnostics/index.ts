import { channel, type Channel } from 'node:diagnostics_channel';
import type { EventListener, ObserveOptions } from '../client/options.ts';
import { InputError } from '../core/errors.ts';
import type { GatewayEvent } from '../core/events.ts';
import type { WorkerEvent } from '../journal/worker/events.ts';

/** A gateway, as far as it is observed. */
export interface PublishedGateway {
  observe(listener: EventListener, options?: ObserveOptions): () => void;
}

const types: Readonly<Record<GatewayEvent['type'], true>> = {
  ...{ ticket: true, send: true, answer: true, lost: true, wait: true, ask: true, status: true, notice: true },
  ...{ unlisted: true, conflict: true, 'adapter-fault': true, 'resend-refused': true, 'ticket-not-stored': true },
  ...{ 'not-journaled': true, cancel: true, 'left-out': true, 'backoff-not-chosen': true, settled: true },
  ...{ stopped: true, 'batch-off': true, circuit: true, quota: true, notices: true, 'notice-received': true },
  ...{ 'notice-refused': true, misspelt: true, unmatched: true },
};

const workerTypes: Readonly<Record<WorkerEvent['type'], true>> = {
  ...{ 'store-error': true, 'lease-ended': true, unserved: true, newer: true, 'changed-elsewhere': true },
  ...{ settled: true, delivered: true, 'delivery-failed': true, parked: true, fault: true },
};

/** One channel for each type of event. */
const channelsOf = <T extends string>(prefix: string, of: Readonly<Record<T, true>>): Map<string, Channel> =>
  new Map(Object.keys(of).map(type => [type, channel(`${prefix}${type}`)]));

const channels = channelsOf('tillpaid:', types);
const workerChannels = channelsOf('tillpaid:worker:', workerTypes);
/** Around each exchange: a store that is bound to it (`bindStore`) is in force while the exchange runs. */
const exchanges = channel('tillpaid:exchange');
const all = [...channels.values(), exchanges];

/** The names of all channels there are. */
export const channelNames: readonly string[] = [...all, ...workerChannels.values()].map(({ name }) => String(name));

/**
 * Publishes a gateway's events on `node:diagnostics_channel`: each on `tillpaid:<type>`, as `onEvent` gets it. While
 * nobody subscribes, nothing is made to be published.
 *
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel';
 *
 * publishEvents(gateway);
 * subscribe('tillpaid:settled', event => console.log(event));
 * ```
 * @returns a function that ends it
 * @throws {InputError} for what is no gateway
 */
export function publishEvents(gateway: PublishedGateway): () => void {
  if (typeof (gateway as Partial<PublishedGateway> | undefined)?.observe !== 'function')
    throw new InputError('publishEvents: pass a gateway of createGateway.');
  return gateway.observe(event => publish(channels.get(event.type), event), {
    when: () => all.some(({ hasSubscribers }) => hasSubscribers),
    around: (exchange, run) => (exchanges.hasSubscribers ? exchanges.runStores(exchange, run) : run()),
  });
}

/** The same for a worker, each on `tillpaid:worker:<type>`: `createWorker({ onEvent: publishWorkerEvent })`. */
export function publishWorkerEvent(event: WorkerEvent): void {
  publish(workerChannels.get(event.type), event);
}

function publish(to: Channel | undefined, event: object): void {
  if (to?.hasSubscribers === true) to.publish(event);
}
