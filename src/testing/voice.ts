import type { Fields } from '../core/operation.ts';

/**
 * How one gateway hears and speaks, for the simulator. A voice lives beside its adapter
 * (`adapters/<name>/simulator.ts`); the ledger, the lives of payments and the faults are the simulator's, and the same
 * for every gateway.
 */
export interface Voice {
  /** The gateway's name. */
  readonly gateway: string;
  /** The provider's own addresses, tokens' included: what is sent there in a test is meant for this voice. */
  readonly addresses?: readonly string[];
  /** What this gateway does with a second send of the same reference. */
  readonly sameReference: 'replays' | 'refuses' | 'books-again';
  /**
   * Understands a request and checks its signature with its own arithmetic, or refuses it. A request is heard also when
   * a fault then keeps it from the gateway: what only a request that was taken changes belongs in `say`.
   */
  hear(request: HeardRequest): Heard | Refusal | Promise<Heard | Refusal>;
  /** What the gateway answers in a situation. */
  say(situation: Situation): Answer;
  /**
   * Completes an answer on its way out (also a refusal), for a gateway that signs what it says. `body` is the text as
   * it is sent.
   */
  seal?(answer: Answer & { readonly body: string }, request: HeardRequest): Answer | Promise<Answer>;
  /** What it tells the shop of itself; missing: it tells nothing, or lacks the key to sign it with. */
  readonly notices?: VoiceNotices;
  /** Forgets the numbers that it has heard; tokens that it gave out stay good. */
  forget?(): void;
}

/** The webhooks of a gateway. */
export interface VoiceNotices {
  /**
   * The notice of an entry as it is now, in the provider's own signed words; `undefined` when the provider sends none of
   * this state.
   *
   * @param url where the shop is told, which some providers sign too
   */
  write(entry: Entry, nowMs: number, url: URL): Request | undefined | Promise<Request | undefined>;
  /** Whether the shop's reply ends it. Default: HTTP 200. */
  isAcknowledged?(reply: { readonly status: number; readonly body: string }): boolean;
  /** How often a notice that was not acknowledged is sent again. */
  readonly repeats: number;
}

export interface HeardRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
  readonly nowMs: number;
}

/** What a request asks of the ledger. */
export interface Heard {
  readonly operation: string;
  readonly fields: Fields;
  readonly act: /** An order the payer pays later. */
    | 'create'
    /** Money taken in the call. */
    | 'charge'
    | 'refund'
    | 'cancel'
    | 'capture'
    /** Asks about the payment `reference` names. */
    | 'query'
    /** Asks about the refund `reference` names. */
    | 'refund-query'
    /** Asks for everything there is: answered `done`, with the ledger's `entries`. */
    | 'list'
    /** Nothing the ledger keeps: always answered `done`. */
    | 'other';
  /** The merchant's number of the order or refund that is made or asked about. */
  readonly reference: string;
  /**
   * For a refund, a cancel or a capture: the payment it is about, by the merchant's number or the provider's. For a
   * charge: the open order that it confirms.
   */
  readonly of?: string;
  /** What this gateway recognises a repeated send by, where that is not the reference. */
  readonly idempotencyKey?: string;
  /** A cancel that also undoes a payment which was paid, and gives the money back. */
  readonly alsoWhenPaid?: true;
  /** In the provider's unit and notation. */
  readonly amount?: string;
  readonly currency?: string;
}

export interface Refusal {
  readonly refused: Answer;
  /** What is wrong, and how it must be, for a log: no provider's answer says it. Names fields, never quotes a value. */
  readonly because?: string;
}

export interface Answer {
  /** HTTP status, default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a string is sent as it is. */
  readonly body: unknown;
}

/** A payment or a refund as the ledger has it. */
export interface Entry {
  readonly kind: 'payment' | 'refund';
  readonly operation: string;
  readonly act: Heard['act'];
  readonly reference: string;
  /** The provider's own number. */
  readonly providerId: string;
  readonly fields: Fields;
  readonly amount: string;
  readonly currency: string | undefined;
  readonly openedAtMs: number;
  readonly state: EntryState;
  /** How often money really moved for it. */
  readonly bookings: number;
  /** A refund's payment. */
  readonly of: Entry | undefined;
  /** The try before it under the same number, which was declined. */
  readonly earlier?: Entry;
  /** What was refunded of a payment. */
  readonly refundedAmount: string | undefined;
}

/** `open`: waiting for the payer; `pending`: taken, not yet decided. */
export type EntryState = 'open' | 'pending' | 'authorized' | 'paid' | 'declined' | 'canceled' | 'expired' | 'refunded';

/** What the gateway is about to answer. */
export interface Situation {
  readonly heard: Heard;
  readonly nowMs: number;
  readonly answer: /** The write was accepted, or the query found it: answer by `entry.state`. */
    | 'state'
    /** An act without a ledger entry was done. */
    | 'done'
    | 'not-found'
    /** The reference is taken. */
    | 'duplicate'
    /** The payment is in a state that this write cannot change. */
    | 'already-final'
    | 'maintenance'
    | 'rate-limited'
    | 'system-error';
  readonly entry?: Entry;
  /** For a list: payments and refunds as they are now. */
  readonly entries?: readonly Entry[];
}
