import type { CodeTable } from '../core/code-table.ts';
import type { Reading } from '../core/exchange.ts';

/** How a provider's notices are verified and read. */
export interface Webhook {
  /** Verifies the signature over the raw bytes, in constant time, and says what the signed part is about. */
  readonly hear: (delivery: Delivery) => Notice | Promise<Notice>;
  /** What each name a notice goes by means for the payment. */
  readonly codes: CodeTable;
  /**
   * The manual asks to confirm a notice by a status query. `followed`: the write that is known to be meant, else the
   * notice's own.
   */
  readonly confirm?: boolean | ((notice: HeardNotice, followed: string) => boolean);
  /**
   * What the provider wants to hear. `stored`: it may stop; `again`: it must send once more; `refused`: the signature
   * was wrong.
   */
  readonly reply: (word: 'stored' | 'again' | 'refused', notice: HeardNotice | undefined) => Reply;
}

/** A webhook request, wholly read. */
export interface Delivery {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  /** The body as it came. */
  readonly bytes: Uint8Array;
  /** The same as text. */
  readonly text: string;
  readonly nowMs: number;
}

/**
 * What a notice is. `reason` completes "refused: …" and quotes nothing of the request; `reply`: when it is not the
 * usual refusal.
 * `hint`: whose it would be, where the provider does not sign such notices; whoever waits for that payment asks, and
 * that is all.
 */
export type Notice =
  | HeardNotice
  | {
      readonly verified: false;
      readonly reason: string;
      readonly reply?: Reply;
      readonly hint?: Omit<HeardNotice, 'verified'>;
    };

export interface HeardNotice extends Reading {
  readonly verified: true;
  /** The write it is about, told by signed fields only. */
  readonly operation: string;
  /** When that write was opened, as far as the notice tells. */
  readonly openedAtMs?: number;
}

export interface Reply {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text is sent as it is, anything else as JSON. */
  readonly body: unknown;
}
