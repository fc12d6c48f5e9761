import { isTicketText, type Ticket } from '../core/ticket.ts';
import { UNREADABLE } from '../kit/readers.ts';
import type { Sealer } from './seal.ts';

export type OnTicket = (ticket: Ticket) => unknown;

/**
 * The ticket of one payment: what it learns, and who is given each newer one to store. A ticket that cannot be stored
 * stops the first send, and nothing after it: from then on the payment matters more than its ticket.
 */
export class TicketKeeper {
  readonly #sealer: Sealer;
  /** As it came in, where it came with a seal. */
  readonly #opened: Ticket | undefined;
  readonly #onTicket: OnTicket | undefined;
  readonly #onFailure: () => void;
  #others: Set<OnTicket> | undefined;
  #ticket: Ticket;
  /** The last one that left: each is sealed once. */
  #sealed: { readonly of: Ticket; readonly ticket: Ticket } | undefined;
  #isStored = false;
  /** A newer ticket is being stored, and whether there is a newer one yet. */
  #isStoring = false;
  #isOutdated = false;

  /** @param onFailure a later ticket could not be stored */
  constructor(ticket: Ticket, sealer: Sealer, onTicket: OnTicket | undefined, onFailure: () => void) {
    this.#ticket = ticket;
    this.#opened = ticket.seal === undefined ? undefined : ticket;
    this.#sealer = sealer;
    this.#onTicket = onTicket;
    this.#onFailure = onFailure;
  }

  /** As it is now. */
  get current(): Ticket {
    return this.#ticket;
  }

  /** As it may leave: a copy, and sealed. */
  get copy(): Ticket {
    if (this.#sealed?.of !== this.#ticket)
      this.#sealed = { of: this.#ticket, ticket: this.#sealer.seal(this.#ticket, this.#opened) };
    const { ticket } = this.#sealed;
    return {
      ...ticket,
      reference: { ...ticket.reference },
      ...(ticket.expect !== undefined && { expect: { ...ticket.expect } }),
    };
  }

  /** A change that need not be stored at once. */
  update(change: Partial<Ticket>): void {
    this.#ticket = { ...this.#ticket, ...change };
  }

  /** Until when a cancel may give the money back. Default: none may. */
  mayBeGivenBack(until?: string): void {
    const { mayBeGivenBackUntil: _before, ...ticket } = this.#ticket;
    this.#ticket = until === undefined ? ticket : { ...ticket, mayBeGivenBackUntil: until };
    this.changed();
  }

  /** What an answer adds: that the gateway has the order, and numbers of these names that are not known yet. */
  learn(names: readonly string[], reference: Readonly<Record<string, string | undefined>>, isSeen: boolean): void {
    const learnt: Record<string, string> = {};
    let isNew = isSeen && !this.#ticket.seen;
    for (const name of names) {
      const value = Object.hasOwn(reference, name) ? reference[name] : undefined;
      if (!isTicketText(value) || value === UNREADABLE || Object.hasOwn(this.#ticket.reference, name)) continue;
      learnt[name] = value;
      isNew = true;
    }
    if (!isNew) return;
    const { seen, reference: known } = this.#ticket;
    this.update({ seen: seen || isSeen, reference: { ...known, ...learnt } });
    this.changed();
  }

  /** The ticket has been handed out before the first byte leaves. */
  get isStored(): boolean {
    return this.#isStored;
  }

  /** Write-ahead: the caller has it, or will once this resolves. @throws what `onTicket` throws: nothing may be sent */
  storeFirst(): Promise<void> | undefined {
    if (this.#onTicket === undefined) {
      this.#isStored = true;
      this.#notifyOthers();
      return undefined;
    }
    return this.#storeFirst(this.#onTicket);
  }

  async #storeFirst(onTicket: OnTicket): Promise<void> {
    this.#isStoring = true;
    try {
      await onTicket(this.copy);
    } finally {
      this.#isStoring = false;
    }
    this.#isStored = true;
    if (this.#isOutdated) void this.#storeNewest(onTicket);
    this.#notifyOthers();
  }

  /** There is a newer one. Nothing waits until it is stored, and none is stored over a newer one. */
  changed(): void {
    this.#isOutdated = true;
    if (!this.#isStoring && this.#onTicket !== undefined) void this.#storeNewest(this.#onTicket);
    this.#notifyOthers();
  }

  /**
   * One more caller wants the ticket whenever it learns more, and `now`; the returned function ends that. Nothing
   * waits for his store.
   */
  alsoNotify(onTicket: OnTicket, from: 'now' | 'next' = 'next'): () => void {
    let storing: Promise<unknown> = Promise.resolve();
    // One after the other, so that none is stored over a newer one.
    const notify = (ticket: Ticket): void => {
      storing = storing.then(() => onTicket(ticket)).catch(this.#onFailure);
    };
    const others = (this.#others ??= new Set());
    others.add(notify);
    if (from === 'now') notify(this.copy);
    return () => others.delete(notify);
  }

  async #storeNewest(onTicket: OnTicket): Promise<void> {
    this.#isStoring = true;
    while (this.#isOutdated) {
      this.#isOutdated = false;
      try {
        await onTicket(this.copy);
      } catch {
        this.#onFailure();
      }
    }
    this.#isStoring = false;
  }

  #notifyOthers(): void {
    for (const notify of this.#others ?? []) notify(this.copy);
  }
}
