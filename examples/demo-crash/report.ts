import type { LedgerEntry, Simulator } from 'tillpaid/testing';
import { bad, good, table } from '../demo/draw.ts';
import { orders, providers, type Provider } from './gateways.ts';

/** A process that was killed. */
export interface Kill {
  readonly who: string;
  readonly atMs: number;
  /** How many payments were settled by then. */
  readonly before: number;
  /** When the next one was settled, counted from the kill. */
  backAfterMs?: number;
}

type Simulated = Readonly<Record<Provider, Simulator>>;

const names: Readonly<Record<Provider, string>> = { qfpay: 'QFPay', zalopay: 'ZaloPay', uqpay: 'UQPAY' };

/** One order: what the shop was told, and how often its payer was charged. */
interface Account {
  readonly provider: Provider;
  readonly outcome: string | undefined;
  readonly charges: number;
  readonly isPaid: boolean;
}

const accountsOf = (simulated: Simulated, ends: ReadonlyMap<string, string>): Account[] =>
  orders.map(({ provider, number }) => {
    const entry: LedgerEntry | undefined = simulated[provider].ledger.payment(number);
    const charges = entry?.bookings ?? 0;
    return { provider, outcome: ends.get(number), charges, isPaid: entry?.state === 'paid' };
  });

const agrees = ({ outcome, charges, isPaid }: Account): boolean =>
  charges <= 1 && outcome !== undefined && (outcome === 'succeeded') === isPaid;

/** Nobody was charged twice, every order is settled, and each as the gateway has it. */
export const booksAgree = (simulated: Simulated, ends: ReadonlyMap<string, string>): boolean =>
  accountsOf(simulated, ends).every(agrees);

export function paymentTable(simulated: Simulated, ends: ReadonlyMap<string, string>): string {
  const accounts = accountsOf(simulated, ends);
  const line = (name: string, of: readonly Account[]): string[] => {
    const settled = of.filter(({ outcome }) => outcome !== undefined).length;
    const most = Math.max(...of.map(({ charges }) => charges));
    const twice = of.filter(({ charges }) => charges > 1).length;
    const correct = of.filter(agrees).length;
    return [
      name,
      ...[of.length, settled, of.filter(({ isPaid }) => isPaid).length].map(String),
      String(of.filter(({ outcome }) => outcome === 'failed').length),
      twice === 0 ? String(most) : bad(String(most)),
      correct === of.length ? good('yes') : bad(`${of.length - correct} NOT`),
    ];
  };
  const rows = providers.map(provider =>
    line(
      names[provider],
      accounts.filter(account => account.provider === provider),
    ),
  );
  return table(
    ['gateway', ' orders', ' settled', ' paid', ' failed', ' most charges per order', 'books agree'],
    [...rows, line('all', accounts)],
    [9, 7, 7, 6, 6, 22, 11],
  );
}

export function killTable(kills: readonly Kill[]): string {
  const rows = kills.map(({ who, before, backAfterMs }) => [
    who,
    String(before),
    backAfterMs === undefined ? bad('never') : `${(backAfterMs / 1000).toFixed(1)} s`,
  ]);
  return table(['killed', ' settled by then', ' next one settled after'], rows, [34, 15, 22]);
}
