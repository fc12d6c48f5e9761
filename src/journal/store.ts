import type { Fields } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { OpenPayment } from '../engine/open-payment.ts';
import type { Entry } from '../engine/payment-store.ts';

/**
 * Where one write is in its life.
 *
 * - `intended`: it is about to be sent, and no byte has left.
 * - `leaving`: bytes may have left, and no answer is known.
 * - `open`: it may have been processed, or its payer must act: it is followed.
 * - `settled`: the gateway has said how it ended, or that there is no such order. Not all of it is delivered yet.
 * - `delivered`: the same, and `onSettled` has taken it.
 * - `archived`: old, and kept only so that its number is not used again.
 * - `unsent`: nothing was sent, or all that was sent was refused: the same may simply be sent again.
 * - `parked`: nothing more is done for it until a person has looked at it.
 */
export type RowState = 'intended' | 'leaving' | 'open' | 'settled' | 'delivered' | 'archived' | 'unsent' | 'parked';

/** What is stored of a row: plain JSON. No credential, no field that is secret, no body of an answer. */
export interface RowData {
  /** Of this layout: 1. */
  readonly version: number;
  /** The version of the adapter that wrote it. */
  readonly adapterVersion: number;
  /** What makes two writes one, in the adapter's number space. */
  readonly key: string;
  readonly ticket: Ticket;
  /** A keyed digest of the fields; it begins with the name of the key that made it. Default: they are not known. */
  readonly digest?: string;
  /** What is known of the number, earlier tries included. Default: nothing but this row. */
  readonly entry?: Entry;
  /** The state of following it, between two steps. Default: it was not asked about yet. */
  readonly open?: OpenPayment;
  /** When following it ends, whatever happens to the process. Milliseconds since the epoch. */
  readonly followUntilMs?: number;
  /** What `onSettled` has still to take, the oldest first. */
  readonly deliveries: readonly Delivery[];
  /** How many deliveries there were, by which the next one is named. */
  readonly delivered: number;
  /** The outcome of the latest of them: the same is not delivered again. Default: there was none. */
  readonly told?: Settlement['outcome'];
  /** How often in a row `onSettled` has failed. */
  readonly failures: number;
  /** When `onSettled` is called again, once it has failed. Milliseconds since the epoch. */
  readonly deliverFromMs?: number;
  /** All that a worker needs to send it. Default: only who has the fields can. */
  readonly prepared?: Prepared;
  /** It was found without anybody to send it, and from then on its merchant is told so. Milliseconds since the epoch. */
  readonly unsentFromMs?: number;
  readonly parked?: Parked;
}

export interface Delivery {
  /** Unique, and the same however often it is delivered. */
  readonly id: string;
  /** Without the write's own answer and without a body: neither is stored. */
  readonly settlement: Settlement;
}

export interface Prepared {
  readonly fields: Fields;
  /** Nobody is charged hours after he left. Milliseconds since the epoch. */
  readonly sendUntilMs: number;
}

export interface Parked {
  /** What happened, in a sentence. */
  readonly reason: string;
  /** What a person should do. */
  readonly advice: string;
  readonly atMs: number;
  /** The state it was in. */
  readonly from: RowState;
}

/** One write of one merchant account. */
export interface Row extends RowContent {
  /** Unique: the account and the key. */
  readonly id: string;
  /** Gateway, account, environment and base URL: who can ask about it. */
  readonly account: string;
  /** Grows by one with every change, whoever makes it. */
  readonly fence: number;
  /** Whether its holder's lease is good, by the journal's own clock: then no other process may touch it. */
  readonly isHeld: boolean;
  /** When it was first written. Milliseconds since the epoch. */
  readonly openedAtMs: number;
  readonly changedAtMs: number;
  /** The store's own mark of the turn in which the row was taken, if it needs one. */
  readonly turn?: string;
}

/** What a change sets; all of it at once. */
export interface RowContent {
  readonly state: RowState;
  /** Which gateway object or worker is busy with it. `undefined`: none. */
  readonly holder: string | undefined;
  /** When a worker is to look at it. `undefined`: never by itself. Milliseconds since the epoch. */
  readonly dueAtMs: number | undefined;
  /** The numbers it goes by, each with its name, as JSON texts: a notice finds it by one of them. */
  readonly names: readonly string[];
  readonly data: RowData;
}

/** A change counts only while nothing else has changed the row since it was read. */
export interface Change {
  readonly row: Pick<Row, 'id' | 'fence' | 'turn'>;
  readonly set: RowContent;
}

export interface Turn {
  /** Who takes them: the rows are his until he gives them back, or his lease ends. */
  readonly holder: string;
  /** Those he can serve; the rows of others stay where they are. */
  readonly accounts: readonly string[];
  readonly limit: number;
}

export interface RowFilter {
  readonly state?: RowState;
  readonly account?: string;
  /** Default 100. */
  readonly limit?: number;
  /** Rows opened before this, for the next page. Milliseconds since the epoch. */
  readonly openedBeforeMs?: number;
}

/** How many rows an account has in one state, and how many are overdue: they are due, and no live holder has them. */
export interface RowCount {
  readonly account: string;
  readonly state: RowState;
  readonly rows: number;
  readonly overdue: number;
  /** When the longest overdue one was due. Milliseconds since the epoch. */
  readonly oldestDueAtMs?: number;
}

/** What an account has that should have been looked at by now. */
export interface Overdue {
  readonly account: string;
  readonly rows: number;
  readonly oldestDueAtMs: number;
}

/**
 * Where rows are kept, and who is busy with them. All judgement is elsewhere: a store inserts, reads, and changes a row
 * where its fence is what was read. Whatever a promise of it resolved to is durable, and seen by every process.
 *
 * Any method may reject: then nothing is known of what it did, and the caller asks again or sends nothing.
 */
export interface JournalStore {
  /** For messages: `sqlite payments.db`. */
  readonly name: string;
  /** Inserts a row with fence 1. `false`: there is one of that id. @param db the caller's transaction */
  insert(row: Omit<Row, 'fence' | 'isHeld' | 'changedAtMs' | 'turn'>, db?: unknown): Promise<boolean>;
  /** @param db the caller's transaction: it sees what that has inserted and changed, and needs no other connection */
  get(id: string, db?: unknown): Promise<Row | undefined>;
  /** The rows of an account that go by one of these names. */
  find(account: string, names: readonly string[]): Promise<Row[]>;
  /**
   * Makes each change whose row has still the fence it was read with, in one transaction; the row's fence is then one
   * more. One answer for each, in order: `false` where it was not made. @param db the caller's transaction
   */
  update(changes: readonly Change[], db?: unknown): Promise<readonly boolean[]>;
  /**
   * Takes rows that are due and that no live holder has: the newest first (`openedAtMs`, to the second), at most
   * `limit`. Each is then the holder's, with a fence of one more; its state and its time stay until he changes them.
   */
  take(turn: Turn): Promise<Row[]>;
  /** A holder's lease is good for so long from now at least: no call shortens it. It covers every row he has. */
  renew(holder: string, forMs: number): Promise<void>;
  /** A holder has ended: what he has is free at once. */
  release(holder: string): Promise<void>;
  /**
   * How many of so many exchanges an account may have now, `perSecond` at most over all processes, and none that was not
   * granted.
   */
  permits(account: string, wanted: number, perSecond: number): Promise<number>;
  /** Runs `work` in a transaction of the store's; what it rejects with undoes it. `db` is what `update` takes. */
  transaction<T>(work: (db: unknown) => Promise<T>): Promise<T>;
  /** The newest first. */
  list(filter: RowFilter): Promise<Row[]>;
  counts(): Promise<RowCount[]>;
  /**
   * Of every account that has overdue rows, how many, and since when: the same as `counts`, and cheap however many rows
   * there are, since each worker asks it four times a minute.
   */
  overdue(): Promise<Overdue[]>;
  /** Deletes rows of a state that have not changed since then, without what they have to deliver. @returns how many */
  purge(state: RowState, changedBeforeMs: number): Promise<number>;
  /**
   * 32 bytes that were drawn when the journal was made: the same for every process.
   *
   * @param db the caller's transaction: no other connection is needed to read it
   */
  salt(db?: unknown): Promise<Uint8Array>;
  close(): Promise<void>;
}
