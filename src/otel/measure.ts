import type { Attributes } from '@opentelemetry/api';
import type { GatewayEvent } from '../core/events.ts';
import type { WorkerEvent } from '../journal/worker/events.ts';
import { Codes, names } from './attributes.ts';
import type { Instruments } from './instruments.ts';

/** Ends that no payer and no merchant decided: something did not work. */
export const isTrouble: ReadonlySet<string> = new Set(['rejected', 'absent', 'unresolved', 'unsent']);

/** Events that somebody should know of, and that nothing else counts. */
const warnings: ReadonlySet<GatewayEvent['type']> = new Set<GatewayEvent['type']>([
  ...(['conflict', 'adapter-fault', 'resend-refused', 'ticket-not-stored', 'not-journaled'] as const),
  ...(['backoff-not-chosen', 'batch-off', 'quota', 'misspelt', 'unmatched'] as const),
]);

/** Counts a gateway's events. */
export class Measure {
  readonly #instruments: Instruments;
  readonly #codes = new Codes();
  /** The calls that are open, each with its attributes. */
  readonly #open = new Map<number, Attributes>();

  constructor(instruments: Instruments) {
    this.#instruments = instruments;
  }

  see(event: GatewayEvent): void {
    const of = { [names.gateway]: event.gateway, [names.operation]: event.operation };
    if ('call' in event) this.#count(event.call, event.type, of);
    const counters = this.#instruments;
    if (warnings.has(event.type)) this.#warn(of, event.type);
    switch (event.type) {
      case 'send':
        return counters.counter('tillpaid.sends').add(1, { ...of, [names.resend]: event.attempt > 1 });
      case 'ask':
        return counters.counter('tillpaid.polls').add(1, of);
      case 'lost': {
        const how = { [names.exchange]: event.of, [names.evidence]: event.evidence };
        const errorType = { [names.errorType]: this.#codes.shortened(event.code) };
        return counters.counter('tillpaid.lost').add(1, { ...of, ...how, ...errorType });
      }
      case 'unlisted':
        return counters
          .counter('tillpaid.unlisted_codes')
          .add(1, { ...of, [names.code]: this.#codes.shortened(event.code) });
      case 'cancel':
        return counters.counter('tillpaid.cancels').add(1, { ...of, [names.result]: event.standing });
      case 'settled':
        return this.#end(event, of);
      case 'stopped':
        return event.why === 'fault' ? this.#warn(of, 'fault') : undefined;
      case 'circuit':
        return counters.circuit(this, event.state !== 'closed', of);
      case 'notices':
        return event.trusted ? undefined : this.#warn(of, 'notices-stopped');
      case 'notice-received':
      case 'notice-refused': {
        const result = event.type === 'notice-received' ? 'received' : 'refused';
        return counters.counter('tillpaid.notices').add(1, { [names.gateway]: event.gateway, [names.result]: result });
      }
      default:
    }
  }

  /** It sees no more: what was open is not seen to end. */
  end(): void {
    for (const of of this.#open.values()) this.#instruments.upDown('tillpaid.payments.open').add(-1, of);
    this.#open.clear();
    this.#instruments.forget(this);
  }

  /** One more call, or one less. */
  #count(call: number, type: GatewayEvent['type'], of: Attributes): void {
    const isOver = type === 'settled' || type === 'stopped';
    const wasOpen = this.#open.has(call);
    if (isOver && wasOpen) {
      this.#open.delete(call);
      this.#instruments.upDown('tillpaid.payments.open').add(-1, of);
    } else if (!isOver && !wasOpen && this.#open.size < MOST_OPEN) {
      this.#open.set(call, of);
      this.#instruments.upDown('tillpaid.payments.open').add(1, of);
    }
  }

  #end(event: Extract<GatewayEvent, { type: 'settled' }>, of: Attributes): void {
    const { outcome, settledBy, openForMs, polls, code } = event;
    const ended = { ...of, [names.outcome]: outcome };
    const by = { ...ended, [names.settledBy]: settledBy };
    const errorType = isTrouble.has(outcome) ? { [names.errorType]: this.#codes.shortened(code) } : {};
    this.#instruments.counter('tillpaid.settlements').add(1, { ...by, ...errorType });
    this.#instruments.histogram('tillpaid.payment.duration').record(openForMs / 1000, by);
    this.#instruments.histogram('tillpaid.payment.polls').record(polls, ended);
  }

  #warn(of: Attributes, event: string): void {
    this.#instruments.counter('tillpaid.warnings').add(1, { ...of, [names.event]: event });
  }
}

/** As many as a gateway object keeps open, and more. */
const MOST_OPEN = 1_000_000;

/** Counts a worker's events. */
export function seeWorker(instruments: Instruments, event: WorkerEvent): void {
  const deliveries = (result: string): void =>
    instruments.counter('tillpaid.worker.deliveries').add(1, { [names.result]: result });
  switch (event.type) {
    case 'parked': {
      const { gateway, operation } = event.row;
      return instruments
        .counter('tillpaid.worker.parked')
        .add(1, { [names.gateway]: gateway, [names.operation]: operation });
    }
    case 'delivered':
      return deliveries('delivered');
    case 'delivery-failed':
      return deliveries('failed');
    case 'store-error':
    case 'lease-ended':
    case 'unserved':
    case 'newer':
    case 'fault':
      return instruments.counter('tillpaid.worker.errors').add(1, { [names.event]: event.type });
    default:
  }
}
