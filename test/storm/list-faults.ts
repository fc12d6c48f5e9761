import type { Fault, FaultName } from '../../src/testing/index.ts';
import { withRetryAfter } from '../../src/testing/index.ts';
import type { Dice } from './dice.ts';

/** What QFPay answers about several orders. */
interface List {
  readonly page?: unknown;
  readonly page_size?: unknown;
  readonly data: readonly Readonly<Record<string, unknown>>[];
}

/** The gateway answers, and its answer is changed. */
const changed = (name: string, change: (list: List) => object): Fault => ({
  name,
  books: true,
  async does({ answer }) {
    const { status, headers } = answer;
    return new Response(JSON.stringify(change((await answer.json()) as List)), { status, headers });
  },
});

/** What goes wrong with one query for several payments: it tells less than it seems to, or not in the usual way. */
const ofLists: readonly [Fault, ...Fault[]] = [
  changed('a row is missing', list => ({ ...list, data: list.data.slice(1) })),
  changed('all rows are missing', list => ({ ...list, data: [] })),
  changed('half a page', list => {
    const data = list.data.slice(0, Math.ceil(list.data.length / 2));
    return { ...list, data, page_size: data.length };
  }),
  changed('a full page', list => ({ ...list, page_size: list.data.length })),
  changed('a page that says nothing of itself', ({ page: _page, page_size: _size, ...list }) => ({
    ...list,
    data: list.data.slice(0, 10),
  })),
  changed('another page', list => ({ ...list, page: 2 })),
  changed('a row of nobody’s', list => ({
    ...list,
    data: [...list.data, ...list.data.slice(0, 1).map(row => ({ ...row, out_trade_no: 'NOBODYS', respcd: '0000' }))],
  })),
  changed('a row without a number', list => ({
    ...list,
    data: list.data.map(({ out_trade_no, ...row }, index) => (index === 0 ? row : { ...row, out_trade_no })),
  })),
  changed('in another order', list => ({ ...list, data: list.data.toReversed() })),
  changed('it is refused', () => ({ respcd: '1101', resperr: 'Parameter error' })),
  changed('no list', list => ({ ...list, data: 'none' })),
];

const ofAll: readonly [FaultName, ...FaultName[]] = [
  'refused-connection',
  'reset-before-reading',
  'reset-before-booking',
  'hang-before-booking',
  '502-before-booking',
  '503-before-booking',
  '504-before-booking',
  'truncated',
  'drip',
  'garbage',
  'captive-portal',
  'empty',
  'maintenance',
  'rate-limited',
  'system-error',
  'redirect',
];

/** Answers that come whole, which may say when to come again. */
const spoken: ReadonlySet<FaultName> = new Set([
  'none',
  '503-before-booking',
  'captive-portal',
  'maintenance',
  'rate-limited',
  'system-error',
]);

export function drawListFault(dice: Dice): Fault | FaultName {
  const fault = dice.weigh<Fault | FaultName>([
    [50, 'none'],
    [30, dice.pick(ofLists)],
    [20, dice.pick(ofAll)],
  ]);
  const isWhole = typeof fault === 'object' || spoken.has(fault);
  return isWhole && dice.percent(15) ? withRetryAfter(String(dice.pick([0, 1, 8, 30])), fault) : fault;
}
