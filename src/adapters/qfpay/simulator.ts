import { md5 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Fault } from '../../testing/faults.ts';
import { isCurrency, isMinorUnits, isWallTime } from '../../testing/field-forms.ts';
import type { Answer, Entry, EntryState, Heard, HeardRequest, Refusal, Situation, Voice } from '../../testing/voice.ts';
import { baseUrls, type QfpayCredentials } from './adapter.ts';

/**
 * QFPay as the simulator speaks it. Its formulas are its own, so that an error in the adapter's is not answered by the
 * same error here.
 *
 * A second send of one number books again: integrators have met two paid rows of one `out_trade_no`, and no manual
 * rules it out. After a decline it is another try, with a row of its own.
 *
 * @param options `declinedAs`: the code of a declined payment, default `1201`; `reversesPaid`: a reversal or close of a
 *   paid payment gives the money back, as the manuals of 2017 and of Japan say, default `false`
 */
export function qfpayVoice(
  credentials: Pick<QfpayCredentials, 'appCode' | 'clientKey' | 'mchid'>,
  options: { declinedAs?: string; reversesPaid?: boolean } = {},
): Voice {
  const { appCode, clientKey, mchid } = credentials;
  const { declinedAs = '1201', reversesPaid = false } = options;
  // Payments and refunds are asked about at the same address: only their numbers tell them apart.
  const refunds = new Set<string>();
  const payments = new Set<string>();

  return {
    gateway: 'qfpay',
    addresses: Object.values(baseUrls),
    sameReference: 'books-again',

    hear({ method, url, headers, body }: HeardRequest): Heard | Refusal {
      const call = Object.hasOwn(calls, url.pathname) ? calls[url.pathname] : undefined;
      if (call?.methods.includes(method) !== true)
        return { refused: { status: 404, body: '<html>404 Not Found</html>' } };
      const form = formOf(method === 'GET' ? url.search.slice(1) : body);
      const right = signatureOf(form, clientKey, headers.get('x-qf-signtype') ?? 'MD5');
      if (headers.get('x-qf-appcode') !== appCode)
        return { refused: { body: { respcd: '1001', respmsg: 'Invalid app code' } } };
      if (headers.get('x-qf-sign')?.toUpperCase() !== right) return refusal('1108', RIGHT_SIGN);
      const wrong = wrongIn(form, call, mchid);
      if (wrong !== undefined) return refusal('1104', wrong);

      const number = form['out_trade_no'] ?? form['syssn'];
      if (number === undefined) return refusal('1104', 'out_trade_no is missing, and syssn too');
      const others = { create: refunds, refund: payments, query: undefined, cancel: undefined }[call.act];
      if (others?.has(number) === true) return { refused: numberIsUsed(form), because: OWN_NUMBER };
      if (call.act === 'refund') refunds.add(number);
      if (call.act === 'create') payments.add(number);
      const heard = { fields: form, reference: number, ...(form['txamt'] !== undefined && { amount: form['txamt'] }) };
      switch (call.act) {
        case 'query':
          if (number.includes(',')) return { operation: call.operation, act: 'list', ...heard };
          return refunds.has(number)
            ? { operation: 'refund.query', act: 'refund-query', ...heard }
            : { operation: call.operation, act: 'query', ...heard };
        case 'create':
          return form['auth_code'] === undefined
            ? { operation: call.operation, act: 'create', ...heard, currency: form['txcurrcd'] ?? '' }
            : { operation: 'payment.charge', act: 'charge', ...heard, currency: form['txcurrcd'] ?? '' };
        case 'refund':
          return { operation: call.operation, act: 'refund', ...heard, of: form['syssn'] ?? '' };
        case 'cancel':
          return {
            operation: call.operation,
            act: 'cancel',
            ...heard,
            of: number,
            ...(reversesPaid && { alsoWhenPaid: true }),
          };
      }
    },

    say(situation: Situation): Answer {
      const { heard, answer, entry } = situation;
      if (answer === 'rate-limited') return { status: 429, body: 'Too Many Requests' };
      if (answer === 'maintenance') return flat('1100');
      if (answer === 'system-error') return flat('1252');
      if (heard.act === 'list') return listed(heard, situation.entries ?? [], situation.nowMs, declinedAs);
      if (heard.act === 'query' || heard.act === 'refund-query')
        return envelope(heard, entry, situation.nowMs, declinedAs);
      if (answer === 'duplicate') return numberIsUsed(heard.fields);
      if (answer === 'not-found' || entry === undefined) return unmade(heard.fields, '1136');
      if (answer === 'already-final')
        // "The refund amount is greater than the maximum amount that can be refunded"
        return unmade(heard.fields, heard.act === 'refund' && entry.state === 'paid' ? '1272' : finals[entry.state]);
      return written(heard, entry, situation.nowMs, declinedAs);
    },

    // "SUCCESS", else again after 2, 10, 10 and 60 minutes, 2, 6 and 15 hours; only what succeeded is told.
    notices: {
      write: (entry, nowMs) =>
        entry.state === 'paid'
          ? qfpayNotice({ clientKey, ...(mchid !== undefined && { mchid }) }, entry, nowMs)
          : undefined,
      isAcknowledged: ({ status, body }) => status === 200 && body.trim() === 'SUCCESS',
      repeats: 7,
    },

    forget() {
      refunds.clear();
      payments.clear();
    },
  };
}

/**
 * A refund that QFPay refuses in the words of an integrator's answers (https://github.com/CHI-KEKE/joy_, QFPay.md):
 * nothing is made, and no query finds it.
 *
 * @example
 * ```ts
 * simulated.script('REFUND-1', { onSend: [refusedRefund('1269')] });
 * ```
 */
export function refusedRefund(respcd: keyof typeof refusals): Fault {
  return {
    name: `refused-${respcd}`,
    books: false,
    does: ({ heard }) => Response.json(unmade(heard.fields, respcd, refusals[respcd]).body),
  };
}

const refusals = {
  '1124': 'For void request, it must be a full refund, please correct refund amount and re-initiate it',
  '1265': '該筆訂單被禁止退款，已經超出可退款時限',
  '1269':
    'Sorry, we are unable to process the refund request for this transaction at this moment. Please try again after the data update at 11 AM.',
} as const;

/**
 * The notification that QFPay sends once a payment is paid or a refund is made: the simulator's ledger has the entry.
 */
export function qfpayNotice(
  { clientKey, mchid = '' }: Pick<QfpayCredentials, 'clientKey' | 'mchid'>,
  entry: Entry,
  nowMs: number,
): Request {
  const openedAt = timeInHongKong(entry.openedAtMs);
  const { respcd, cancel } = taken(entry, codeOf(entry, '1201'));
  const told = {
    status: '1',
    sysdtm: openedAt,
    txdtm: entry.fields['txdtm'],
    txcurrcd: entry.currency ?? entry.of?.currency ?? '',
    txamt: entry.amount,
    mchid,
    out_trade_no: entry.reference,
    syssn: entry.providerId,
    respcd,
    notify_type: entry.kind,
    ...(entry.of === undefined
      ? {
          pay_type: String(entry.fields['pay_type']),
          paydtm: timeInHongKong(nowMs),
          cancel,
          goods_name: '',
          chnlsn: '',
          cardcd: '',
        }
      : { orig_syssn: entry.of.providerId, orig_out_trade_no: entry.of.reference }),
  };
  // As Python writes it, with a blank after each colon and comma: only the very bytes have this signature.
  const body = `{${Object.entries(told)
    .map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`)
    .join(', ')}}`;
  const headers = {
    'content-type': 'application/json',
    'x-qf-sign': hex(md5(new TextEncoder().encode(body + clientKey))),
  };
  return new Request('https://shop.example/qfpay', { method: 'POST', headers, body });
}

type Form = Readonly<Partial<Record<string, string>>>;

interface Call {
  readonly operation: string;
  readonly act: 'create' | 'query' | 'cancel' | 'refund';
  readonly methods: readonly string[];
  readonly required: readonly string[];
}

/** Reversal and close are taken by either method: the manuals name both. */
const calls: Readonly<Record<string, Call>> = {
  '/trade/v1/payment': {
    operation: 'payment.create',
    act: 'create',
    methods: ['POST'],
    required: ['txamt', 'txcurrcd', 'pay_type', 'out_trade_no', 'txdtm'],
  },
  '/trade/v1/query': { operation: 'payment.query', act: 'query', methods: ['POST'], required: [] },
  '/trade/v1/reversal': {
    operation: 'payment.reverse',
    act: 'cancel',
    methods: ['POST', 'GET'],
    required: ['txamt', 'txdtm'],
  },
  '/trade/v1/close': {
    operation: 'payment.close',
    act: 'cancel',
    methods: ['POST', 'GET'],
    required: ['txamt', 'txdtm'],
  },
  '/trade/v1/refund': {
    operation: 'refund.create',
    act: 'refund',
    methods: ['POST'],
    required: ['txamt', 'txdtm', 'syssn', 'out_trade_no'],
  },
};

const RIGHT_SIGN =
  'X-QF-SIGN must be the hash, by X-QF-SIGNTYPE (SHA256, else MD5), of all fields that are not empty, by name, as a=1&b=2 and not encoded, with the client key right behind';
const OWN_NUMBER = 'out_trade_no must be a number of its own for each payment and each refund';
const WALL_TIME = 'be YYYY-MM-DD HH:mm:ss, of a day that there is';

/**
 * How fields are written, which are "request parameter errors" (1104) otherwise.
 * https://sdk.qfapi.com/docs/api-reference/request-format
 */
const forms: Readonly<Record<string, readonly [isRight: (value: string) => boolean, must: string]>> = {
  txamt: [value => isMinorUnits(value, 11), 'be a whole number of minor units, 100 for 1.00, and 1 or more'],
  txcurrcd: [isCurrency, 'be a currency of ISO 4217 in capital letters'],
  pay_type: [value => /^\d{6}$/.test(value), 'be six digits'],
  txdtm: [isWallTime, WALL_TIME],
  start_time: [isWallTime, WALL_TIME],
  end_time: [isWallTime, WALL_TIME],
  page: [value => /^[1-9]\d*$/.test(value), 'be 1 or more'],
  page_size: [value => isMinorUnits(value, 3) && Number(value) <= 100, 'be 1 to 100'],
};

/** A query takes several numbers, with commas: a number with one could never be asked about. */
const isNumber = (value: string): boolean => value.length <= 128 && !value.includes(',');

/** The first thing that is wrong with a request whose signature is right. */
function wrongIn(form: Form, { act, required }: Call, mchid: string | undefined): string | undefined {
  if (form['mchid'] !== mchid)
    return mchid === undefined ? 'mchid was not given to this merchant: leave it out' : 'mchid must be this merchant’s';
  const missing = required.find(name => form[name] === undefined);
  if (missing !== undefined) return `${missing} is missing, or empty`;
  if (act !== 'query' && !isNumber(form['out_trade_no'] ?? ''))
    return 'out_trade_no must be of at most 128 characters, without a comma';
  const [name, [, must] = []] =
    Object.entries(forms).find(([each, [isRight]]) => form[each] !== undefined && !isRight(form[each])) ?? [];
  return name === undefined ? undefined : `${name} must ${must ?? ''}`;
}

const numberIsUsed = (form: Form | Heard['fields']): Answer =>
  unmade(form, '1251', 'Do not use duplicate out_trade_no for request(1251)', 'out_trade_no is used');

/** An empty field is an absent one. */
const formOf = (text: string): Form =>
  Object.fromEntries([...new URLSearchParams(text)].filter(([, value]) => value !== ''));

function signatureOf(form: Form, clientKey: string, signType: string): string {
  const names = Object.keys(form).sort();
  const bytes = utf8ToBytes(names.map(name => `${name}=${form[name] ?? ''}`).join('&') + clientKey);
  return hex(signType === 'SHA256' ? sha256(bytes) : md5(bytes));
}

const hex = (bytes: Uint8Array): string => bytesToHex(bytes).toUpperCase();

const texts: Readonly<Record<string, string>> = {
  '0000': '交易成功',
  '1143': '订单还未支付，或者正在输入密码中(1143)',
  '1145': '处理中，请稍候(1145)',
};

const errorText = (code: string): string => texts[code] ?? `交易失败，请联系客服(${code})`;

const flat = (respcd: string, rest: object = {}): Answer => ({
  body: { ...rest, respcd, resperr: errorText(respcd), respmsg: '' },
});

/** The answer to a write that made nothing: it has no number and no time. */
const unmade = (fields: Heard['fields'], respcd: string, resperr = errorText(respcd), respmsg = ''): Answer => ({
  body: {
    ...{
      syssn: null,
      orig_syssn: fields['syssn'] ?? null,
      txamt: null,
      sysdtm: null,
      paydtm: null,
      txdtm: null,
      udid: null,
      chnlsn: null,
      cardcd: null,
    },
    ...{ txcurrcd: null, out_trade_no: fields['out_trade_no'] ?? null, respcd, resperr, respmsg },
  },
});

const refusal = (respcd: string, because: string): Refusal => ({ refused: flat(respcd), because });

/** A state as a row tells it. A payment that was taken back keeps its `0000`. */
const rowCodes: Readonly<Record<Exclude<EntryState, 'declined'>, string>> = {
  open: '1143',
  pending: '1145',
  authorized: '1145',
  paid: '0000',
  canceled: '1142',
  expired: '1181',
  refunded: '0000',
};

/** A state that a write cannot change. */
const finals: Readonly<Record<EntryState, string>> = {
  open: '1261',
  pending: '1261',
  authorized: '1261',
  paid: '1260',
  declined: '1261',
  canceled: '1263',
  expired: '1181',
  refunded: '1262',
};

/** What became of it. A refund that was paid is one that was given back. */
const codeOf = ({ kind, state }: Entry, declinedAs: string): string =>
  state !== 'declined' ? rowCodes[state] : kind === 'refund' ? '1155' : declinedAs;

function written(heard: Heard, entry: Entry, nowMs: number, declinedAs: string): Answer {
  const sysdtm = timeInHongKong(nowMs);
  const told = {
    txamt: entry.amount,
    txcurrcd: entry.currency ?? '',
    txdtm: heard.fields['txdtm'],
    sysdtm,
    cardcd: '',
  };
  if (heard.act === 'cancel') {
    // A reversal has a number of its own, and names the payment's.
    const done = entry.state === 'canceled';
    return flat(done ? '0000' : codeOf(entry, declinedAs), {
      ...told,
      orig_syssn: entry.providerId,
      syssn: `${entry.providerId}9`,
      out_trade_no: entry.reference,
      chnlsn: '',
    });
  }
  const named = { ...told, syssn: entry.providerId, out_trade_no: entry.reference };
  if (entry.kind === 'refund') return flat(codeOf(entry, declinedAs), { ...named, orig_syssn: entry.of?.providerId });
  if (heard.act === 'charge')
    return flat(codeOf(entry, declinedAs), { ...named, pay_type: entry.fields['pay_type'], chnlsn: '' });
  return flat('0000', {
    ...named,
    pay_type: entry.fields['pay_type'],
    qrcode: `https://qr.example/${entry.providerId}`,
  });
}

/** The answer to a query: the query worked, and the rows tell what became of the money, a page of them at a time. */
const envelope = (heard: Heard, entry: Entry | undefined, nowMs: number, declinedAs: string): Answer =>
  pageOf(heard, triesOf(entry, heard), nowMs, declinedAs);

/** The same for a list of numbers: the rows of all of them, the latest first. */
function listed(heard: Heard, entries: readonly Entry[], nowMs: number, declinedAs: string): Answer {
  const { out_trade_no, syssn } = heard.fields as Form;
  const isNamed = (list: string | undefined, number: string): boolean =>
    list === undefined || list.split(',').includes(number);
  const named = entries.filter(each => isNamed(out_trade_no, each.reference) && isNamed(syssn, each.providerId));
  return pageOf(heard, named.reverse(), nowMs, declinedAs);
}

function pageOf(heard: Heard, entries: readonly Entry[], nowMs: number, declinedAs: string): Answer {
  const rows = entries.filter(each => isInWindow(heard, each, nowMs)).flatMap(each => rowsOf(each, declinedAs));
  const page = Number(heard.fields['page'] ?? 1);
  const size = Math.min(100, Number(heard.fields['page_size'] ?? 10));
  return {
    body: {
      respcd: '0000',
      resperr: '请求成功',
      respmsg: '',
      page,
      page_size: size,
      data: rows.slice((page - 1) * size, page * size),
    },
  };
}

/** The merchant's number finds every try, the latest first; QFPay's finds its own. */
function triesOf(entry: Entry | undefined, heard: Heard): Entry[] {
  if (entry === undefined) return [];
  return heard.fields['out_trade_no'] === undefined ? [entry] : [entry, ...triesOf(entry.earlier, heard)];
}

/** Only the current month is looked through, unless the query names another time. */
function isInWindow({ fields }: Heard, entry: Entry, nowMs: number): boolean {
  const month = timeInHongKong(nowMs).slice(0, 8);
  const { start_time: start = `${month}01 00:00:00`, end_time: end = `${month}31 23:59:59` } = fields as Form;
  const openedAt = timeInHongKong(entry.openedAtMs);
  return start <= openedAt && openedAt <= end;
}

function rowsOf(entry: Entry, declinedAs: string): object[] {
  const time = timeInHongKong(entry.openedAtMs);
  const row = {
    syssn: entry.providerId,
    out_trade_no: entry.reference,
    txamt: entry.amount,
    txcurrcd: entry.currency ?? '',
    pay_type: (entry.of ?? entry).fields['pay_type'],
    order_type: entry.kind,
    // The merchant's own, as he sent it.
    txdtm: entry.fields['txdtm'],
    sysdtm: time,
    paydtm: entry.bookings > 0 ? time : '',
    chnlsn: '',
    ...(entry.kind === 'refund' && { origssn: entry.of?.providerId }),
    ...taken(entry, codeOf(entry, declinedAs)),
  };
  // One row for each time the money moved.
  return Array.from({ length: Math.max(1, entry.bookings) }, (_, index) =>
    index === 0 ? row : { ...row, syssn: `${row.syssn}${index}` },
  );
}

/** The code and the `cancel` flag of a row. */
function taken(entry: Entry, respcd: string): { respcd: string; errmsg: string; cancel: string } {
  const said = (code: string, cancel: string): { respcd: string; errmsg: string; cancel: string } => ({
    respcd: code,
    errmsg: errorText(code),
    cancel,
  });
  if (entry.kind === 'refund') return said(respcd, '0');
  if (entry.state === 'canceled') return entry.bookings > 0 ? said('0000', '1') : said(respcd, '2');
  if (entry.state === 'refunded') return said(respcd, '3');
  return said(respcd, entry.refundedAmount === undefined ? '0' : '5');
}

/** `YYYY-MM-DD HH:mm:ss` at +0800. */
function timeInHongKong(atMs: number): string {
  const [date = '', time = ''] = new Date(atMs + 8 * 3_600_000).toISOString().split('T');
  return `${date} ${time.slice(0, 8)}`;
}
