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
}

/** Acts that open something in the ledger, each with a life of its own. */
export type Opening = Extract<Heard['act'], 'create' | 'charge' | 'refund'>;

export type Ruling = Pick<Situation, 'answer' | 'entry' | 'entries'>;

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
}

export function keepBooks(options: {
  clock: Clock;
  sameReference: Voice['sameReference'];
  /** @param isNextTry whether a try under the same number was declined before */
  lifeOf: (act: Opening, reference: string, isNextTry: boolean) => Life;
}): Books {
  const { clock, sameReference, lifeOf } = options;
  const accounts: Account[] = [];
  /** By the merchant's number, the provider's, and the numbers of the cancels and captures that were done to it. */
  const byNumber = { payment: new Map<string, Account>(), refund: new Map<string, Account>() };

  const look = (kind: Entry['kind'], reference: string | undefined): Account | undefined => {
    const account = reference === undefined ? undefined : byNumber[kind].get(reference);
    if (account !== undefined) age(account, clock.now());
    return account;
  };

  const beginLife = (account: Account, life: Life, nowMs: number): void => {
    Object.assign(account, { life, lifeBeganAtMs: nowMs, queries: 0, lived: 0 } satisfies Partial<Account>);
  };

  const open = (
    act: Opening,
    heard: Heard,
    kind: Entry['kind'],
    amount: string,
    { of, earlier }: Partial<Pick<Account, 'of' | 'earlier'>> = {},
  ): Account => {
    const nowMs = clock.now();
    const account: Account = {
      kind,
      heard,
      providerId: providerIdOf(nowMs, accounts.length + 1),
      amount,
      openedAtMs: nowMs,
      of,
      earlier,
      refunds: [],
      state: act === 'create' ? 'open' : 'pending',
      accepted: 1,
      bookings: 0,
      life: lifeOf(act, heard.reference, earlier !== undefined),
      lifeBeganAtMs: nowMs,
      queries: 0,
      lived: 0,
    };
    accounts.push(account);
    of?.refunds.push(account);
    byNumber[kind].set(heard.reference, account).set(account.providerId, account);
    // The payer of an order acts after its answer was given; a charge and a refund are decided in the call.
    if (act !== 'create') age(account, nowMs);
    return account;
  };

  /** The reference was there before, and this gateway does not mind: the money moves once more. */
  const acceptAgain = (account: Account): Account => {
    account.accepted++;
    book(account);
    return account;
  };

  const known = (kind: Entry['kind'], { reference }: Heard): Account | undefined => {
    const account = look(kind, reference);
    return account?.heard.reference === reference ? account : undefined;
  };

  const pay =
    (act: 'create' | 'charge') =>
    (heard: Heard): Ruling => {
      const before = known('payment', heard);
      if (before === undefined) return stateOf(open(act, heard, 'payment', heard.amount ?? '0'));
      if (sameReference === 'refuses') return { answer: 'duplicate', entry: view(before) };
      return stateOf(
        isDeclined(before)
          ? open(act, heard, 'payment', heard.amount ?? '0', { earlier: before })
          : acceptAgain(before),
      );
    };

  const confirm = (heard: Heard): Ruling => {
    const order = look('payment', heard.of);
    if (order === undefined) return { answer: 'not-found' };
    if (!mayBePaid(order)) return { answer: 'already-final', entry: view(order) };
    byNumber.payment.set(heard.reference, order);
    move(order, 'pending');
    const nowMs = clock.now();
    beginLife(order, lifeOf('charge', order.heard.reference, false), nowMs);
    age(order, nowMs);
    return stateOf(order);
  };

  const refund = (heard: Heard): Ruling => {
    const before = known('refund', heard);
    if (before !== undefined && sameReference === 'refuses') return { answer: 'duplicate', entry: view(before) };
    const payment = look('payment', before?.of?.providerId ?? heard.of);
    if (payment === undefined) return { answer: 'not-found' };
    const amount = heard.amount ?? payment.amount;
    const taken = payment.refunds
      .filter(({ state }) => state !== 'declined')
      .flatMap(each => repeated(each.amount, each.accepted));
    if (payment.state !== 'paid' || exceeds(totalOf([...taken, amount]), payment.amount)) {
      return { answer: 'already-final', entry: view(payment) };
    }
    const account =
      before === undefined ? open('refund', heard, 'refund', amount, { of: payment }) : acceptAgain(before);
    age(payment, clock.now());
    return stateOf(account);
  };

  /** A write that changes a payment's state, or finds that it cannot. It is found by its own number afterwards. */
  const change =
    (state: EntryState, may: (payment: Account, heard: Heard) => boolean) =>
    (heard: Heard): Ruling => {
      const payment = look('payment', heard.of ?? heard.reference);
      if (payment === undefined) return { answer: 'not-found' };
      if (!may(payment, heard)) return { answer: 'already-final', entry: view(payment) };
      byNumber.payment.set(heard.reference, payment);
      move(payment, state);
      beginLife(payment, [], clock.now());
      return stateOf(payment);
    };

  const query =
    (kind: Entry['kind']) =>
    (heard: Heard): Ruling => {
      const account = look(kind, heard.reference);
      if (account === undefined) return { answer: 'not-found' };
      account.queries++;
      return stateOf(account);
    };

  const everything = (): Entry[] => {
    const nowMs = clock.now();
    for (const account of accounts) age(account, nowMs);
    return accounts.map(view);
  };

  const rules: Readonly<Record<Heard['act'], (heard: Heard) => Ruling>> = {
    create: pay('create'),
    charge: heard => (heard.of === undefined ? pay('charge') : confirm)(heard),
    refund,
    cancel: change(
      'canceled',
      (payment, heard) => isOpen(payment) || (payment.state === 'paid' && heard.alsoWhenPaid === true),
    ),
    capture: change('paid', payment => payment.state === 'authorized'),
    query: query('payment'),
    'refund-query': query('refund'),
    list: () => ({ answer: 'done', entries: everything() }),
    other: () => ({ answer: 'done' }),
  };

  return {
    take: heard => rules[heard.act](heard),
    entries: everything,
    merchantReference: (kind, reference) => {
      const account = byNumber[kind].get(reference);
      return account?.providerId === reference ? account.heard.reference : reference;
    },
    relive(reference, life) {
      for (const kind of ['payment', 'refund'] as const) {
        const account = look(kind, reference);
        if (account !== undefined) beginLife(account, life, clock.now());
      }
    },
  };
}

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
