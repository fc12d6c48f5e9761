import type { CodeTable } from '../core/code-table.ts';
import { InputError } from '../core/errors.ts';
import type { Reading } from '../core/exchange.ts';
import { MINUTE_MS } from './times.ts';

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
   * The reply that the provider expects. `stored`: it may stop; `again`: it must send once more; `refused`: the
   * signature was wrong.
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
 * `hint`: the payment it would be about, where the provider does not sign such notices: the loop that waits for that
 * payment sends its status query, and nothing else is done.
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
  /** The write it is about, read from signed fields only. */
  readonly operation: string;
  /** When that write was opened, as far as the notice says. */
  readonly openedAtMs?: number;
}

export interface Reply {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text is sent as it is, anything else as JSON. */
  readonly body: unknown;
}

/** The reply that the provider expects in each case, where it is the same for all its notices. */
export type Replies = Readonly<Record<Parameters<Webhook['reply']>[0], Reply>>;

/**
 * Notices that are JSON and signed as a whole: what is not the gateway's is refused before it is read.
 *
 * `whatIsWrong` completes "refused: …", see {@link wrongSignature}. `unsigned` is what becomes of a notice that is
 * refused so. Default: it is {@link refused}.
 */
export function signedNotices({
  codes,
  confirm,
  replies,
  whatIsWrong,
  noticeOf,
  unsigned = refused,
}: Pick<Webhook, 'codes' | 'confirm'> & {
  readonly replies: Replies | Webhook['reply'];
  readonly whatIsWrong: (delivery: Delivery) => string | undefined | Promise<string | undefined>;
  readonly noticeOf: (body: unknown) => Notice;
  readonly unsigned?: (reason: string, delivery: Delivery) => Notice;
}): Webhook {
  return {
    codes,
    ...(confirm !== undefined && { confirm }),
    reply: typeof replies === 'function' ? replies : word => replies[word],
    hear: async delivery => {
      const wrong = await whatIsWrong(delivery);
      return wrong === undefined ? noticeOf(JSON.parse(delivery.text)) : unsigned(wrong, delivery);
    },
  };
}

/**
 * Notices of a provider whose key the user did not give: nothing can be received.
 *
 * @param advice such as `acme: pass webhookSecret to receive notices: it is the key of their signatures.`
 */
export function unreceivable(codes: CodeTable, advice: string): Webhook {
  const refuse = (): never => {
    throw new InputError(advice);
  };
  return { codes, hear: refuse, reply: refuse };
}

/** A notice that is not believed, and why. */
export const refused = (reason: string): Notice => ({ verified: false, reason });

/** How a notice is signed, in headers named as the provider writes them. */
export interface NoticeSignature {
  readonly header: string;
  /** Whether that header's value is right; `time` is what the header of the time says. */
  readonly isRight: (given: string, time: string) => boolean | Promise<boolean>;
  /** When it was signed, and how far that may be from this machine's clock. Default: it is not said. */
  readonly time?: {
    readonly header: string;
    readonly withinMs: number;
    /** In milliseconds since the epoch. Default `Date.parse`. */
    readonly read?: (time: string) => number;
  };
}

/** What is wrong with a notice's signature, or with its age; `undefined` when it is the gateway's and fresh. */
export async function wrongSignature(
  { headers, nowMs }: Delivery,
  { header, isRight, time }: NoticeSignature,
): Promise<string | undefined> {
  const given = headers.get(header);
  if (given === null) return `the header ${header} is missing`;
  const signedAt = time === undefined ? '' : headers.get(time.header);
  if (time !== undefined && signedAt === null) return `the header ${time.header} is missing`;
  if (!(await isRight(given, signedAt ?? ''))) return 'the signature is not that of this notice';
  if (time === undefined) return undefined;
  const { read = Date.parse, withinMs } = time;
  const isFresh = Math.abs(nowMs - read(signedAt ?? '')) <= withinMs;
  return isFresh ? undefined : `${time.header} is not within ${withinMs / MINUTE_MS} minutes of this machine’s clock`;
}

/** Whether a notice, by any of its names, says success: any other state may belong to an earlier try. */
export const tellsSuccess = (codes: CodeTable, { names }: Pick<Reading, 'names'>): boolean =>
  names.some(name => {
    const row = Object.hasOwn(codes, name) ? codes[name] : undefined;
    return row?.kind === 'terminal' && row.outcome === 'succeeded';
  });
