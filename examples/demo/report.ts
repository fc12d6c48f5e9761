import type { Settlement } from 'tillpaid';
import {
  axisLine,
  bad,
  bold,
  good,
  label,
  legend,
  ruler,
  scaleFor,
  storyLine,
  table,
  type Performance,
} from './draw.ts';
import type { Compared } from './without.ts';

/** What became of each payment. */
export function outcomes(performances: readonly Performance[]): string {
  const rows = performances.map(({ scene, marks, settlements }) => {
    const end = settlements.at(-1);
    if (end === undefined) throw new Error(`${scene.title} ended without a settlement.`);
    // A refund is another intention than its payment.
    const same = settlements.filter(({ ticket }) => ticket.operation === end.ticket.operation);
    const sum = (count: (settlement: Settlement) => number): string => String(same.map(count).reduce((a, b) => a + b));
    const tookMs = (marks.at(-1)?.atMs ?? 0) - (marks[0]?.atMs ?? 0);
    return [
      String(scene.number),
      scene.title,
      scene.wire,
      end.outcome,
      end.settledBy,
      sum(({ attempts }) => attempts),
      sum(({ polls }) => polls),
      `${(tookMs / 1000).toFixed(1)} s`,
    ];
  });
  return table(
    [' #', 'payment', 'what the wire did', 'verdict', 'by', ' attempts', ' polls', ' time'],
    rows,
    [2, 22, 27, 9, 7, 8, 5, 5],
  );
}

/** A timeline for each payment, over one time axis. */
export function timelines(performances: readonly Performance[]): string {
  const lastMs = (marks: Performance['marks']): number => marks.at(-1)?.atMs ?? 0;
  const scale = scaleFor(Math.max(...performances.map(({ marks }) => lastMs(marks))));
  const drawn = performances.flatMap(performance => {
    const { scene, marks } = performance;
    return [label(scene) + axisLine(marks, scale, lastMs(marks)), storyLine(performance)];
  });
  return [` ${legend()}`, '', ruler(scale), ...drawn].join('\n');
}

/** One number of the merchant's: what tillpaid says of it, and what the gateway's books say. */
interface Account {
  readonly provider: string;
  readonly settlement: Settlement;
  /** How the gateway remembers each request about it. */
  readonly records: readonly string[];
  /** How often money moved. */
  readonly bookings: number;
}

/** The gateways' books beside the verdicts, and whether all of them agree. */
export function books(performances: readonly Performance[]): { text: string; agree: boolean } {
  const accounts = performances.flatMap(accountsOf);
  const rows = accounts.map(account => {
    const { provider, settlement, records, bookings } = account;
    const { outcome, reference } = settlement;
    return [
      provider,
      reference.merchant,
      counted(records),
      String(bookings),
      outcome,
      agrees(account) ? good('yes') : bad('NO'),
    ];
  });
  const agree = accounts.every(agrees);
  const twice = accounts.filter(({ bookings }) => bookings > 1).length;
  const words = `${accounts.filter(agrees).length} of ${accounts.length} agree; ${twice === 0 ? 'nobody' : twice} was charged twice.`;
  const text = table(
    ['gateway', 'order', 'what the gateway wrote down', ' charges', 'verdict', 'agree'],
    rows,
    [9, 14, 42, 7, 10, 5],
  );
  return { agree, text: `${text}\n\n ${agree ? good(words) : bad(words)}` };
}

function accountsOf({ scene, settlements }: Performance): Account[] {
  const { name, gateway } = scene.provider;
  const last = new Map(settlements.map(settlement => [settlement.reference.merchant, settlement]));
  return [...last].map(([reference, settlement]) => {
    const entry =
      settlement.ticket.operation === 'refund.create'
        ? gateway.ledger.refund(reference)
        : gateway.ledger.payment(reference);
    const requests = gateway.requests.filter(request => request.reference === reference);
    const records = requests.map(({ fault, result }) => (fault === 'none' ? result : fault));
    return { provider: name, settlement, records, bookings: entry?.bookings ?? 0 };
  });
}

/** How often money must have moved for a verdict. What is still open agrees with nothing. */
const moved: Readonly<Partial<Record<Settlement['outcome'], number>>> = { succeeded: 1, failed: 0, absent: 0 };

const agrees = ({ settlement, bookings }: Account): boolean => moved[settlement.outcome] === bookings;

/** `pending, pending, paid` as `pending 2×, paid`. */
function counted(words: readonly string[]): string {
  const runs: { word: string; times: number }[] = [];
  for (const word of words) {
    const last = runs.at(-1);
    if (last?.word === word) last.times++;
    else runs.push({ word, times: 1 });
  }
  return runs.map(({ word, times }) => (times > 1 ? `${word} ${times}×` : word)).join(', ');
}

/** The same loss without tillpaid. */
export function comparison(clients: readonly Compared[]): string {
  const rows = clients.map(({ client, charges, caller }) => [
    client,
    charges > 1 ? bad(String(charges)) : String(charges),
    caller,
  ]);
  return table(['client', ' charges', 'its caller'], rows, [34, 7, 34]);
}

export const heading = (words: string): string => `\n ${bold(words)}\n`;
