import type { Clock } from '../clock.ts';
import { exceeds, totalOf } from './amount.ts';
import type { Life } from './lives.ts';
import type { Entry, EntryState, Heard, Situation, Voice } from './voice.ts';

/**
 * What the gateway knows: payments and refunds, and how often money moved. The same rules for every gateway; how they
 * sound is the voice's. Time passes when somebody looks: the ledger sets no timer.
 */
export interface Books {
  /** Does what was heard, and says what came of it. */
  take(heard: Heard): Ruling;
  /** Everything there is, in the order it was accepted. */
  entries(): Entry[];
  /** The merchant's number, for either number of a payment or a refund. */
  merchantReference(kind: Entry['kind'], reference: string): string;
  /** From now on, whatever has this number goes on like this. */
  relive(reference: string, life: Life): void;
  /** What is in another state than at the last call, as it is now. */
  changes(): Entry[];
  /** When the next state comes by time alone; `undefined` when none does. */
  nextChangeAtMs(): number | undefined;
  /** Nothing was ever taken. */
  clear(): void;
}

/** Acts that open something in the ledger, each with a life of its own. */
export type Opening = Extract<Heard['act'], 'create' | 'charge' | 'refund'>;

type Ruling = Pick<Situation, 'answer' | 'entry' | 'entries'>;

interface Account {
  readonly kind: Entry['kind'];
  readonly heard: Heard;
  readonly providerId: string;
  readonly amount: string;
  readonly openedAtMs: number;
  readonly of: Account | undefined;
  /** The try before it under the same number. */
  readonly earlier: Account | undefined;
  /** Those of a payment. */
  readonly refunds: Account[];
  state: EntryState;
  /** Sends that were taken for this reference: each moves money once it is paid. */
  accepted: number;
  bookings: number;
  life: Life;
  lifeBeganAtMs: number;
  /** Queries since its life began. */
  queries: number;
  /** How many steps of its life are behind it. */
  lived: number;
  /** The state that `changes` told last. */
  told?: EntryState;
}

interface LedgerOptions {
  readonly clock: Clock;
  readonly sameReference: Voice['sameReference'];
  /** @param isNextTry whether a try under the same number was declined before */
  readonly lifeOf: (act: Opening, reference: string, isNextTry: boolean) => Life;
}

export const keepBooks = (options: LedgerOptions): Books => new Ledger(options);

class Ledger implements Books {
  readonly #clock: Clock;
  readonly #sameReference: Voice['sameReference'];
  readonly #lifeOf: LedgerOptions['lifeOf'];
  readonly #accounts: Account[] = [];
  /** By the merchant's number, the provider's, and the numbers of the cancels and captures that were done to it. */
  readonly #byNumber = { payment: new Map<string, Account>(), refund: new Map<string, Account>() };
  readonly #rules: Readonly<Record<Heard['act'], (heard: Heard) => Ruling>>;

  constructor({ clock, sameReference, lifeOf }: LedgerOptions) {
    this.#clock = clock;
    this.#sameReference = sameReference;
    this.#lifeOf = lifeOf;
    this.#rules = {
      create: heard => this.#pay('create', heard),
      charge: heard => (heard.of === undefined ? this.#pay('charge', heard) : this.#confirm(heard)),
      refund: heard => this.#refund(heard),
      cancel: heard => this.#change('canceled', mayBeCanceled, heard),
      capture: heard => this.#change('paid', payment => payment.state === 'authorized', heard),
      query: heard => this.#query('payment', heard),
      'refund-query': heard => this.#query('refund', heard),
      list: () => ({ answer: 'done', entries: this.entries() }),
      other: () => ({ answer: 'done' }),
    };
  }

  take(heard: Heard): Ruling {
    return this.#rules[heard.act](heard);
  }

  entries(): Entry[] {
    const nowMs = this.#clock.now();
    for (const account of this.#accounts) age(account, nowMs);
    return this.#accounts.map(view);
  }

  merchantReference(kind: Entry['kind'], reference: string): string {
    const account = this.#byNumber[kind].get(reference);
    return account?.providerId === reference ? account.heard.reference : reference;
  }

  relive(reference: string, life: Life): void {
    for (const kind of ['payment', 'refund'] as const) {
      const account = this.#look(kind, reference);
      if (account !== undefined) beginLife(account, life, this.#clock.now());
    }
  }

  changes(): Entry[] {
    const nowMs = this.#clock.now();
    const changed = this.#accounts.filter(account => {
      age(account, nowMs);
      return account.state !== account.told;
    });
    for (const account of changed) account.told = account.state;
    return changed.map(view);
  }

  nextChangeAtMs(): number | undefined {
    let nextAtMs: number | undefined;
    for (const { life, lived, queries, lifeBeganAtMs } of this.#accounts) {
      const step = life[lived];
      if (step === undefined || queries < (step.afterQueries ?? 0)) continue;
      nextAtMs = Math.min(nextAtMs ?? Infinity, lifeBeganAtMs + (step.afterMs ?? 0));
    }
    return nextAtMs;
  }

  clear(): void {
    this.#accounts.length = 0;
    this.#byNumber.payment.clear();
    this.#byNumber.refund.clear();
  }

  #look(kind: Entry['kind'], reference: string | undefined): Account | undefined {
    const account = reference === undefined ? undefined : this.#byNumber[kind].get(reference);
    if (account !== undefined) age(account, this.#clock.now());
    return account;
  }

  /** By the merchant's own number only. */
  #known(kind: Entry['kind'], { reference }: Heard): Account | undefined {
    const account = this.#look(kind, reference);
    return account?.heard.reference === reference ? account : undefined;
  }

  #open(
    act: Opening,
    heard: Heard,
    kind: Entry['kind'],
    amount: string,
    { of, earlier }: Partial<Pick<Account, 'of' | 'earlier'>> = {},
  ): Account {
    const nowMs = this.#clock.now();
    const account: Account = {
      kind,
      heard,
      providerId: providerIdOf(nowMs, this.#accounts.length + 1),
      amount,
      openedAtMs: nowMs,
      of,
      earlier,
      refunds: [],
      state: act === 'create' ? 'open' : 'pending',
      accepted: 1,
      bookings: 0,
      life: this.#lifeOf(act, heard.reference, earlier !== undefined),
      lifeBeganAtMs: nowMs,
      queries: 0,
      lived: 0,
    };
    this.#accounts.push(account);
    of?.refunds.push(account);
    this.#byNumber[kind].set(heard.reference, account).set(account.providerId, account);
    // The payer of an order acts after its answer was given; a charge and a refund are decided in the call.
    if (act !== 'create') age(account, nowMs);
    return account;
  }

  #pay(act: 'create' | 'charge', heard: Heard): Ruling {
    const before = this.#known('payment', heard);
    const amount = heard.amount ?? '0';
    if (before === undefined) return stateOf(this.#open(act, heard, 'payment', amount));
    if (this.#sameReference === 'refuses') return { answer: 'duplicate', entry: view(before) };
    return stateOf(
      isDeclined(before) ? this.#open(act, heard, 'payment', amount, { earlier: before }) : acceptAgain(before),
    );
  }

  #confirm(heard: Heard): Ruling {
    const order = this.#look('payment', heard.of);
    if (order === undefined) return { answer: 'not-found' };
    if (!mayBePaid(order)) return { answer: 'already-final', entry: view(order) };
    this.#byNumber.payment.set(heard.reference, order);
    move(order, 'pending');
    const nowMs = this.#clock.now();
    beginLife(order, this.#lifeOf('charge', order.heard.reference, false), nowMs);
    age(order, nowMs);
    return stateOf(order);
  }

  #refund(heard: Heard): Ruling {
    const before = this.#known('refund', heard);
    if (before !== undefined && this.#sameReference === 'refuses') return { answer: 'duplicate', entry: view(before) };
    const payment = this.#look('payment', before?.of?.providerId ?? heard.of);
    if (payment === undefined) return { answer: 'not-found' };
    const amount = heard.amount ?? payment.amount;
    const taken = payment.refunds
      .filter(({ state }) => state !== 'declined')
      .flatMap(each => repeated(each.amount, each.accepted));
    if (payment.state !== 'paid' || exceeds(totalOf([...taken, amount]), payment.amount))
      return { answer: 'already-final', entry: view(payment) };
    const account =
      before === undefined ? this.#open('refund', heard, 'refund', amount, { of: payment }) : acceptAgain(before);
    age(payment, this.#clock.now());
    return stateOf(account);
  }

  /** A write that changes a payment's state, or finds that it cannot. It is found by its own number afterwards. */
  #change(state: EntryState, may: (payment: Account, heard: Heard) => boolean, heard: Heard): Ruling {
    const payment = this.#look('payment', heard.of ?? heard.reference);
    if (payment === undefined) return { answer: 'not-found' };
    if (!may(payment, heard)) return { answer: 'already-final', entry: view(payment) };
    this.#byNumber.payment.set(heard.reference, payment);
    move(payment, state);
    beginLife(payment, [], this.#clock.now());
    return stateOf(payment);
  }

  #query(kind: Entry['kind'], heard: Heard): Ruling {
    const account = this.#look(kind, heard.reference);
    if (account === undefined) return { answer: 'not-found' };
    account.queries++;
    return stateOf(account);
  }
}

const beginLife = (account: Account, life: Life, nowMs: number): void => {
  Object.assign(account, { life, lifeBeganAtMs: nowMs, queries: 0, lived: 0 } satisfies Partial<Account>);
};

/** The reference was there before, and this gateway does not mind: the money moves once more. */
const acceptAgain = (account: Account): Account => {
  account.accepted++;
  book(account);
  return account;
};

const stateOf = (account: Account): Ruling => ({ answer: 'state', entry: view(account) });

/** Lives through everything that has happened until now. */
function age(account: Account, nowMs: number): void {
  for (let step = account.life[account.lived]; step !== undefined; step = account.life[account.lived]) {
    if (nowMs - account.lifeBeganAtMs < (step.afterMs ?? 0) || account.queries < (step.afterQueries ?? 0)) break;
    account.lived++;
    move(account, step.state);
  }
  for (const refund of account.refunds) age(refund, nowMs);
  const isGone = account.refunds.length > 0 && !exceeds(account.amount, refundedOf(account));
  if (account.state === 'paid' && isGone) account.state = 'refunded';
}

function move(account: Account, state: EntryState): void {
  account.state = state;
  book(account);
}

/** Money moves once for every send that was accepted, when its payment is paid or has been. */
function book(account: Account): void {
  if (account.state === 'paid' || account.bookings > 0) account.bookings = account.accepted;
}

const refundedOf = ({ refunds }: Account): string =>
  totalOf(refunds.flatMap(({ amount, bookings }) => repeated(amount, bookings)));

const repeated = (amount: string, times: number): string[] => Array.from({ length: times }, () => amount);

/** A charge that was declined is over; the payer of an order may try again. */
const mayBePaid = ({ state, heard }: Account): boolean =>
  state === 'open' || (state === 'declined' && heard.act === 'create');

/**
 * A charge under the number of a declined one is another try, with a number of the provider's and a life of its own.
 */
const isDeclined = ({ state, heard }: Account): boolean => state === 'declined' && heard.act === 'charge';

const isOpen = (account: Account): boolean =>
  mayBePaid(account) || account.state === 'pending' || account.state === 'authorized';

const mayBeCanceled = (payment: Account, { alsoWhenPaid }: Heard): boolean =>
  isOpen(payment) || (payment.state === 'paid' && alsoWhenPaid === true);

/** 15 digits, as the shortest of the gateways has them: the day, then a count. */
function providerIdOf(nowMs: number, count: number): string {
  return new Date(nowMs).toISOString().slice(2, 10).replaceAll('-', '') + String(count).padStart(9, '0');
}

/** The account as a voice and a test may see it: what it is now, and no more than that. */
function view(account: Account): Entry {
  const { kind, heard, providerId, amount, openedAtMs, state, bookings, of, earlier } = account;
  const returned = state === 'canceled' && bookings > 0 ? amount : refundedOf(account);
  return Object.freeze({
    kind,
    operation: heard.operation,
    act: heard.act,
    reference: heard.reference,
    providerId,
    fields: heard.fields,
    amount,
    currency: heard.currency,
    openedAtMs,
    state,
    bookings,
    of: of && view(of),
    ...(earlier !== undefined && { earlier: view(earlier) }),
    refundedAmount: exceeds(returned, '0') ? returned : undefined,
  });
}
