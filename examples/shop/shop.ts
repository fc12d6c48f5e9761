import { DatabaseSync } from 'node:sqlite';
import { Hono, type HonoRequest } from 'hono';
import type { KyInstance } from 'ky';
import {
  createGateway,
  isInputError,
  isReferenceInUseError,
  type CallPolicy,
  type Clock,
  type Settlement,
} from 'tillpaid';
import { qfpay, type QfpayCredentials } from 'tillpaid/adapters/qfpay';
import { zalopay, type ZalopayCredentials } from 'tillpaid/adapters/zalopay';
import { createWorker, type OnSettled, type Worker } from 'tillpaid/journal';
import { sqliteJournal } from 'tillpaid/journal/sqlite';

export interface ShopOptions {
  /** The journal and the orders are in one SQLite file, and so in one transaction. */
  readonly file: string;
  readonly qfpay: QfpayCredentials;
  readonly zalopay: ZalopayCredentials;
  /** For tests: clients whose `fetch` is a simulator's, and a manual clock. */
  readonly test?: { readonly qfpay: KyInstance; readonly zalopay: KyInstance; readonly clock: Clock };
}

export interface Shop {
  readonly app: Hono;
  readonly worker: Worker;
  readonly close: () => Promise<void>;
}

type State = 'placed' | 'awaiting payer' | 'paid' | 'refunded';

interface Order {
  readonly number: string;
  readonly provider: string;
  /** In the smallest unit there is. */
  readonly amount: number;
  readonly state: string;
  /** Where its payer pays. */
  readonly link: string | undefined;
  /** The provider's number, which a refund names. */
  readonly paidAs: string | undefined;
}

/** What becomes of an order by an end of its payment. What is not known, or was only this request's, changes nothing. */
const afterPayment: Readonly<Partial<Record<Settlement['outcome'], State>>> = {
  ...{ created: 'awaiting payer', succeeded: 'paid', refunded: 'refunded' },
  ...{ failed: 'placed', canceled: 'placed', expired: 'placed' },
};
const afterRefund: typeof afterPayment = { succeeded: 'refunded' };
const REFUND = '_R';

/** A browser does not wait longer; the worker goes on asking. */
const policy: CallPolicy = { poll: { deadlineMs: 30_000 } };

/** Made once, when the order is placed, and never for a second try. ZaloPay wants Vietnam's date in front. */
const newNumber = (nowMs: number): string =>
  `${new Date(nowMs + 7 * 3_600_000).toISOString().slice(2, 10).replaceAll('-', '')}_${crypto.randomUUID().slice(0, 18)}`;

/** A request's fields; what is no JSON has none, and is told what is missing. */
const fieldsOf = async (request: HonoRequest): Promise<Partial<Record<string, unknown>>> => ({
  ...(await request.json<object | null>().catch(() => null)),
});

export function openShop({ file, test, ...accounts }: ShopOptions): Shop {
  const clock = test && { clock: test.clock };
  const journal = sqliteJournal(file, { ...clock });
  const till = createGateway({
    adapter: qfpay(accounts.qfpay),
    journal,
    ...clock,
    ...(test && { client: test.qfpay }),
  });
  const web = createGateway({
    adapter: zalopay(accounts.zalopay),
    journal,
    ...clock,
    ...(test && { client: test.zalopay }),
  });
  const db = new DatabaseSync(file, { timeout: 5000 });
  db.exec(`CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, provider TEXT, amount INTEGER,
    state TEXT DEFAULT 'placed', link TEXT, paidAs TEXT)`);

  const orderOf = (number: string): Order | undefined => {
    const row = db.prepare('SELECT * FROM orders WHERE number = ?').get(number);
    const text = (name: string): string | undefined => (typeof row?.[name] === 'string' ? row[name] : undefined);
    return (
      row && {
        ...{ number, provider: text('provider') ?? '', amount: Number(row['amount']), state: text('state') ?? '' },
        ...{ link: text('link'), paidAs: text('paidAs') },
      }
    );
  };

  /** At the till the payer's code is charged; on the web there is a link. */
  const pay = async ({ number, provider, amount }: Order, code: string): Promise<Settlement & { link?: string }> => {
    const charge = { out_trade_no: number, txamt: amount, txcurrcd: 'HKD', pay_type: '800108', auth_code: code };
    if (provider === 'qfpay') return till.settle('payment.charge', charge, { policy });
    const order = { app_trans_id: number, app_user: 'customer', amount, description: `Order ${number}` };
    const settlement = await web.settle('payment.create', order, { policy });
    const link = settlement.answer?.order_url;
    return link === undefined ? settlement : { ...settlement, link };
  };

  const giveBack = ({ number, provider, amount }: Order, paidAs: string): Promise<Settlement> =>
    provider === 'qfpay'
      ? till.settle('refund.create', { out_trade_no: number + REFUND, syssn: paidAs, txamt: amount }, { policy })
      : web.settle(
          'refund.create',
          { m_refund_id: number + REFUND, zp_trans_id: paidAs, amount, description: `Order ${number}` },
          { policy },
        );

  /** The one place that writes how an order ended: in one transaction with the mark that it was told, and so once. */
  const onSettled: OnSettled = ({ outcome, reference, ticket }, { db: open }) => {
    if (!(open instanceof DatabaseSync)) throw new Error('Start the worker with transaction: true.');
    const isRefund = ticket.operation === 'refund.create';
    const state = (isRefund ? afterRefund : afterPayment)[outcome];
    if (state === undefined) return;
    const number = isRefund ? reference.merchant.slice(0, -REFUND.length) : reference.merchant;
    // A declined try has a number too, which no refund may name.
    const paidAs = state === 'paid' ? (reference.provider ?? null) : null;
    open
      .prepare('UPDATE orders SET state = ?, paidAs = coalesce(?, paidAs) WHERE number = ?')
      .run(state, paidAs, number);
  };
  const worker = createWorker({ gateways: [till, web], journal, onSettled, transaction: true, ...clock });

  const app = new Hono();
  app.onError((error, c) => {
    if (isReferenceInUseError(error)) return c.json({ error: 'This order is being paid in another way.' }, 409);
    return isInputError(error) ? c.json({ error: error.message }, 400) : c.json({ error: 'Please try again.' }, 500);
  });

  app.post('/orders', async c => {
    const { provider, amount } = await fieldsOf(c.req);
    if ((provider !== 'qfpay' && provider !== 'zalopay') || !Number.isSafeInteger(amount) || Number(amount) <= 0)
      return c.json({ error: 'An order has a provider, qfpay or zalopay, and an amount in the smallest unit.' }, 400);
    const number = newNumber(test?.clock.now() ?? Date.now());
    db.prepare('INSERT INTO orders (number, provider, amount) VALUES (?, ?, ?)').run(number, provider, Number(amount));
    return c.json(orderOf(number), 201);
  });

  app.get('/orders/:number', c => {
    const order = orderOf(c.req.param('number'));
    return order === undefined ? c.json({ error: 'There is no such order.' }, 404) : c.json(order);
  });

  // Submitted twice, or again after a crash, it is the same number: the money is taken once.
  app.post('/orders/:number/pay', async c => {
    const { code } = await fieldsOf(c.req);
    const order = orderOf(c.req.param('number'));
    if (order === undefined) return c.json({ error: 'There is no such order.' }, 404);
    // Its payment has succeeded, and says so for ever: but nothing is to be handed over any more.
    if (order.state === 'refunded') return c.json({ error: 'This order was paid, and the money given back.' }, 409);
    const { outcome, verdict, link } = await pay(order, typeof code === 'string' ? code : '');
    // A journal keeps no answers, so the link is kept here.
    if (link !== undefined) db.prepare('UPDATE orders SET link = ? WHERE number = ?').run(link, order.number);
    if (outcome === 'succeeded') return c.json({ paid: true });
    if (outcome === 'created') return c.json({ paid: false, link: link ?? orderOf(order.number)?.link });
    if (outcome === 'unresolved' || outcome === 'absent' || outcome === 'authorized')
      return c.json({ say: 'We are finding out whether this is paid. Please do not pay again.' }, 202);
    return c.json({ paid: false, reason: verdict.reason }, 402);
  });

  // Clicked twice, it is the same refund.
  app.post('/orders/:number/refund', async c => {
    const order = orderOf(c.req.param('number'));
    if (order === undefined) return c.json({ error: 'There is no such order.' }, 404);
    if (order.paidAs === undefined) return c.json({ error: 'This order is not paid.' }, 409);
    const { outcome, verdict } = await giveBack(order, order.paidAs);
    return c.json({ outcome, reason: verdict.reason }, outcome === 'unresolved' ? 202 : 200);
  });

  // The journal stores what a verified notice says, and the worker tells the order: what is left is the reply.
  app.post('/webhooks/qfpay', async c => (await till.receive(c.req.raw)).reply);
  app.post('/webhooks/zalopay', async c => (await web.receive(c.req.raw)).reply);

  const close = async (): Promise<void> => {
    await worker.stop();
    db.close();
    await journal.close();
  };
  return { app, worker, close };
}
