import ky from 'ky';
import { constant, createGateway, type Gateway, type GatewayOptions } from 'tillpaid';
import { qfpay, type QfpayFields } from 'tillpaid/adapters/qfpay';
import {
  createJournal,
  createWorker,
  memoryJournal,
  type JournalStore,
  type Row,
  type RowContent,
} from 'tillpaid/journal';

/** A charge at QFPay, whose gateway is a function: what is measured is tillpaid and its database, and no network. */
export interface Shop {
  readonly open: (options?: Partial<GatewayOptions<QfpayFields>>) => Gateway<QfpayFields>;
  /** How many status queries there were. */
  readonly polls: () => number;
}

/** QFPay's own limits apart: it is the journal that is measured. */
const limit = { perSecond: Infinity, perMinute: Infinity };

const account = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' } as const;
/** Due again at once, as soon as it was asked about. */
export const POLL_EVERY_MS = 100;

export const numberOf = (count: number): string => `ORDER-${String(count).padStart(8, '0')}`;

/** The number that a clone replaces by its own. */
export const TEMPLATE: string = numberOf(0);

export const fieldsOf = (number: string): QfpayFields['payment.charge'] => ({
  ...{ out_trade_no: number, txamt: 1250, txcurrcd: 'HKD', pay_type: '800108', auth_code: '284957310466312987' },
});

const paid = (number: string, respcd: string): object => ({
  ...{ respcd, resperr: '', respmsg: '', errmsg: '', syssn: '20260101000000001', txamt: '1250', txcurrcd: 'HKD' },
  ...{ pay_type: '800108', out_trade_no: number, cancel: '0', order_type: 'payment' },
});

/**
 * What the gateway answers.
 *
 * @param writes what becomes of the charge: its answer says "paid", or it is lost
 * @param pollsUntilPaid the query that finds it paid, counted for each order; `Infinity`: none does
 */
export function answersOf(writes: 'paid' | 'lost', pollsUntilPaid: number): (path: string, body: string) => object {
  const asked = new Map<string, number>();
  return (path, body) => {
    const number = new URLSearchParams(body).get('out_trade_no') ?? '';
    if (!path.endsWith('/query')) {
      if (writes === 'lost') throw new TypeError('fetch failed');
      return paid(number, '0000');
    }
    const count = (asked.get(number) ?? 0) + 1;
    if (count < pollsUntilPaid && pollsUntilPaid < Infinity) asked.set(number, count);
    else asked.delete(number);
    return { respcd: '0000', resperr: '', data: [paid(number, count < pollsUntilPaid ? '1145' : '0000')] };
  };
}

/**
 * @param base of a gateway in another process; default: one in memory
 * @param onQuery hears of each order that is asked about
 */
export function openShop(
  writes: 'paid' | 'lost',
  pollsUntilPaid = 1,
  base?: string,
  onQuery?: (number: string) => void,
): Shop {
  const answer = answersOf(writes, pollsUntilPaid);
  let polls = 0;
  const fetch = async (request: Request): Promise<Response> => {
    if (request.url.endsWith('/query')) polls++;
    if (base === undefined) {
      const body = await request.text();
      if (request.url.endsWith('/query')) onQuery?.(new URLSearchParams(body).get('out_trade_no') ?? '');
      return Response.json(answer(request.url, body));
    }
    return globalThis.fetch(request.url.replace(/^https:\/\/[^/]+/, base), {
      ...{ method: request.method, headers: request.headers, body: await request.text(), signal: request.signal },
    });
  };
  return {
    polls: () => polls,
    open: options =>
      createGateway({
        adapter: qfpay(account),
        client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
        policy: { poll: { backoff: constant(POLL_EVERY_MS) }, limit },
        ...options,
      }),
  };
}

/** The contents of a row, as a charge writes them one after the other. */
export interface Written {
  readonly inserted: Parameters<JournalStore['insert']>[0];
  readonly changes: readonly RowContent[];
}

/** What a gateway writes for a charge that its answer settles. */
export async function writtenBy(shop: Shop): Promise<Written> {
  const { store } = memoryJournal();
  let inserted: Written['inserted'] | undefined;
  const changes: RowContent[] = [];
  const journal = createJournal({
    ...store,
    insert(row) {
      inserted = row;
      return store.insert(row);
    },
    update(each) {
      changes.push(...each.map(({ set }) => set));
      return store.update(each);
    },
  });
  await shop.open({ journal }).settle('payment.charge', fieldsOf(TEMPLATE));
  if (inserted === undefined) throw new Error('Nothing was stored.');
  return { inserted, changes };
}

/**
 * The row of a charge whose answer was lost, once a worker has asked about it.
 *
 * @param everyMs how often it is asked about from then on
 */
export async function openRow(everyMs: number = POLL_EVERY_MS): Promise<Row> {
  const shop = openShop('lost', 100);
  const journal = memoryJournal();
  const gateway = shop.open({ journal, policy: { poll: { backoff: constant(everyMs), deadlineMs: 0 }, limit } });
  await gateway.settle('payment.charge', fieldsOf(TEMPLATE));
  const worker = createWorker({ gateways: [gateway], journal });
  worker.start();
  for (;;) {
    const [row] = await journal.store.list({});
    if (row?.data.open !== undefined) {
      await worker.stop();
      return row;
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
