import { steps, type Policy } from '../../src/index.ts';
import {
  askBy,
  defineAdapter,
  duplicate,
  failed,
  moneyOf,
  pollRequired,
  recordOf,
  rejected,
  requestToken,
  retryable,
  statedOf,
  succeeded,
  text,
  textOf,
  tokenKeeper,
  whole,
  type Adapter,
  type CodeTable,
} from '../../src/kit/index.ts';
import { canary } from './canaries.ts';

/**
 * The invented bank of the crash test, as an adapter knows it. It pays a charge once for a number, and of a second
 * request under it nothing is known; it remembers a payout by its idempotency key; and there is no way to ask about a
 * coupon.
 */
export interface BankFields {
  'payment.charge': { order: string; amount: number; code: string };
  'payment.query': { order: string };
  'payout.create': { order: string; amount: number };
  'payout.query': { order: string };
  'coupon.redeem': { order: string; code: string };
}

export type Write = 'payment.charge' | 'payout.create' | 'coupon.redeem';

/** The bank refuses a request that was signed longer ago. */
export const SIGNED_FOR_MS = 1500;

/** Short, since the crash test runs in real time. */
const policy: Policy = {
  attemptTimeoutMs: 600,
  retry: { attempts: 3, backoff: steps([100, 300]) },
  poll: { backoff: steps([150, 250, 400, 600, 800]), deadlineMs: 20_000, absentAfterMs: 3000 },
};

const undone = {
  BUSY: retryable('maintenance'),
  LATE: rejected('invalid-request'),
  SIGN: rejected('authentication'),
} satisfies CodeTable;

const written: CodeTable = {
  ...undone,
  OK: succeeded(),
  WAIT: pollRequired('processing'),
  DECLINED: failed('declined'),
  TAKEN: duplicate(),
};

const found: CodeTable = {
  ...undone,
  NONE: pollRequired('not-found'),
  'OK/paid': succeeded(),
  'OK/pending': pollRequired('processing'),
  'OK/declined': failed('declined'),
};

const money = { order: text, amount: whole };
const expect = ({ amount }: { amount: number }) => moneyOf(String(amount));

export function bank(baseUrl: string, account: string): Adapter<BankFields> {
  const secret = canary('api-key');
  const tokenOf = tokenKeeper({
    account: `bank ${baseUrl}`,
    secret,
    async fetchToken(context) {
      const answer = await requestToken(context, `${baseUrl}/token`, { headers: { 'x-api-key': secret } });
      const value = textOf(answer.body, 'token');
      if (value === undefined) throw new Error('The bank gave no token.');
      return { value, expiresAtMs: Date.now() + 600_000 };
    },
  });
  return defineAdapter<BankFields>({
    name: 'bank',
    account,
    environment: 'sandbox',
    baseUrl,
    encodings: ['json'],
    answerSecrets: ['client_secret'],
    secret: () => secret,
    policy,
    operations: {
      'payment.charge': {
        path: '/charge',
        required: { ...money, code: text },
        codes: written,
        reference: ['order'],
        learns: ['id'],
        expect,
        query: askBy('payment.query', 'order'),
        sameReference: 'unknown',
      },
      'payout.create': {
        path: '/payout',
        required: money,
        storable: ['order', 'amount'],
        codes: written,
        reference: ['order'],
        learns: ['id'],
        expect,
        query: askBy('payout.query', 'order'),
        sameReference: 'replays',
        idempotencyKey: { rememberedForMs: 3_600_000, header: 'idempotency-key' },
      },
      'coupon.redeem': {
        path: '/coupon',
        required: { order: text, code: text },
        codes: written,
        reference: ['order'],
        sameReference: 'unknown',
      },
      'payment.query': { path: '/query', required: { order: text }, codes: found, reference: { order: 'order' } },
      'payout.query': { path: '/payouts', required: { order: text }, codes: found, reference: { order: 'order' } },
    },
    read({ body }) {
      const entry = recordOf(body, 'entry');
      const [code, state] = [textOf(body, 'code'), textOf(entry, 'state')];
      return {
        names: code === undefined ? [] : state === undefined ? [code] : [`${code}/${state}`, code],
        reference: { order: statedOf(entry, 'order'), id: statedOf(entry, 'id') },
        amount: statedOf(entry, 'amount'),
      };
    },
    async headers(send) {
      return { 'x-signed-at': String(send.nowMs), authorization: `Bearer ${await tokenOf(send)}` };
    },
  });
}
