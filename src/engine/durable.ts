import type { Clock } from '../clock.ts';
import type { Fields, Operation, WriteOperation } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Adapter } from '../kit/adapter.ts';
import type { Circuits } from '../policies/circuit.ts';
import type { AskPolicy } from '../policies/policy.ts';
import type { Hold } from './hold.ts';
import type { OpenPayment } from './open-payment.ts';
import type { Registry, Wanted } from './registry.ts';
import type { Sealer } from './seal.ts';

/** What a gateway object's memory is backed by, so that nothing is forgotten with it. */
export interface JournalPort {
  attach(parts: Attached): Durable;
}

/** What a journal works with, of one gateway object. */
export interface Attached {
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly sealer: Sealer;
  /** Default: no send is held back. */
  readonly circuits?: Circuits | undefined;
  /** The journal could not be written, although the gateway has spoken: it will be asked again. */
  readonly onFailure: (ticket: Ticket) => void;
}

/** A write that a caller wants, before anything is decided about it. */
export interface Entering {
  readonly key: string | undefined;
  readonly wanted: Wanted;
  /** The caller says that an earlier run may have sent it. */
  readonly mayHaveBeenSent: boolean;
  readonly signal?: AbortSignal | undefined;
  /** It is a worker's, who has the row. Default: a caller's. */
  readonly sender?: Sender | undefined;
}

/** A worker that sends a prepared write, as long as its row is his. */
export interface Sender {
  readonly holder: string;
  readonly sendUntilMs: number;
  /** The row is the gateway's from here on. */
  readonly onTaken: () => void;
}

/** A write that is to be sent later. */
export interface Preparing {
  readonly operation: Operation & WriteOperation;
  readonly fields: Fields;
  readonly ticket: Ticket;
  readonly digest: string;
  readonly sendUntilMs: number;
  /** The caller's own transaction. */
  readonly db: unknown;
}

/** What the journal knows of the payment that a notice names. */
export interface Recalled {
  readonly ticket: Ticket;
  /** How it ended, in the words of its own write. Default: it is open. */
  readonly last?: { readonly outcome: Settlement['outcome']; readonly verdict: Verdict };
}

/** The gateway's own doors, for what a worker does. */
export interface Doors {
  settle(
    operation: string,
    fields: Fields,
    options: { readonly signal: AbortSignal; readonly idempotencyKey?: string },
    sender: Sender,
  ): Promise<Settlement>;
  /**
   * One step, whose result the registry knows and the journal does not: the worker stores it. It has a permit: a payment
   * that is due is asked about at once, and not after a wait of chance that keeps many apart.
   */
  step(
    payment: Ticket | OpenPayment,
    options: { readonly signal: AbortSignal; readonly policy?: AskPolicy },
  ): Promise<Step>;
}

/** What one step of an open payment came to. */
export type Step =
  | { readonly done: Settlement; readonly open?: undefined; readonly dueInMs?: undefined }
  /** Still open. Store it, and hand it to `step` again in so many milliseconds. */
  | { readonly open: OpenPayment; readonly dueInMs: number; readonly done?: undefined };

/** A gateway object's side of its journal. Whatever it promises is durable, and holds for every process. */
export interface Durable {
  /** The gateway is made. */
  open(gateway: object, doors: Doors): void;
  /** Resolves when digests can be made. @param db the caller's own transaction, which may have the last connection */
  ready(db?: unknown): Promise<void>;
  /** A keyed digest of the business fields, equal in every process. */
  digestOf(operation: Operation, fields: Fields): string;
  /**
   * Reads into the registry what is known of a write, waits while another process is busy with it, and makes it ours.
   * Then `take` runs at once: no other caller of this object comes between.
   *
   * @param take its argument is `undefined` where nothing may be sent: a loop of this object runs, or the end is known.
   * Where that is so no longer it gives `undefined`, and the row is read again
   * @throws what `take` throws, and the store's errors: then nothing was sent
   */
  enter<T>(entering: Entering, take: (hold: Hold | undefined) => T | undefined): Promise<T>;
  /**
   * Makes a change of what the registry knows of a payment, and stores it: on what the journal knew before.
   *
   * @param isNews a notice: it is due now, and no other process sends before it has looked
   */
  change(ticket: Ticket, change: () => void, isNews?: boolean): Promise<void>;
  /**
   * Reads into the registry what is known of a payment that is about to be asked about, once no caller of this object is
   * about to begin it.
   */
  load(ticket: Ticket): Promise<void>;
  /** What is known of a payment that a notice names. */
  recall(operation: Operation, reference: Ticket['reference']): Promise<Recalled | undefined>;
  /** Stores a write that is to be sent later. @returns the ticket it will be sent under */
  prepare(preparing: Preparing): Promise<Ticket>;
}
