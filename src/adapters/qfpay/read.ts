import {
  asRecord,
  idOf,
  statedOf,
  textOf,
  UNREADABLE,
  type CodeTable,
  type Exchange,
  type Reading,
} from '../../kit/index.ts';
import { cancellation, order, refund, refusedRefunds } from './codes.ts';

/**
 * QFPay answers writes flat, and a query with an envelope around rows. The envelope's `respcd` says whether the query
 * worked; only a row's own says what became of the money.
 */

const SUCCESS = '0000';

/**
 * Its two texts say different things: "Do not use duplicate out_trade_no for request(1251)" and "out_trade_no is used".
 */
function messageOf(body: unknown): string | undefined {
  const texts = ['resperr', 'respmsg'].flatMap(name => textOf(body, name) ?? []);
  return texts.length === 0 ? undefined : [...new Set(texts)].join(': ');
}

/** The code, and before it the same with what else the answer says, where the table makes a difference of it. */
function namesOf(body: unknown, table: CodeTable): string[] {
  const code = textOf(body, 'respcd');
  if (code === undefined) return [];
  const marks = [
    ...(hasNoNumber(body) ? ['no-syssn'] : []),
    ...(messageOf(body)?.includes('out_trade_no') === true ? ['out_trade_no'] : []),
  ];
  return [...marks.map(mark => `${code}/${mark}`).filter(name => Object.hasOwn(table, name)), code];
}

/**
 * It has no `syssn` of its own, only the original's. Whatever its code, nothing was made (QFPay API in Japanese
 * Business, 2.5).
 */
function hasNoNumber(body: unknown): boolean {
  const stated = Object.hasOwn(asRecord(body) ?? {}, 'syssn') || originalOf(body) !== undefined;
  return stated && statedOf(body, 'syssn') === undefined;
}

const amountOf = (found: unknown): Pick<Reading, 'amount' | 'currency'> => ({
  amount: statedOf(found, 'txamt'),
  currency: statedOf(found, 'txcurrcd'),
});

/** What only an order that is still to be paid gives out. */
const forThePayer = ['qrcode', 'pay_url', 'pay_params'];

/** A success that has no number of its own, or something beside it that says otherwise. */
function isContradicted(body: unknown): boolean {
  const status = statedOf(asRecord(body)?.['data'], 'txstatus');
  return (
    idOf(body, 'syssn') === undefined ||
    !nothingTakenBack.includes(asRecord(body)?.['cancel']) ||
    forThePayer.some(name => statedOf(body, name) !== undefined) ||
    (status !== undefined && status !== 'SUCCESS')
  );
}

/**
 * A payment's own answer: its `syssn` is the payment's. Only where the money is taken in the call has a contradiction a
 * row.
 */
export function readPayment({ body }: Exchange): Reading {
  const contradicted = textOf(body, 'respcd') === SUCCESS && isContradicted(body);
  return {
    names: [...(contradicted ? [`${SUCCESS}/contradicted`] : []), ...namesOf(body, order)],
    message: messageOf(body),
    reference: { out_trade_no: statedOf(body, 'out_trade_no'), syssn: statedOf(body, 'syssn') },
    ...amountOf(body),
  };
}

/** An answer whose own `syssn` is new; the payment's is in `orig_syssn` (in pending answers also `origssn`). */
const readUndoing =
  (table: CodeTable) =>
  ({ body }: Exchange): Reading => ({
    names: namesOf(body, table),
    message: messageOf(body),
    reference: { out_trade_no: statedOf(body, 'out_trade_no'), syssn: originalOf(body) },
    ...amountOf(body),
  });

/** The answer to a reversal or a close. */
export const readCancellation: (exchange: Exchange) => Reading = readUndoing(cancellation);

/** The answer to a refund. */
export function readRefund(exchange: Exchange): Reading {
  return {
    ...readUndoing(refund)(exchange),
    refuses: hasNoNumber(exchange.body) && refusedRefunds.has(textOf(exchange.body, 'respcd')),
  };
}

const originalOf = (found: unknown): string | undefined => statedOf(found, 'orig_syssn') ?? statedOf(found, 'origssn');

/** Reads a status query: one reading for each row of this order and this kind. */
export function readRows(kind: 'payment' | 'refund'): (exchange: Exchange) => Reading | readonly Reading[] {
  return ({ body, sent }) => {
    const code = textOf(body, 'respcd');
    if (code !== SUCCESS) return { names: code === undefined ? [] : [`query/${code}`], message: messageOf(body) };
    const data = asRecord(body)?.['data'];
    if (!Array.isArray(data)) return { names: [] };
    if (!isWhole(data, body, sent)) return { names: ['one-page'] };

    const asked = ['out_trade_no', 'syssn'].find(name => idOf(sent, name) !== undefined);
    const ours = (data as unknown[]).filter(row => asked === undefined || idOf(row, asked) === idOf(sent, asked));
    // Rows of others alone answer another question: that there is none of ours is not said.
    if (ours.length === 0 && asked !== undefined && data.length > 0) return { names: ['another-order'] };
    // A payment's row may come without a type; one whose type cannot be read may be of either kind.
    const rows = ours.filter(row => [kind, UNREADABLE].includes(statedOf(row, 'order_type') ?? 'payment'));
    if (rows.length === 0) return { names: ['not-found'] };
    // A list was asked for: its rows are not rivals for one number.
    if (new Set(rows.map(row => idOf(row, 'out_trade_no'))).size > 1) return { names: ['several-orders'] };
    return rows.map(row => ({
      names: stateNames(row),
      message: textOf(row, 'errmsg'),
      reference: {
        out_trade_no: statedOf(row, 'out_trade_no'),
        // Several tries under one number have a `syssn` each: none of them contradicts the ticket's.
        syssn: kind === 'refund' ? originalOf(row) : rows.length === 1 ? statedOf(row, 'syssn') : undefined,
      },
      ...amountOf(row),
      ...(kind === 'payment' && { number: statedOf(row, 'syssn') }),
      madeAtMs: hongKongTime(row, 'sysdtm'),
      echo: textOf(row, 'txdtm'),
      refuses: kind === 'refund' && refusedRefunds.has(textOf(row, 'respcd')),
    }));
  };
}

/**
 * The answer that one order's own query would have had, cut out of a list's: its rows, of payment and refund alike.
 * `undefined` where the order has no row here, or another row of it may be missing.
 *
 * A list must say itself that it is whole: where it does not tell its page and how much goes onto one, QFPay may have
 * put ten rows onto it, whatever was asked for.
 */
export function rowsOfOne(body: unknown, own: Exchange['sent'], sent: Exchange['sent']): object | undefined {
  const answer = asRecord(body);
  const data = answer?.['data'];
  const number = idOf(own, 'out_trade_no');
  if (textOf(body, 'respcd') !== SUCCESS || !Array.isArray(data) || number === undefined) return undefined;
  const isStated = idOf(body, 'page') === '1' && Number(idOf(body, 'page_size') ?? NaN) > 0;
  if (!isStated || !isWhole(data, body, sent)) return undefined;
  const numbers = (data as unknown[]).map(row => idOf(row, 'out_trade_no'));
  // A row whose number cannot be read may be this order's.
  if (numbers.includes(undefined) || !numbers.includes(number)) return undefined;
  return { ...answer, data: (data as unknown[]).filter((_row, index) => numbers[index] === number) };
}

/** What QFPay puts on a page where nobody says otherwise. */
const USUAL_PAGE_SIZE = 10;

/** The rows are all there are: it is the first page, and it is not full. */
function isWhole(data: readonly unknown[], body: unknown, sent: Exchange['sent']): boolean {
  const sizes = [body, sent].map(from => Number(idOf(from, 'page_size') ?? NaN)).filter(size => size > 0);
  return (
    data.length < Math.min(...(sizes.length === 0 ? [USUAL_PAGE_SIZE] : sizes)) &&
    [undefined, '1'].includes(idOf(sent, 'page'))
  );
}

/**
 * A time of QFPay's, in milliseconds since the epoch: whole seconds at +0800. `sysdtm` is its own clock; `txdtm` is the
 * merchant's, in whatever zone he keeps.
 */
export function hongKongTime(found: unknown, name: 'sysdtm' | 'txdtm'): number | undefined {
  const atMs = Date.parse(`${textOf(found, name)?.replace(' ', 'T') ?? ''}+08:00`);
  return Number.isNaN(atMs) ? undefined : atMs;
}

/** What `cancel` holds when nothing was taken back. */
const nothingTakenBack: readonly unknown[] = [undefined, null, '', '0', 0];

/** A paid row keeps `0000` when the money goes back, and only its `cancel` flag tells. */
function stateNames(row: unknown): string[] {
  if (statedOf(row, 'order_type') === UNREADABLE) return ['order_type=?'];
  const code = textOf(row, 'respcd');
  if (code === undefined) return [];
  const flag = asRecord(row)?.['cancel'];
  return [code === SUCCESS && !nothingTakenBack.includes(flag) ? `${code}/cancel=${idOf(row, 'cancel') ?? '?'}` : code];
}
