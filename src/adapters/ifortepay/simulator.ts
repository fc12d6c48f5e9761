import type { Fields } from '../../core/operation.ts';
import { textOf } from '../../kit/readers.ts';
import type { Answer, Entry, EntryState, Heard, HeardRequest, Refusal, Situation, Voice } from '../../testing/voice.ts';
import { baseUrls, tokenUrls, type IfortepayCredentials } from './adapter.ts';

/** Where the simulated gateway differs from the manual. */
export interface IfortepayVoiceOptions {
  /**
   * Answers a status query that names the order by the merchant's number alone. The manual wants both. Default `false`.
   */
  answersOwnNumberAlone?: boolean;
  /** How long a B2B token lives, in seconds. Default 900. */
  tokenLifetimeS?: number;
}

/**
 * iFortepay as the simulator speaks it: RSA or HMAC signatures, checked with the runtime's own cryptography, B2B
 * tokens, and one
 * `X-EXTERNAL-ID` a day. A token request is the operation `token`.
 */
export function ifortepayVoice(
  credentials: Pick<IfortepayCredentials, 'partnerId' | 'privateKey' | 'clientSecret' | 'clientId'>,
  options: IfortepayVoiceOptions = {},
): Voice {
  const { partnerId, clientSecret = '', clientId = partnerId } = credentials;
  const { answersOwnNumberAlone = false, tokenLifetimeS = 900 } = options;
  const publicKey = publicHalf(credentials.privateKey);
  const tokens = new Map<string, number>();
  const externalIds = new Set<string>();
  const idsOf = new WeakMap<Heard, string>();

  const verifies = async (text: string, signature: string): Promise<boolean> =>
    crypto.subtle.verify('RSASSA-PKCS1-v1_5', await publicKey, bytesOf(signature), new TextEncoder().encode(text));

  /** Why a request is not let in, as HTTP status and case; `undefined` when it is. */
  const objection = async (
    { method, url, headers, nowMs }: HeardRequest,
    fields: Fields,
  ): Promise<string | undefined> => {
    const header = (name: string): string => headers.get(name) ?? '';
    if (['x-timestamp', 'x-signature', 'x-external-id', 'channel-id'].some(name => header(name) === ''))
      return '400/02';
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00$/.test(header('x-timestamp'))) return '400/01';
    if (!/^\d{1,36}$/.test(header('x-external-id'))) return '400/01';
    if (header('x-partner-id') !== partnerId) return '401/00';

    const digest = hex(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(fields))));
    const bearer = /^Bearer (.+)$/.exec(header('authorization'))?.[1];
    if (bearer === undefined) {
      const signed = `${method}:${url.pathname}:${digest}:${header('x-timestamp')}`;
      return (await verifies(signed, header('x-signature'))) ? undefined : '401/00';
    }
    const endsAtMs = tokens.get(bearer);
    if (endsAtMs === undefined) return '401/03';
    if (nowMs >= endsAtMs) return '401/01';
    const right = await hmacSha512(
      clientSecret,
      `${method}:${url.pathname}:${bearer}:${digest}:${header('x-timestamp')}`,
    );
    return header('x-signature') === right ? undefined : '401/00';
  };

  const hearToken = async ({ headers }: HeardRequest): Promise<Heard | Refusal> => {
    const signed = await verifies(`${clientId}|${headers.get('x-timestamp') ?? ''}`, headers.get('x-signature') ?? '');
    if (!signed || headers.get('x-client-key') !== clientId) return refused('401/00', TOKEN_SERVICE);
    return { operation: 'token', fields: {}, act: 'other', reference: '' };
  };

  return {
    gateway: 'ifortepay',
    addresses: [...Object.values(baseUrls), ...Object.values(tokenUrls)],
    sameReference: 'refuses',

    async hear(request) {
      const { pathname } = request.url;
      if (pathname === TOKEN_PATH) return hearToken(request);
      const call = calls.find(({ path }) => path === pathname);
      if (call === undefined || request.method !== 'POST') return refused('404/02', '00');
      const { service, wants, own } = call;
      const fields = parsed(request.body);
      if (fields === undefined) return refused('400/00', service);
      const why = await objection(request, fields);
      if (why !== undefined) return refused(why, service);
      const number = textOf(fields, own);
      const isEnough =
        (answersOwnNumberAlone && call.act === 'query') || wants.every(name => textOf(fields, name) !== undefined);
      if (number === undefined || !isEnough) return refused('400/02', service);
      if (!isWellFormed(call, fields, number)) return refused('400/01', service);
      const id = `${request.headers.get('x-timestamp')?.slice(0, 10) ?? ''} ${request.headers.get('x-external-id') ?? ''}`;
      if (externalIds.has(id)) return refused('409/00', service);
      const heard = heardAs(call, fields, number);
      idsOf.set(heard, id);
      return heard;
    },

    say(situation) {
      const { heard, nowMs } = situation;
      // Used up once the request was taken: not if it was lost on its way.
      const id = idsOf.get(heard);
      if (id !== undefined) externalIds.add(id);
      const call = calls.find(({ operation }) => operation === heard.operation);
      if (call !== undefined) return answer(call, situation);
      const accessToken = `token-${tokens.size + 1}`;
      tokens.set(accessToken, nowMs + tokenLifetimeS * 1000);
      return spoken('200/00', TOKEN_SERVICE, { accessToken, tokenType: 'Bearer', expiresIn: String(tokenLifetimeS) });
    },

    // Anything but HTTP 200 is sent again, three times. A direct debit that failed is told too.
    ...(clientSecret !== '' && {
      notices: {
        write: (entry: Entry, nowMs: number, url: URL) =>
          entry.state === 'paid' || (entry.state === 'declined' && entry.operation === 'debit.charge')
            ? ifortepayNotice({ clientSecret, notifyUrl: url.href }, entry, nowMs)
            : undefined,
        repeats: 3,
      },
    }),

    forget: () => externalIds.clear(),
  };
}

/**
 * The notification that iFortepay sends once a payment has come to its end: `simulator.ledger` has the entry. It is
 * written over several lines, as in the manual.
 *
 * @example
 * ```ts
 * const [paid] = simulated.ledger.entries;
 * if (paid !== undefined) await gateway.receive(await ifortepayNotice(credentials, paid, Date.now()));
 * ```
 */
export async function ifortepayNotice(
  {
    clientSecret = '',
    notifyUrl = 'https://shop.example/ifortepay',
  }: Pick<IfortepayCredentials, 'clientSecret' | 'notifyUrl'>,
  entry: Entry,
  nowMs: number,
): Promise<Request> {
  const told = notices[entry.operation]?.(entry) ?? {};
  const digest = hex(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(told))));
  const timestamp = timeInJakarta(nowMs);
  const headers = {
    'content-type': 'application/json',
    'x-timestamp': timestamp,
    'x-signature': await hmacSha512(clientSecret, `${notifyUrl}:v1:${digest}:${timestamp}`),
  };
  return new Request(notifyUrl, { method: 'POST', headers, body: JSON.stringify(told, undefined, 4) });
}

/** What a notification tells, by the write it is about. */
const notices: Readonly<Record<string, (entry: Entry) => Fields>> = {
  'qris.create': entry => ({
    ...toldOf(entry, qrisStates),
    additionalInfo: { merchantId: '936008600000000000', paymentChannel: 'NOBU', issuer: 'OVO' },
  }),
  'debit.charge': entry => ({ ...toldOf(entry, debitStates), createdTime: timeInJakarta(entry.openedAtMs) }),
  'va.create': entry => {
    const { totalAmount, ...numbers } = accountOf(entry);
    return { ...numbers, paymentRequestId: entry.providerId, paidAmount: totalAmount };
  },
};

const toldOf = (
  { providerId, reference, amount, currency, state }: Entry,
  states: Readonly<Record<EntryState, string>>,
): Fields => ({
  originalReferenceNo: providerId,
  originalPartnerReferenceNo: reference,
  latestTransactionStatus: states[state],
  transactionStatusDesc: state,
  amount: { value: amount, currency },
});

const timeInJakarta = (atMs: number): string => `${new Date(atMs + 7 * 3_600_000).toISOString().slice(0, 19)}+07:00`;

const TOKEN_PATH = '/auth/merchants/v1.0/access-token/b2b';
const TOKEN_SERVICE = '73';

interface Call {
  readonly operation: string;
  readonly path: string;
  readonly service: string;
  readonly act: Heard['act'];
  /** The merchant's number. */
  readonly own: string;
  /** Fields the gateway refuses to be without. */
  readonly wants: readonly string[];
  readonly says: (entry: Entry, situation: Situation) => Answer;
}

const both = ['originalPartnerReferenceNo', 'originalReferenceNo'];
const account = ['partnerServiceId', 'customerNo', 'virtualAccountNo'];

/** An expired QR code ends as "not found", a direct debit as canceled. */
const qrisStates: Readonly<Record<EntryState, string>> = {
  open: '01',
  pending: '03',
  authorized: '03',
  paid: '00',
  declined: '06',
  canceled: '05',
  expired: '07',
  refunded: '04',
};
const debitStates: Readonly<Record<EntryState, string>> = { ...qrisStates, expired: '05' };
const accountStates: Readonly<Record<EntryState, string>> = {
  open: 'ACTIVE',
  pending: 'PROCESSING',
  authorized: 'PROCESSING',
  paid: 'PAID',
  declined: 'ACTIVE',
  canceled: 'CANCELED',
  expired: 'EXPIRED',
  refunded: 'PAID',
};

const calls: readonly Call[] = [
  {
    operation: 'qris.create',
    path: '/v1.0/qr/qr-mpm-generate',
    service: '47',
    act: 'create',
    own: 'partnerReferenceNo',
    wants: [],
    says: entry => {
      const { providerId } = entry;
      return spoken('200/00', '47', {
        ...numbersOf(entry),
        qrContent: `000201${providerId}`,
        qrUrl: `https://qr.example/${providerId}`,
      });
    },
  },
  {
    operation: 'qris.query',
    path: '/v1.0/qr/qr-mpm-query',
    service: '51',
    act: 'query',
    own: 'originalPartnerReferenceNo',
    wants: [...both, 'serviceCode'],
    says: (entry, situation) => status('51', qrisStates, entry, situation),
  },
  {
    operation: 'qris.cancel',
    path: '/v1.0/qr/qr-mpm-cancel',
    service: '77',
    act: 'cancel',
    own: 'originalPartnerReferenceNo',
    wants: [...both, 'reason'],
    says: (entry, situation) => canceled('77', entry, situation),
  },
  {
    operation: 'va.create',
    path: '/v1.0/transfer-va/create-va',
    service: '27',
    act: 'create',
    own: 'trxId',
    wants: [],
    says: entry => spoken('200/00', '27', { virtualAccountData: accountOf(entry) }),
  },
  {
    operation: 'va.query',
    path: '/v1.0/transfer-va/inquiry-va',
    service: '30',
    act: 'query',
    own: 'trxId',
    wants: account,
    says: entry => {
      const additionalInfo = { status: accountStates[entry.state] };
      return spoken('200/00', '30', { virtualAccountData: { ...accountOf(entry), additionalInfo } });
    },
  },
  {
    operation: 'debit.charge',
    path: '/v1.0/debit/payment-host-to-host',
    service: '54',
    act: 'charge',
    own: 'partnerReferenceNo',
    wants: [],
    says: entry => {
      if (asksForOtp(entry.fields)) return spoken('403/13', '54', numbersOf(entry));
      const page = entry.act === 'create' ? { webRedirectUrl: `https://wallet.example/${entry.providerId}` } : {};
      return spoken(entry.state === 'declined' ? '403/05' : '200/00', '54', { ...numbersOf(entry), ...page });
    },
  },
  {
    operation: 'debit.query',
    path: '/v1.0/debit/status',
    service: '55',
    act: 'query',
    own: 'originalPartnerReferenceNo',
    wants: [...both, 'serviceCode'],
    says: (entry, situation) => status('55', debitStates, entry, situation),
  },
  {
    operation: 'debit.cancel',
    path: '/v1.0/debit/cancel',
    service: '57',
    act: 'cancel',
    own: 'originalPartnerReferenceNo',
    wants: both,
    says: (entry, situation) => canceled('57', entry, situation),
  },
];

function heardAs({ operation, act }: Call, fields: Fields, reference: string): Heard {
  const sum = fields['amount'] ?? fields['totalAmount'];
  const amount = textOf(sum, 'value');
  const currency = textOf(sum, 'currency');
  return {
    operation,
    fields,
    // Without a card token a wallet is charged, on a page where its owner confirms; a card's owner may have to type in
    // an OTP.
    act: act === 'charge' && (textOf(fields, 'bankCardToken') === undefined || asksForOtp(fields)) ? 'create' : act,
    reference,
    ...(act === 'cancel' && { of: reference }),
    // A wallet payment that is paid is voided.
    ...(operation === 'debit.cancel' && { alsoWhenPaid: true as const }),
    ...(amount !== undefined && { amount }),
    ...(currency !== undefined && { currency }),
  };
}

/**
 * Numbers of at most 64 letters and digits, and rupiah with two decimals: "Invalid Field Format" otherwise. A query or a
 * cancel may name an order of another system.
 */
function isWellFormed({ act, own }: Call, fields: Fields, number: string): boolean {
  const sum = fields['amount'] ?? fields['totalAmount'];
  const isSum = sum === undefined || (isRupiah(textOf(sum, 'value')) && textOf(sum, 'currency') === 'IDR');
  const isNumber = own === 'partnerReferenceNo' ? /^[A-Za-z\d]{1,64}$/.test(number) : number.length <= 64;
  return isSum && (act === 'query' || act === 'cancel' || isNumber);
}

const isRupiah = (value: string | undefined): boolean =>
  value !== undefined && /^\d{1,16}\.\d{2}$/.test(value) && Number(value) > 0;

const asksForOtp = (fields: Fields): boolean => textOf(fields['additionalInfo'], 'isWithOtp') === 'Y';

function answer({ service, act, says }: Call, situation: Situation): Answer {
  const failures: Partial<Record<Situation['answer'], string>> = {
    'not-found': '404/01',
    duplicate: '409/01',
    'already-final': act === 'cancel' ? '404/00' : '404/14',
    maintenance: '403/06',
    'rate-limited': '429/00',
    'system-error': '500/00',
  };
  const failure = failures[situation.answer];
  return failure === undefined && situation.entry !== undefined
    ? says(situation.entry, situation)
    : spoken(failure ?? '500/00', service);
}

function status(
  service: string,
  states: Readonly<Record<EntryState, string>>,
  entry: Entry,
  { heard: { fields } }: Situation,
): Answer {
  const theirs = textOf(fields, 'originalReferenceNo') ?? entry.providerId;
  // Two numbers of different orders name none.
  if (theirs !== entry.providerId) return spoken('404/01', service);
  return spoken('200/00', service, {
    originalReferenceNo: entry.providerId,
    originalPartnerReferenceNo: entry.reference,
    serviceCode: fields['serviceCode'],
    latestTransactionStatus: states[entry.state],
    ...(entry.state === 'declined' && { transactionStatusDesc: 'Insufficient balance' }),
    // A whole number of rupiah, which is the same amount with its two decimals.
    amount: { value: entry.amount.replace(/\.00$/, ''), currency: entry.currency },
    createdTime: timeInJakarta(entry.openedAtMs),
  });
}

const canceled = (service: string, entry: Entry, { nowMs }: Situation): Answer =>
  spoken('200/00', service, {
    originalPartnerReferenceNo: entry.reference,
    originalReferenceNo: entry.providerId,
    cancelTime: timeInJakarta(nowMs),
  });

const numbersOf = ({ providerId, reference }: Entry): Fields => ({
  referenceNo: providerId,
  partnerReferenceNo: reference,
});

/** The merchant's numbers, or the gateway's where he left the choice. */
function accountOf({ fields, providerId, reference, amount, currency }: Entry): Fields {
  const chosen = { partnerServiceId: '   89169', customerNo: providerId, virtualAccountNo: `   89169${providerId}` };
  const given = Object.fromEntries(
    account.flatMap(name => (textOf(fields, name) === undefined ? [] : [[name, fields[name]]])),
  );
  return { ...chosen, ...given, trxId: reference, totalAmount: { value: amount, currency } };
}

const messages: Readonly<Record<string, string>> = {
  '200/00': 'Successful',
  '400/00': 'Bad Request',
  '400/01': 'Invalid Field Format',
  '400/02': 'Invalid Mandatory Field',
  '401/00': 'Unauthorized. Verify Client Secret Fail',
  '401/01': 'Invalid Token (B2B)',
  '401/03': 'Token Not Found (B2B)',
  '403/05': 'Do Not Honor',
  '403/13': 'OTP Sent To Cardholder',
  '403/06': 'Feature Not Allowed At This Time. Cut off In Progress',
  '404/00': 'Invalid Transaction Status',
  '404/01': 'Transaction Not Found',
  '404/02': 'Invalid Routing',
  '404/14': 'Paid Bill',
  '409/00': 'Conflict',
  '409/01': 'Duplicate partnerReferenceNo',
  '429/00': 'Too Many Requests',
  '500/00': 'General Error',
};

/** An answer under its code's own HTTP status. */
function spoken(outcome: string, service: string, rest: Fields = {}): Answer {
  const body = { responseCode: outcome.replace('/', service), responseMessage: messages[outcome], ...rest };
  return { status: Number(outcome.slice(0, 3)), body };
}

const refused = (outcome: string, service: string): Refusal => ({ refused: spoken(outcome, service) });

function parsed(body: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), byte => byte.toString(16).padStart(2, '0')).join('');

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), character => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

async function hmacSha512(secret: string, text: string): Promise<string> {
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-512' }, false, [
    'sign',
  ]);
  return btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text)))));
}

/** What iFortepay has of a merchant's key. */
async function publicHalf(pem: string): Promise<CryptoKey> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const der = bytesOf(pem.replaceAll(/-----[^-]+-----|\s/g, ''));
  const privateKey = await crypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']);
  const { kty = 'RSA', n = '', e = '' } = await crypto.subtle.exportKey('jwk', privateKey);
  return crypto.subtle.importKey('jwk', { kty, n, e }, algorithm, false, ['verify']);
}
