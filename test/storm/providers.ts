import { generateKeyPairSync } from 'node:crypto';
import { readdirSync } from 'node:fs';
import type { Adapter, Fields, Token, TokenStore } from '../../src/index.ts';
import type { Entry, EntryState, Voice } from '../../src/testing/index.ts';

/**
 * What a shop does with each provider. Adapters and voices are found by their folders; what only a merchant knows
 * (which fields an order has) is written here, one table for each.
 */
export interface Provider {
  readonly name: string;
  /** How many payments of a hundred are this provider's: signatures by RSA cost the most. */
  readonly weight: number;
  readonly scenes: Readonly<Record<string, Scene>>;
  /** How far its clock may be from the merchant's (see assumptions.ts, 7). */
  readonly skewMs: number;
  /** What happens to a number that is used twice is not documented. */
  readonly mayBookAgain: boolean;
  /** Of one query for several payments: what it asks for, as its gateway knows it. Only where there is such a query. */
  readonly sharedNumbers?: (request: string) => string | undefined;
  /** A new account, so that no payment meets another one's tokens. */
  readonly open: (seed: number, isVariant: boolean) => Account;
}

export interface Account {
  readonly adapter: Adapter;
  readonly voice: Voice;
  /** Whom a token request is about, as the simulator names it. */
  readonly tokensOf?: string;
  /** What another machine sends to get a token. */
  readonly stealToken?: () => Request;
  /** The gateway's own notice of an entry, or `undefined` where it sends none. */
  readonly notice?: (entry: Entry, nowMs: number) => Request | Promise<Request> | undefined;
}

/** One thing a merchant wants, once. */
export interface Scene {
  readonly operation: string;
  /** What it opens in the gateway's ledger; without it, it changes a payment that is there. */
  readonly opens?: 'create' | 'charge' | 'refund';
  /** The state of the payment it is about. */
  readonly about?: EntryState;
  /** Which scene makes that payment. */
  readonly after?: string;
  /** What the payment should be in the end: a cancel is done when it is off the table. */
  readonly wants: 'paid' | 'off';
  /** The payer cannot try again. */
  readonly declineIsFinal?: true;
  /** After a decline the number may be used for another try. */
  readonly triesAgain?: true;
  /** The write's own answer says which order it is about, by number (see assumptions.ts, 2). */
  readonly namesItsOrder: boolean;
  /** So do the answers of its query, whatever they say. */
  readonly queryNamesItsOrder: boolean;
  readonly fields: (order: Order) => Fields;
  /** The amount as the ledger writes it. */
  readonly amount?: (minor: number) => string;
  /** The ledger knows it by its idempotency key. */
  readonly byKey?: true;
  /** It is asked about by a number of its own, and not by the payment's. */
  readonly hasOwnQuery?: true;
}

export interface Order {
  /** The merchant's number. */
  readonly reference: string;
  /** In minor units. */
  readonly minor: number;
  /** The payment it is about, by the merchant's number and the provider's. */
  readonly of: { readonly reference: string; readonly providerId: string };
}

/** A merchant's number, as the provider wants it: ZaloPay's begin with the day, iFortepay's are letters and digits. */
export const numberOf = (provider: string, seed: number | string): string =>
  `260131${provider === 'zalopay' ? '_' : provider === 'ifortepay' ? 'N' : '-'}${seed}`;

const sources = new URL('../../src/adapters/', import.meta.url);
const samplesFolder = new URL('../samples/', import.meta.url);

/** Every provider there is a folder of. */
export async function findProviders(): Promise<readonly Provider[]> {
  const folders = readdirSync(sources, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => name);
  return Promise.all(
    folders.sort().map(async name => {
      const shop = shops[name];
      if (shop === undefined)
        throw new Error(`test/storm/providers.ts does not know what a shop does with ${name}: add it to the shops.`);
      return { name, ...shop(await load(name)) };
    }),
  );
}

/** An adapter's factory and its voice, by the names that every folder gives them. */
interface Folder {
  readonly adapter: (credentials: object) => Adapter;
  readonly voice: (credentials: object, options?: object) => Voice;
  readonly notice: ((credentials: object, entry: Entry, nowMs: number) => Request | Promise<Request>) | undefined;
  /** What its samples are signed with. */
  readonly keys: Readonly<Record<string, unknown>>;
}

async function load(name: string): Promise<Folder> {
  const open = async (file: string, folder = sources): Promise<Record<string, unknown>> =>
    (await import(new URL(`${file}.ts`, folder).href)) as Record<string, unknown>;
  const [index, simulator, samples] = await Promise.all([
    open(`${name}/index`),
    open(`${name}/simulator`),
    open(name, samplesFolder),
  ]);
  return {
    adapter: index[name] as Folder['adapter'],
    voice: simulator[`${name}Voice`] as Folder['voice'],
    notice: simulator[`${name}Notice`] as Folder['notice'],
    keys: (samples['credentials'] ?? samples['madeUp'] ?? {}) as Folder['keys'],
  };
}

/** Too short for anything but a storm: a signature costs a quarter. */
const pair = (): { publicKey: string; privateKey: string } =>
  generateKeyPairSync('rsa', {
    modulusLength: 1024,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

const merchantKey = pair();
const gatewayKey = pair();
const shortKeys = {
  privateKey: merchantKey.privateKey,
  gatewayPublicKey: gatewayKey.publicKey,
  gatewayPrivateKey: gatewayKey.privateKey,
};

type Shop = (folder: Folder) => Omit<Provider, 'name'>;

/** Most providers send a notice once a payment has come to its end, whichever that is. */
const isOver = ({ state }: Entry): boolean => !['open', 'pending', 'authorized'].includes(state);

const sandbox = { environment: 'sandbox' };
const whole = (minor: number): string => String(minor);
const decimal = (minor: number): string => `${Math.floor(minor / 100)}.${String(minor % 100).padStart(2, '0')}`;

/** A shop's own place for tokens, so that no run finds those of another. */
function tokenStore(): TokenStore {
  const tokens = new Map<string, Token>();
  return { get: key => tokens.get(key), set: (key, token) => tokens.set(key, token) };
}

/** Without credentials that change, a merchant and his gateway can be made once. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const shops: Readonly<Partial<Record<string, Shop>>> = {
  qfpay({ adapter, voice, notice }) {
    const credentials = { ...sandbox, appCode: 'STORM', clientKey: 'storm-client-key' };
    const money = ({ minor }: Order): Fields => ({ txamt: minor, txcurrcd: 'HKD' });
    const named = { namesItsOrder: true, queryNamesItsOrder: true } as const;
    const order: Scene = {
      operation: 'payment.create',
      opens: 'create',
      wants: 'paid',
      ...named,
      fields: o => ({ ...money(o), out_trade_no: o.reference, pay_type: '800101' }),
      amount: whole,
    };
    const merchant = ['MD5', 'SHA256'].map(signType => once(() => adapter({ ...credentials, signType })));
    return {
      weight: 44,
      skewMs: Infinity,
      mayBookAgain: true,
      sharedNumbers: request => new URLSearchParams(request.split('\n')[1]).get('out_trade_no') ?? undefined,
      open: (seed, isVariant) => ({
        adapter: (merchant[isVariant ? 1 : 0] ?? merchant[0])?.() ?? adapter(credentials),
        // Which of its manuals is right is not known: in half of the storm a reversal gives back what was paid.
        voice: voice(credentials, { reversesPaid: seed % 2 === 0 }),
        ...(notice !== undefined && {
          notice: (entry: Entry, nowMs: number) => (entry.bookings > 0 ? notice(credentials, entry, nowMs) : undefined),
        }),
      }),
      scenes: {
        order,
        charge: {
          ...order,
          opens: 'charge',
          triesAgain: true,
          fields: o => ({
            ...money(o),
            out_trade_no: o.reference,
            pay_type: '800108',
            auth_code: '280000000000000000',
          }),
        },
        refund: {
          operation: 'refund.create',
          opens: 'refund',
          after: 'order',
          about: 'paid',
          wants: 'paid',
          ...named,
          fields: o => ({ out_trade_no: o.reference, syssn: o.of.providerId, txamt: o.minor }),
          amount: whole,
        },
        reverse: {
          operation: 'payment.reverse',
          after: 'order',
          about: 'open',
          wants: 'off',
          ...named,
          fields: o => ({ out_trade_no: o.of.reference, txamt: o.minor }),
        },
        close: {
          operation: 'payment.close',
          after: 'order',
          about: 'open',
          wants: 'off',
          ...named,
          fields: o => ({ out_trade_no: o.of.reference, txamt: o.minor }),
        },
      },
    };
  },

  zalopay({ adapter, voice, notice }) {
    const credentials = { ...sandbox, appId: 2553, key1: 'storm-key-1', key2: 'storm-key-2' };
    const merchant = once(() => adapter(credentials));
    const money = ({ reference, minor }: Order): Fields => ({
      app_trans_id: reference,
      app_user: 'user-7',
      amount: minor,
      description: 'Tea',
    });
    const hasNotice = (entry: Entry): boolean =>
      ['payment.create', 'payment.scan'].includes(entry.operation) && entry.bookings > 0;
    const order: Scene = {
      operation: 'payment.create',
      opens: 'create',
      wants: 'paid',
      namesItsOrder: false,
      queryNamesItsOrder: false,
      fields: o => ({ ...money(o), expire_duration_seconds: 1800 }),
      amount: whole,
    };
    const payer = { identifier: 'user-7', pay_token: 'storm-token' };
    return {
      weight: 30,
      skewMs: Infinity,
      mayBookAgain: false,
      open: () => ({
        adapter: merchant(),
        voice: voice(credentials),
        ...(notice !== undefined && {
          notice: (entry: Entry, nowMs: number) => (hasNotice(entry) ? notice(credentials, entry, nowMs) : undefined),
        }),
      }),
      scenes: {
        order,
        charge: {
          operation: 'payment.charge',
          opens: 'charge',
          wants: 'paid',
          namesItsOrder: true,
          queryNamesItsOrder: false,
          triesAgain: true,
          fields: ({ reference }) => ({ ...payer, app_trans_id: reference, zp_trans_token: `ZP${reference}` }),
        },
        scan: {
          ...order,
          operation: 'payment.scan',
          opens: 'charge',
          declineIsFinal: true,
          fields: o => ({ ...money(o), payment_code_raw: `18${o.reference}`, payment_code: btoa(`18${o.reference}`) }),
        },
        refund: {
          operation: 'refund.create',
          opens: 'refund',
          after: 'order',
          about: 'paid',
          wants: 'paid',
          namesItsOrder: false,
          queryNamesItsOrder: false,
          fields: ({ reference, minor, of }) => ({
            m_refund_id: reference,
            zp_trans_id: of.providerId,
            amount: minor,
            description: 'Out of tea',
          }),
          amount: whole,
        },
        cancel: {
          operation: 'payment.cancel',
          after: 'order',
          about: 'open',
          wants: 'off',
          namesItsOrder: false,
          queryNamesItsOrder: false,
          fields: ({ of }) => ({ app_trans_id: of.reference }),
        },
      },
    };
  },

  ifortepay({ adapter, voice, notice, keys: samples }) {
    const keys = { ...samples, privateKey: shortKeys.privateKey };
    const credentials = (seed: number): object => ({ ...keys, ...sandbox, partnerId: `STORM${seed}` });
    const asymmetric = once(() => adapter({ ...keys, ...sandbox }));
    const amount = ({ minor }: Order): Fields => ({ value: decimal(minor), currency: 'IDR' });
    const named = { namesItsOrder: true, queryNamesItsOrder: true } as const;
    const additionalInfo = { callbackUrl: 'https://shop.example/ifortepay' };
    const qris: Scene = {
      operation: 'qris.create',
      opens: 'create',
      wants: 'paid',
      declineIsFinal: true,
      ...named,
      fields: o => ({ partnerReferenceNo: o.reference, amount: amount(o), additionalInfo }),
      amount: decimal,
    };
    const wallet: Scene = {
      ...qris,
      operation: 'debit.charge',
      fields: o => ({ partnerReferenceNo: o.reference, amount: amount(o) }),
    };
    const both = ({ of }: Order): Fields => ({
      originalPartnerReferenceNo: of.reference,
      originalReferenceNo: of.providerId,
    });
    return {
      weight: 2,
      skewMs: 30_000,
      mayBookAgain: true,
      open(seed, isVariant) {
        const mine = credentials(seed);
        return {
          adapter: isVariant ? adapter({ ...mine, signature: 'symmetric', tokens: tokenStore() }) : asymmetric(),
          voice: voice(isVariant ? mine : { ...keys, ...sandbox }, {
            answersOwnNumberAlone: seed % 2 === 0,
            tokenLifetimeS: 90,
          }),
          tokensOf: '',
          ...(notice !== undefined && {
            notice: (entry: Entry, nowMs: number) =>
              isOver(entry) ? notice(isVariant ? mine : { ...keys, ...sandbox }, entry, nowMs) : undefined,
          }),
        };
      },
      scenes: {
        qris,
        wallet,
        otp: {
          ...wallet,
          fields: o => ({
            partnerReferenceNo: o.reference,
            amount: amount(o),
            bankCardToken: 'storm-card-token',
            additionalInfo: { isWithOtp: 'Y' },
          }),
        },
        card: {
          ...wallet,
          opens: 'charge',
          triesAgain: true,
          fields: o => ({ partnerReferenceNo: o.reference, amount: amount(o), bankCardToken: 'storm-card-token' }),
        },
        account: {
          operation: 'va.create',
          opens: 'create',
          wants: 'paid',
          ...named,
          fields: o => ({
            trxId: o.reference,
            virtualAccountName: 'Tea',
            virtualAccountTrxType: 'C',
            totalAmount: amount(o),
          }),
          amount: decimal,
        },
        'cancel-qris': {
          operation: 'qris.cancel',
          after: 'qris',
          about: 'open',
          wants: 'off',
          ...named,
          fields: o => ({ ...both(o), reason: 'Out of tea' }),
        },
        'cancel-wallet': {
          operation: 'debit.cancel',
          after: 'wallet',
          about: 'open',
          wants: 'off',
          ...named,
          fields: both,
        },
        'void-wallet': {
          operation: 'debit.cancel',
          after: 'wallet',
          about: 'paid',
          wants: 'off',
          ...named,
          fields: both,
        },
      },
    };
  },

  rebell({ adapter, voice, notice, keys: samples }) {
    const keys = { ...samples, ...shortKeys };
    const merchant = [false, true].map(isSealed =>
      once(() => adapter({ ...keys, ...sandbox, gatewayPublicKey: isSealed ? keys['gatewayPublicKey'] : undefined })),
    );
    const gateways = [false, true].map(isSealed =>
      once(() => voice({ ...keys, gatewayPrivateKey: isSealed ? keys['gatewayPrivateKey'] : undefined })),
    );
    const paymentAmount = ({ minor }: Order): Fields => ({ currency: 'EUR', value: whole(minor) });
    const named = { namesItsOrder: true, queryNamesItsOrder: true } as const;
    const order: Scene = {
      operation: 'payment.create',
      opens: 'create',
      wants: 'paid',
      declineIsFinal: true,
      ...named,
      fields: o => ({ paymentRequestId: o.reference, paymentAmount: paymentAmount(o) }),
      amount: whole,
    };
    return {
      weight: 2,
      skewMs: Infinity,
      mayBookAgain: false,
      open(_seed, isVariant) {
        const index = isVariant ? 1 : 0;
        return {
          adapter: merchant[index]?.() ?? adapter(keys),
          voice: gateways[index]?.() ?? voice(keys),
          ...(notice !== undefined &&
            isVariant && {
              notice: (entry: Entry, nowMs: number) => (isOver(entry) ? notice(keys, entry, nowMs) : undefined),
            }),
        };
      },
      scenes: {
        order,
        charge: {
          ...order,
          operation: 'payment.charge',
          opens: 'charge',
          fields: o => ({
            paymentRequestId: o.reference,
            paymentAmount: paymentAmount(o),
            paymentAuthCode: '28000000',
          }),
        },
        refund: {
          operation: 'refund.create',
          opens: 'refund',
          after: 'order',
          about: 'paid',
          wants: 'paid',
          ...named,
          fields: o => ({ refundRequestId: o.reference, paymentId: o.of.providerId, refundAmount: paymentAmount(o) }),
          amount: whole,
        },
        cancel: {
          operation: 'payment.cancel',
          after: 'order',
          about: 'open',
          wants: 'off',
          ...named,
          fields: ({ of }) => ({ paymentRequestId: of.reference }),
        },
        void: {
          operation: 'payment.void',
          after: 'order',
          about: 'paid',
          wants: 'off',
          hasOwnQuery: true,
          ...named,
          fields: ({ reference, of }) => ({ voidRequestId: reference, paymentId: of.providerId }),
        },
        capture: {
          operation: 'payment.capture',
          after: 'order',
          about: 'authorized',
          wants: 'paid',
          hasOwnQuery: true,
          ...named,
          fields: o => ({ captureRequestId: o.reference, paymentId: o.of.providerId, captureAmount: paymentAmount(o) }),
        },
      },
    };
  },

  uqpay({ adapter, voice, notice }) {
    const named = { namesItsOrder: true, queryNamesItsOrder: true } as const;
    const intent = ({ of }: Order): Fields => ({ payment_intent_id: `PI${of.providerId}` });
    const order: Scene = {
      operation: 'payment.create',
      opens: 'create',
      wants: 'paid',
      ...named,
      fields: ({ reference, minor }) => ({
        amount: decimal(minor),
        currency: 'SGD',
        merchant_order_id: reference,
        description: 'Tea',
        return_url: 'https://shop.example/thanks',
      }),
      amount: decimal,
    };
    return {
      weight: 21,
      skewMs: Infinity,
      mayBookAgain: false,
      open(seed) {
        const credentials = {
          ...sandbox,
          clientId: `storm-${seed}`,
          apiKey: 'storm-api-key',
          webhookSecret: 'storm-webhook-secret',
        };
        const { clientId, apiKey } = credentials;
        const merchant = adapter({ ...credentials, tokens: tokenStore() });
        return {
          adapter: merchant,
          voice: voice(credentials),
          tokensOf: clientId,
          stealToken: () =>
            new Request(`${merchant.baseUrl}/v1/connect/token`, {
              method: 'POST',
              headers: { 'x-client-id': clientId, 'x-api-key': apiKey },
            }),
          ...(notice !== undefined && { notice: (entry: Entry, nowMs: number) => notice(credentials, entry, nowMs) }),
        };
      },
      scenes: {
        order,
        'order-with-method': { ...order, fields: o => ({ ...order.fields(o), payment_method: { type: 'card' } }) },
        confirm: {
          operation: 'payment.confirm',
          opens: 'charge',
          after: 'order',
          about: 'open',
          wants: 'paid',
          ...named,
          fields: intent,
        },
        capture: {
          operation: 'payment.capture',
          after: 'order',
          about: 'authorized',
          wants: 'paid',
          ...named,
          fields: intent,
        },
        cancel: { operation: 'payment.cancel', after: 'order', about: 'open', wants: 'off', ...named, fields: intent },
        refund: {
          operation: 'refund.create',
          opens: 'refund',
          after: 'order',
          about: 'paid',
          wants: 'paid',
          byKey: true,
          ...named,
          fields: o => ({
            ...intent(o),
            merchant_refund_id: o.reference,
            amount: decimal(o.minor),
            reason: 'Out of tea',
          }),
          amount: decimal,
        },
        payout: {
          operation: 'payout.create',
          opens: 'charge',
          wants: 'paid',
          byKey: true,
          ...named,
          fields: ({ reference, minor }) => ({
            merchant_payout_id: reference,
            payout_currency: 'SGD',
            payout_amount: decimal(minor),
            statement_descriptor: 'TEA',
          }),
          amount: decimal,
        },
      },
    };
  },
};
