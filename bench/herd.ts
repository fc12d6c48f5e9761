import ky from 'ky';
import { createGateway, growing, type Policy, type Ticket } from 'tillpaid';
import { manualClock, type ManualClock } from 'tillpaid/testing';
import { qfpay } from 'tillpaid/adapters/qfpay';
import { zalopay } from 'tillpaid/adapters/zalopay';
import { printTable } from './table.ts';

/**
 * The most requests that a gateway sees in one second, when a thousand payments are opened within a second, and when a
 * thousand tickets are taken up at once after a restart. On a manual clock: the same on every machine. What is asked
 * about is pending all the time, and answered after 20 ms.
 */
const PAYMENTS = 1000;
const ANSWER_MS = 20;
const WATCHED_MS = 60_000;

interface Scene {
  readonly clock: ManualClock;
  readonly gateway: ReturnType<typeof gatewayOn>;
  /** When each request came, and the first query of each payment. */
  readonly seenMs: number[];
  readonly firstMs: number[];
}

const gatewayOn = (clock: ManualClock, seen: (request: Request) => Promise<void>, policy: Policy) =>
  createGateway({
    adapter: zalopay({ appId: 2553, key1: 'secret', key2: 'secret', environment: 'sandbox' }),
    clock,
    policy,
    client: ky.create({
      fetch: async request => {
        await seen(request as Request);
        await new Promise<void>(resolve => clock.timer(ANSWER_MS, resolve));
        return Response.json({ return_code: 3, return_message: 'processing', is_processing: true });
      },
    }),
  });

function scene(policy: Policy): Scene {
  const clock = manualClock();
  const seenMs: number[] = [];
  const firstMs: number[] = [];
  const asked = new Set<string>();
  const seen = async (request: Request): Promise<void> => {
    seenMs.push(clock.monotonicMs());
    const [number = ''] = /260101_\d+/.exec(await request.text()) ?? [];
    if (!request.url.endsWith('/query') || asked.has(number)) return;
    asked.add(number);
    firstMs.push(clock.monotonicMs());
  };
  return { clock, seenMs, firstMs, gateway: gatewayOn(clock, seen, policy) };
}

const numberOf = (index: number): string => `260101_${index}`;
const charge = (index: number) => ({
  ...{ app_trans_id: numberOf(index), identifier: 'user-7', amount: 10_000, description: 'Tea' },
  ...{ zp_trans_token: 'AC1', pay_token: 'token' },
});

/** How the payments begin; each is watched for a minute, and then let go. */
const begins: Readonly<Record<string, (made: Scene, signal: AbortSignal) => Promise<unknown>[]>> = {
  'opened within a second': ({ gateway, clock }, signal) =>
    Array.from({ length: PAYMENTS }, (_each, index) => {
      const begun = Promise.withResolvers<unknown>();
      clock.timer(index, () => begun.resolve(gateway.settle('payment.charge', charge(index), { signal })));
      return begun.promise;
    }),
  'resumed at once, 10 s old': (made, signal) => resumed(made, 10_000, signal),
  'resumed at once, an hour old': (made, signal) => resumed(made, 3_600_000, signal),
};

const resumed = ({ gateway, clock }: Scene, agoMs: number, signal: AbortSignal): Promise<unknown>[] =>
  Array.from({ length: PAYMENTS }, (_each, index) => {
    const at = new Date(clock.now() - agoMs).toISOString();
    const ticket: Ticket = {
      ...gateway.ticketFor('payment.charge', charge(index)),
      openedAt: at,
      lastSentAt: at,
    };
    return gateway.untilSettled(ticket, { signal, policy: { poll: { deadlineMs: 2 * 3_600_000 } } });
  });

const peakOf = (timesMs: readonly number[]): number => {
  const inOrder = timesMs.toSorted((one, other) => one - other);
  let most = 0;
  for (let from = 0, to = 0; from < inOrder.length; from++) {
    while (to < inOrder.length && (inOrder[to] ?? 0) < (inOrder[from] ?? 0) + 1000) to++;
    most = Math.max(most, to - from);
  }
  return most;
};

async function measure(
  begin: (made: Scene, signal: AbortSignal) => Promise<unknown>[],
  policy: Policy,
): Promise<string> {
  const made = scene(policy);
  const controller = new AbortController();
  made.clock.timer(WATCHED_MS, () => controller.abort());
  await made.clock.run(Promise.allSettled(begin(made, controller.signal)));
  const { seenMs, firstMs } = made;
  return `${peakOf(firstMs)} / ${peakOf(seenMs)} / ${seenMs.length}`;
}

const policies: Readonly<Record<string, Policy>> = {
  'no limit': {},
  'limit.perSecond: 50': { limit: { perSecond: 50 } },
  'QFPay’s 100/s and 400/min': { limit: qfpayLimit() },
};

function qfpayLimit(): NonNullable<Policy['limit']> {
  return qfpay({ appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' }).policy.limit ?? {};
}

export async function printHerd(): Promise<void> {
  console.log(
    `\n${PAYMENTS.toLocaleString('en')} payments at once: the most first queries in a second / requests in a second / requests in a minute\n`,
  );
  const rows: string[][] = [];
  for (const [name, begin] of Object.entries(begins)) {
    const cells: string[] = [];
    for (const policy of Object.values(policies))
      cells.push(await measure(begin, { poll: { backoff: growing() }, ...policy }));
    rows.push([name, ...cells]);
  }
  printTable(['', ...Object.keys(policies)], rows);
  console.log('');
}
