import { describe, it } from 'node:test';
import type { Exchange } from 'tillpaid';
import { adapterContract, type AdapterSamples } from 'tillpaid/testing';
import { lantern, type LanternFields } from './own-provider.ts';

/** Answers as Lantern Pay's manual shows them. */
const answer = (operation: keyof LanternFields, code: string, more: object = {}): Exchange => ({
  operation,
  sent: { ...complete[operation] },
  status: 200,
  body: { code, ...more },
});

/** A request with all that each call needs. */
const complete: { readonly [K in keyof LanternFields]: LanternFields[K] } = {
  'payment.charge': { order: 'A1', amount: 1250, scanned: '284957310466312987' },
  'payment.create': { order: 'A1', amount: 1250 },
  'payment.cancel': { order: 'A1' },
  'payment.query': { order: 'A1' },
  'refund.create': { refund: 'R1', order: 'A1', amount: 1250 },
  'refund.query': { refund: 'R1' },
};

/** Chapter 3 and chapter 4: every code there is. */
const ofWrites = ['OK', 'BUSY', 'LIMIT', 'SIGN', 'TAKEN', 'NONE', 'LATE', 'DECLINED', 'PENDING', 'ERROR'];
const ofQueries = ['NONE', 'ERROR', 'OK/open', 'OK/pending', 'OK/done', 'OK/declined', 'OK/canceled'];

export const samples: AdapterSamples = {
  secrets: ['made-up-lantern-key'],
  complete,
  manual: Object.fromEntries(Object.keys(complete).map(name => [name, name.endsWith('.query') ? ofQueries : ofWrites])),
  samples: [
    {
      title: 'a charge that is answered OK is paid',
      exchange: answer('payment.charge', 'OK', { order: 'A1', amount: 1250 }),
      verdict: { kind: 'terminal', outcome: 'succeeded' },
    },
    {
      title: 'a charge that is answered OK for another order is asked about',
      exchange: answer('payment.charge', 'OK', { order: 'A2', amount: 1250 }),
      verdict: { kind: 'poll-required', reason: 'conflict' },
    },
    {
      title: 'a declined charge has failed',
      exchange: answer('payment.charge', 'DECLINED'),
      verdict: { kind: 'terminal', outcome: 'failed', reason: 'declined' },
    },
    {
      title: 'an order that is answered OK waits for its payer',
      exchange: answer('payment.create', 'OK', { order: 'A1', id: '77' }),
      verdict: { kind: 'terminal', outcome: 'created' },
    },
    {
      title: 'a wrong signature is refused before anything is done',
      exchange: answer('refund.create', 'SIGN'),
      verdict: { kind: 'terminal', outcome: 'rejected', reason: 'authentication' },
    },
    {
      title: 'a busy gateway has done nothing, and may be sent to again',
      exchange: answer('payment.charge', 'BUSY'),
      verdict: { kind: 'retryable', reason: 'maintenance' },
    },
    {
      title: 'a refund that is taken is not done yet',
      exchange: answer('refund.create', 'OK', { refund: 'R1' }),
      verdict: { kind: 'poll-required', reason: 'processing' },
    },
    {
      title: 'a decline that a query of an open order finds leaves it open',
      exchange: answer('payment.query', 'OK', { state: 'declined', order: 'A1' }),
      verdict: { kind: 'poll-required', reason: 'declined' },
    },
    {
      title: 'a canceled order is canceled',
      exchange: answer('payment.query', 'OK', { state: 'canceled', order: 'A1' }),
      verdict: { kind: 'terminal', outcome: 'canceled' },
    },
  ],
};

// node --test own-provider-contract.ts
if (import.meta.main)
  adapterContract(lantern({ shop: 'shop-1', key: 'made-up-lantern-key' }), samples, { describe, it });
