import { asRecord, idOf, statedOf, textOf, UNREADABLE, type Exchange, type Reading } from '../../exchange.ts';

/**
 * QFPay answers writes flat, and a query with an envelope around rows. The envelope's `respcd` says whether the query worked;
 * only a row's own says what became of the money.
 */

const SUCCESS = '0000';

const messageOf = (body: unknown): string | undefined => textOf(body, 'resperr') ?? textOf(body, 'respmsg');

const namesOf = (code: string | undefined): string[] => (code === undefined ? [] : [code]);

const amountOf = (found: unknown): Pick<Reading, 'amount' | 'currency'> => ({ amount: statedOf(found, 'txamt'), currency: statedOf(found, 'txcurrcd') });

/** A payment's own answer: its `syssn` is the payment's. */
export function readPayment({ body }: Exchange): Reading {
  return {
    names: namesOf(textOf(body, 'respcd')),
    message: messageOf(body),
    reference: { out_trade_no: statedOf(body, 'out_trade_no'), syssn: statedOf(body, 'syssn') },
    ...amountOf(body),
  };
}

/** The answer to a refund: its `syssn` is new, and the payment's is in `orig_syssn` (in pending answers also `origssn`). */
export function readRefund({ body }: Exchange): Reading {
  return {
    names: namesOf(textOf(body, 'respcd')),
    message: messageOf(body),
    reference: { out_trade_no: statedOf(body, 'out_trade_no'), syssn: originalOf(body) },
    ...amountOf(body),
  };
}

/**
 * The answer to a reversal or a close, which gets a `syssn` of its own. One that only names the original did nothing, whatever
 * its code says (QFPay API in Japanese Business, 2.5).
 */
export function readCancellation(exchange: Exchange): Reading {
  const reading = readRefund(exchange);
  const undone = originalOf(exchange.body) !== undefined && idOf(exchange.body, 'syssn') === undefined;
  return undone && reading.names[0] === SUCCESS ? { ...reading, names: [`${SUCCESS}/no-syssn`] } : reading;
}

const originalOf = (found: unknown): string | undefined => statedOf(found, 'orig_syssn') ?? statedOf(found, 'origssn');

/** Reads a status query: one reading for each row of this order and this kind. */
export function readRows(kind: 'payment' | 'refund'): (exchange: Exchange) => Reading | readonly Reading[] {
  return ({ body, sent }) => {
    const code = textOf(body, 'respcd');
    if (code !== SUCCESS) return { names: namesOf(code).map((outer) => `query/${outer}`), message: messageOf(body) };
    const data = asRecord(body)?.['data'];
    if (!Array.isArray(data)) return { names: [] };

    const asked = ['out_trade_no', 'syssn'].find((name) => idOf(sent, name) !== undefined);
    const ours = (data as unknown[]).filter((row) => asked === undefined || idOf(row, asked) === idOf(sent, asked));
    // Rows of others alone answer another question: that there is none of ours is not said.
    if (ours.length === 0 && asked !== undefined && data.length > 0) return { names: ['another-order'] };
    // A payment's row may come without a type; one whose type cannot be read may be of either kind.
    const rows = ours.filter((row) => [kind, UNREADABLE].includes(statedOf(row, 'order_type') ?? 'payment'));
    if (rows.length === 0) return { names: ['not-found'] };
    // A list was asked for: its rows are not rivals for one number.
    if (new Set(rows.map((row) => idOf(row, 'out_trade_no'))).size > 1) return { names: ['several-orders'] };
    return rows.map((row) => ({
      names: stateNames(row),
      message: textOf(row, 'errmsg'),
      reference: {
        out_trade_no: statedOf(row, 'out_trade_no'),
        // Several tries under one number have a `syssn` each: none of them contradicts the ticket's.
        syssn: kind === 'refund' ? originalOf(row) : rows.length === 1 ? statedOf(row, 'syssn') : undefined,
      },
      ...amountOf(row),
    }));
  };
}

/** What `cancel` holds when nothing was taken back. */
const nothingTakenBack: readonly unknown[] = [undefined, null, '', '0', 0];

/** A paid row keeps `0000` when the money goes back, and only its `cancel` flag tells. */
function stateNames(row: unknown): string[] {
  if (statedOf(row, 'order_type') === UNREADABLE) return ['order_type=?'];
  const code = textOf(row, 'respcd');
  const flag = asRecord(row)?.['cancel'];
  return code === SUCCESS && !nothingTakenBack.includes(flag) ? [`${code}/cancel=${idOf(row, 'cancel') ?? '?'}`] : namesOf(code);
}
