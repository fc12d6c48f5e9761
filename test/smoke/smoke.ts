import ky from 'ky';
import { createGateway, parseTicket, type Adapter, type Fields, type Ticket } from 'tillpaid';
import { ifortepay } from 'tillpaid/adapters/ifortepay';
import { qfpay } from 'tillpaid/adapters/qfpay';
import { rebell } from 'tillpaid/adapters/rebell';
import { uqpay } from 'tillpaid/adapters/uqpay';
import { zalopay } from 'tillpaid/adapters/zalopay';
import { steps } from 'tillpaid/policies';
import { lives, simulateGateway, type Entry, type Sample, type Simulator, type Voice } from 'tillpaid/testing';
import { ifortepayNotice, ifortepayVoice } from 'tillpaid/testing/ifortepay';
import { qfpayNotice, qfpayVoice } from 'tillpaid/testing/qfpay';
import { rebellNotice, rebellVoice } from 'tillpaid/testing/rebell';
import { uqpayNotice, uqpayVoice } from 'tillpaid/testing/uqpay';
import { zalopayNotice, zalopayVoice } from 'tillpaid/testing/zalopay';
import { credentials as ifortepayKeys, samples as ifortepaySamples } from '../samples/ifortepay.ts';
import { samples as qfpaySamples } from '../samples/qfpay.ts';
import { madeUp as rebellKeys, samples as rebellSamples } from '../samples/rebell.ts';
import { samples as uqpaySamples } from '../samples/uqpay.ts';
import { samples as zalopaySamples } from '../samples/zalopay.ts';

/**
 * What every runtime must do, by web standards alone, in real time and with its own `fetch` classes, timers and
 * cryptography. The same file runs in each.
 */
export interface Passed {
  /** Answers that were read as the manual means them. */
  readonly samples: number;
  /** Payments whose answer was lost, settled by asking, and charged once. */
  readonly settled: number;
  /** Signed notices that were believed, each beside a forged one that was not. */
  readonly webhooks: number;
  /** Tickets stored as text, read again, and followed by another gateway object. */
  readonly tickets: number;
}

interface Trial {
  readonly adapter: Adapter;
  readonly samples: readonly Sample[];
  readonly classify: Pick<Adapter, 'classify'>;
  readonly voice: Voice;
  readonly notice: (entry: Entry) => Request | Promise<Request>;
  readonly operation: string;
  readonly fields: (reference: string) => Fields;
  /** What this provider wants before each number. Default: nothing. */
  readonly prefix?: string;
}

/** @throws {Error} that says what this runtime did otherwise */
export async function smoke(): Promise<Passed> {
  let passed: Passed = { samples: 0, settled: 0, webhooks: 0, tickets: 0 };
  for (const trial of await trials()) {
    const samples = passed.samples + classified(trial);
    await settled(trial);
    await followed(trial);
    passed = { samples, settled: passed.settled + 1, webhooks: passed.webhooks + 1, tickets: passed.tickets + 1 };
  }
  return passed;
}

function classified({ adapter, classify, samples }: Trial): number {
  for (const { title, exchange, verdict: expected } of samples) {
    const verdict = classify.classify(exchange);
    for (const [name, value] of Object.entries(expected))
      same(`${adapter.name}, "${title}": ${name}`, Reflect.get(verdict, name), value);
  }
  return samples.length;
}

/** The gateway books the payment and cuts the connection. */
async function settled(trial: Trial): Promise<void> {
  const { operation, fields, voice, notice, prefix = '' } = trial;
  const reference = `${prefix}SMOKE1`;
  const simulated = simulateGateway({
    voice,
    faults: { onSend: ['reset-after-booking'] },
    lives: { create: lives.paidAfter(1), charge: lives.paid() },
  });
  const gateway = gatewayTo(trial, simulated);
  const first = await gateway.settle(operation as never, fields(reference) as never);
  const end = first.outcome === 'created' ? await gateway.untilSettled(first.ticket) : first;
  const what = `${trial.adapter.name} ${operation} whose answer was lost`;
  same(`${what}: outcome`, end.outcome, 'succeeded');
  const entry = simulated.ledger.payment(reference);
  if (entry === undefined) throw new Error(`${what}: the gateway does not know it`);
  same(`${what}: bookings`, entry.bookings, 1);
  const received = await gateway.receive(await notice(entry));
  same(`${what}: its notice`, received.verified, true);
  const { url, headers, text } = await opened(await notice(entry));
  const forged = new Request(url, { method: 'POST', headers, body: text.replace(reference, `${prefix}SMOKE2`) });
  const refused = await gateway.receive(forged);
  same(`${what}: its notice under another number`, refused.verified, false);
}

const opened = async (request: Request): Promise<{ url: string; headers: Headers; text: string }> => ({
  url: request.url,
  headers: request.headers,
  text: await request.text(),
});

/** The caller goes away while the payment is open; later another gateway object has nothing but the stored text. */
async function followed(trial: Trial): Promise<void> {
  const { operation, fields, voice, prefix = '' } = trial;
  const reference = `${prefix}SMOKE2`;
  const simulated = simulateGateway({ voice, lives: { create: lives.open(), charge: lives.open() } });
  const stop = new AbortController();
  let stored: string | undefined;
  const store = (ticket: Ticket): void => {
    stored = JSON.stringify(ticket);
  };
  const call = gatewayTo(trial, simulated).settle(operation as never, fields(reference) as never, {
    onTicket: store,
    signal: stop.signal,
  });
  setTimeout(() => stop.abort(), 150);
  await call.catch(() => undefined);
  const what = `${trial.adapter.name} ${operation} that was left open`;
  if (stored === undefined) throw new Error(`${what}: no ticket was stored`);
  simulated.script(reference, { life: lives.paid() });
  const end = await gatewayTo(trial, simulated).untilSettled(parseTicket(JSON.parse(stored)));
  same(`${what}: outcome`, end.outcome, 'succeeded');
  same(`${what}: bookings`, simulated.ledger.payment(reference)?.bookings, 1);
}

const gatewayTo = ({ adapter }: Trial, { fetch }: Simulator) =>
  createGateway({ adapter, client: ky.create({ fetch }), policy: { poll: { backoff: steps([20, 20, 50, 100]) } } });

function same(what: string, is: unknown, should: unknown): void {
  if (is !== should) throw new Error(`${what}: ${String(is)}, and should be ${String(should)}`);
}

async function trials(): Promise<readonly Trial[]> {
  const environment = 'sandbox';
  const forQfpay = { environment, appCode: 'SMOKE', clientKey: 'smoke-client-key' } as const;
  const forZalopay = { environment, appId: 2553, key1: 'smoke-key-1', key2: 'smoke-key-2' } as const;
  const forUqpay = { environment, clientId: 'smoke', apiKey: 'smoke-key', webhookSecret: 'smoke-secret' } as const;
  const gatewayKey = await keyPair();
  const forRebell = { ...rebellKeys, gatewayPublicKey: gatewayKey.publicKey };
  const rebellGateway = { ...rebellKeys, gatewayPrivateKey: gatewayKey.privateKey };
  return [
    {
      adapter: qfpay(forQfpay),
      samples: qfpaySamples.samples,
      classify: qfpaySamples.adapter,
      voice: qfpayVoice(forQfpay),
      notice: entry => qfpayNotice(forQfpay, entry, Date.now()),
      operation: 'payment.charge',
      fields: reference => ({
        out_trade_no: reference,
        txamt: 1000,
        txcurrcd: 'HKD',
        pay_type: '800108',
        auth_code: '284957310466312987',
      }),
    },
    {
      adapter: zalopay(forZalopay),
      samples: zalopaySamples.samples,
      classify: zalopaySamples.adapter,
      voice: zalopayVoice(forZalopay),
      notice: entry => zalopayNotice(forZalopay, entry, Date.now()),
      operation: 'payment.create',
      prefix: '260101_',
      fields: reference => ({ app_trans_id: reference, app_user: 'user-7', amount: 10_000, description: 'Tea' }),
    },
    {
      adapter: ifortepay(ifortepayKeys),
      samples: ifortepaySamples.samples,
      classify: ifortepaySamples.adapter,
      voice: ifortepayVoice(ifortepayKeys, { answersOwnNumberAlone: true }),
      notice: entry => ifortepayNotice(ifortepayKeys, entry, Date.now()),
      operation: 'qris.create',
      fields: reference => ({
        partnerReferenceNo: reference,
        amount: { value: '10000.00', currency: 'IDR' },
        additionalInfo: { callbackUrl: 'https://shop.example/ifortepay' },
      }),
    },
    {
      adapter: rebell(forRebell),
      samples: rebellSamples.samples,
      classify: rebellSamples.adapter,
      voice: rebellVoice(rebellGateway),
      notice: entry => rebellNotice(rebellGateway, entry, Date.now()),
      operation: 'payment.charge',
      fields: reference => ({
        paymentRequestId: reference,
        paymentAmount: { currency: 'EUR', value: '1250' },
        paymentAuthCode: '28000000',
      }),
    },
    {
      adapter: uqpay(forUqpay),
      samples: uqpaySamples.samples,
      classify: uqpaySamples.adapter,
      voice: uqpayVoice(forUqpay),
      notice: entry => uqpayNotice(forUqpay, entry, Date.now()),
      operation: 'payment.create',
      fields: reference => ({
        amount: '12.50',
        currency: 'SGD',
        merchant_order_id: reference,
        description: 'Tea',
        return_url: 'https://shop.example/thanks',
      }),
    },
  ];
}

/** Made by the runtime itself. */
async function keyPair(): Promise<{ readonly publicKey: string; readonly privateKey: string }> {
  const pair = await crypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    true,
    ['sign', 'verify'],
  );
  const pem = async (format: 'spki' | 'pkcs8', key: CryptoKey, label: string): Promise<string> => {
    const bytes = new Uint8Array(await crypto.subtle.exportKey(format, key));
    const lines = btoa(String.fromCharCode(...bytes)).match(/.{1,64}/g) ?? [];
    return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
  };
  return {
    publicKey: await pem('spki', pair.publicKey, 'PUBLIC KEY'),
    privateKey: await pem('pkcs8', pair.privateKey, 'PRIVATE KEY'),
  };
}
