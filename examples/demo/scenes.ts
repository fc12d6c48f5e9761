import { constant, parseTicket, type Settlement, type SettleOptions, type TimelineEntry } from 'tillpaid';
import { lives, type Script } from 'tillpaid/testing';
import {
  ifortepayDemo,
  qfpayDemo,
  rebellDemo,
  uqpayDemo,
  zalopayDemo,
  type Charges,
  type Orders,
  type Provider,
} from './providers.ts';

/** One payment, and what goes wrong with it. */
export interface Scene {
  /** Counted from 1. */
  readonly number: number;
  readonly title: string;
  /** What the wire and the gateway do. */
  readonly wire: string;
  readonly provider: Provider<unknown>;
  /**
   * Plays it against the gateway at that address; resolves to each settlement on the way, the last one being its end.
   */
  readonly play: (baseUrl: string, onMark: (mark: Mark) => void) => Promise<Settlement[]>;
}

/** Something seen of a payment: a line of its timeline, or the end of the process that followed it. */
export type Mark = TimelineEntry | { readonly type: 'process-ended' };

interface Stage<Shop> {
  readonly shop: Shop;
  readonly reference: string;
  /** Goes into every call, so that the demo can draw what happens. */
  readonly watch: Pick<SettleOptions, 'onProgress'>;
  /** This process ends. What the next one has is a gateway object of its own, and what was stored. */
  readonly nextProcess: () => Shop;
}

interface Plot<Shop> extends Pick<Scene, 'title' | 'wire'> {
  readonly script: Script;
  readonly play: (stage: Stage<Shop>) => Promise<Settlement[]>;
}

const scene =
  <Shop>(provider: Provider<Shop>, { title, wire, script, play }: Plot<Shop>) =>
  (number: number): Scene => {
    const reference = provider.reference(String(number).padStart(2, '0'));
    provider.gateway.script(reference, script);
    return {
      number,
      title,
      wire,
      provider,
      play(baseUrl, onMark) {
        const nextProcess = (): Shop => {
          onMark({ type: 'process-ended' });
          return provider.open(baseUrl);
        };
        return play({ shop: provider.open(baseUrl), reference, watch: { onProgress: onMark }, nextProcess });
      },
    };
  };

const charge = async ({ shop, reference, watch }: Stage<Charges>): Promise<Settlement[]> => [
  await shop.charge(reference, watch),
];

const orderThenFollow = async ({ shop, reference, watch }: Stage<Orders>): Promise<Settlement[]> => {
  const order = await shop.order(reference, watch);
  return [order, await shop.follow(order.ticket, watch)];
};

const pause = (delayMs: number): Promise<void> => new Promise(resolve => setTimeout(resolve, delayMs));

export const scenes: readonly Scene[] = [
  scene(qfpayDemo, {
    title: 'pending, then paid',
    wire: 'pending for 1.6 s',
    script: { life: lives.paidAfter(1600) },
    play: charge,
  }),
  scene(qfpayDemo, {
    title: 'answer lost',
    wire: 'booked, then connection cut',
    script: { onSend: ['reset-after-booking'] },
    play: charge,
  }),
  scene(rebellDemo, {
    title: 'a proxy’s 503',
    wire: 'booked, then status 503',
    script: { onSend: ['503-after-booking'], life: lives.paidAfter(1200) },
    play: charge,
  }),
  scene(rebellDemo, {
    title: 'no answer at all',
    wire: 'booked, then silence',
    script: { onSend: ['hang-after-booking'] },
    play: charge,
  }),
  scene(uqpayDemo, {
    title: 'maintenance',
    wire: 'closed: nothing taken in',
    script: { onSend: ['maintenance'], life: lives.paidAfter(800) },
    play: orderThenFollow,
  }),
  scene(qfpayDemo, {
    title: 'declined',
    wire: 'no funds',
    script: { life: lives.declined() },
    play: charge,
  }),
  scene(ifortepayDemo, {
    title: 'QR code',
    wire: 'paid after 2.2 s',
    script: { life: lives.paidAfter(2200) },
    play: orderThenFollow,
  }),
  scene(uqpayDemo, {
    title: 'order, its answer lost',
    wire: 'order made, connection cut',
    script: { onSend: ['reset-after-booking'], life: lives.paidAfter(1900) },
    play: orderThenFollow,
  }),
  scene(zalopayDemo, {
    title: 'request lost',
    wire: 'cut before it arrived',
    script: { onSend: ['reset-before-booking'] },
    play: async ({ shop, reference, watch }) => [
      await shop.charge(reference, { ...watch, policy: { poll: { absentAfterMs: 800 } } }),
    ],
  }),
  scene(zalopayDemo, {
    title: 'request lost, resent',
    wire: 'cut before it arrived',
    script: { onSend: ['reset-before-booking'] },
    play: async ({ shop, reference, watch }) => [
      await shop.charge(reference, { ...watch, policy: { poll: { absentAfterMs: 800, resendWhenAbsent: true } } }),
    ],
  }),
  scene(qfpayDemo, {
    title: 'deadline, then resumed',
    wire: 'pending for 3.6 s',
    script: { life: lives.paidAfter(3600) },
    async play({ shop, reference, watch, nextProcess }) {
      let stored = '';
      const onTicket: SettleOptions['onTicket'] = ticket => (stored = JSON.stringify(ticket));
      const open = await shop.charge(reference, { ...watch, onTicket, policy: { poll: { deadlineMs: 1500 } } });
      const nextShop = nextProcess();
      await pause(900);
      return [open, await nextShop.follow(parseTicket(stored), watch)];
    },
  }),
  scene(qfpayDemo, {
    title: 'job delivered twice',
    wire: 'booked; its worker killed',
    script: { onSend: ['hang-after-booking'] },
    async play({ shop, reference, watch, nextProcess }) {
      const worker = new AbortController();
      const charged = shop.charge(reference, { ...watch, signal: worker.signal }).catch(() => 'killed');
      while (qfpayDemo.gateway.ledger.payment(reference) === undefined) await pause(50);
      await pause(400);
      worker.abort();
      await charged;
      const nextShop = nextProcess();
      await pause(600);
      return [await nextShop.charge(reference, { ...watch, mayHaveBeenSent: true })];
    },
  }),
  scene(zalopayDemo, {
    title: 'webhook',
    wire: 'paid after 1.9 s, and told',
    script: { life: lives.paidAfter(1900) },
    async play({ shop, reference, watch }) {
      const order = await shop.order(reference, watch);
      const followed = shop.follow(order.ticket, { ...watch, policy: { poll: { backoff: constant(3000) } } });
      await pause(2100);
      await shop.hearOf(reference);
      return [order, await followed];
    },
  }),
  scene(qfpayDemo, {
    title: 'refund',
    wire: 'taken, and done after 0.9 s',
    script: {},
    async play({ shop, reference, watch }) {
      const payment = await shop.charge(reference, watch);
      return [payment, await shop.refund(payment, watch)];
    },
  }),
].map((make, index) => make(index + 1));
