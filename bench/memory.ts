import ky from 'ky';
import { execFileSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createGateway, steps, type Policy, type Ticket } from 'tillpaid';
import { qfpay } from 'tillpaid/adapters/qfpay';
import { collectGarbage } from './gc.ts';
import { printTable } from './table.ts';

/**
 * What an open payment holds in memory, beyond the caller's own objects: his order and the promise that he waits for.
 * Each case runs in a process of its own. Its payments are sent and asked about, and wait an hour for the next query;
 * then garbage is collected, and the heap counted. What the same caller holds without tillpaid is subtracted.
 */
const WARM_UP = 300;
const HOUR_MS = 3_600_000;
const COUNT = 10_000;
/** With `--full`, those that wait are counted with so many, too. */
const FULL_COUNT = 100_000;
/** How many payments are on their way at once while the case is being set up. */
const AT_ONCE = 500;

const origin = 'https://gateway.example';
const order = (name: string) => ({
  txamt: '1250',
  txcurrcd: 'HKD',
  pay_type: '800108',
  auth_code: '284957310466312987',
  out_trade_no: name,
});
type Order = ReturnType<typeof order>;

/** The first query comes at once, so that every payment has been through one; the next comes in an hour. */
const policy: Policy = {
  poll: { backoff: steps([1, HOUR_MS]), deadlineMs: 10 * HOUR_MS },
  // QFPay's own limits apart: it is the process that is measured.
  limit: { concurrency: AT_ONCE, perSecond: Infinity, perMinute: Infinity },
};

interface Setting {
  readonly fetch: (request: Request) => Promise<Response>;
  /** Resolves when so many queries have been answered. */
  readonly asked: (count: number) => Promise<void>;
}

/** A gateway that answers a charge and its queries with `code`. */
function settingOf(code: string): Setting {
  let queries = 0;
  return {
    async fetch(request) {
      const isQuery = request.url.endsWith('/query');
      const name = new URLSearchParams(await request.text()).get('out_trade_no');
      const row = { txamt: '1250', txcurrcd: 'HKD', pay_type: '800108', out_trade_no: name, syssn: `20260101${name}` };
      if (isQuery) queries++;
      return Response.json(
        isQuery
          ? { respcd: '0000', resperr: '', data: [{ ...row, respcd: code, cancel: '0', order_type: 'payment' }] }
          : { ...row, respcd: code, resperr: '', respmsg: '' },
      );
    },
    async asked(count) {
      while (queries < count) await setTimeout(1);
    },
  };
}

/** A case opens one payment by its order; what is kept of it is the caller's own. */
interface Case {
  readonly open: (given: Order) => Promise<unknown>;
  /** Whether each of them is asked about before it waits; else `open` resolves. */
  readonly waits: boolean;
  readonly setting: Setting;
}

const adapter = qfpay({ appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox', baseUrl: origin });
const PENDING = '1143';
const PAID = '0000';

const gatewayOn = ({ fetch }: Setting) =>
  createGateway({ adapter, policy, client: ky.create({ fetch: fetch as typeof globalThis.fetch }) });

const cases = {
  /** What the caller holds himself. */
  caller: (): Case => {
    const setting = settingOf(PENDING);
    return { setting, waits: false, open: () => Promise.resolve() };
  },
  'settle, waiting': (): Case => {
    const setting = settingOf(PENDING);
    const gateway = gatewayOn(setting);
    return { setting, waits: true, open: given => gateway.settle('payment.create', given) };
  },
  'untilSettled, waiting': (): Case => {
    const setting = settingOf(PENDING);
    const gateway = gatewayOn(setting);
    const ticketOf = (given: Order): Ticket => ({ ...gateway.ticketFor('payment.create', given), seen: true });
    return { setting, waits: true, open: given => gateway.untilSettled(ticketOf(given)) };
  },
  'client.post, waiting': (): Case => {
    const setting = settingOf(PENDING);
    const { client } = gatewayOn(setting);
    return {
      setting,
      waits: true,
      open: given => client.post(`${origin}/trade/v1/payment`, { body: new URLSearchParams(given) }).json(),
    };
  },
  'settled by settle, remembered': (): Case => {
    const setting = settingOf(PAID);
    const gateway = gatewayOn(setting);
    return { setting, waits: false, open: given => gateway.settle('payment.create', given).then(() => undefined) };
  },
  'settled by client.post, remembered': (): Case => {
    const setting = settingOf(PAID);
    const { client } = gatewayOn(setting);
    const url = `${origin}/trade/v1/payment`;
    return {
      setting,
      waits: false,
      open: async given => {
        await client.post(url, { body: new URLSearchParams(given) }).json();
      },
    };
  },
} satisfies Record<string, () => Case>;
type CaseName = keyof typeof cases;

const goals: Partial<Record<CaseName, number>> = {
  'settle, waiting': 5,
  'untilSettled, waiting': 5,
  'client.post, waiting': 18,
};

interface Bytes {
  readonly heap: number;
  readonly external: number;
}

async function inUse(): Promise<Bytes> {
  // What is registered for finalization is let go of a turn later.
  for (let i = 0; i < 4; i++) {
    collectGarbage();
    await setTimeout(10);
  }
  const { heapUsed, external } = process.memoryUsage();
  return { heap: heapUsed, external };
}

/** Opens so many payments; returns what the caller holds, when all of them wait or have ended. */
async function openAll({ open, waits, setting }: Case, count: number): Promise<unknown[]> {
  const held: unknown[] = [];
  for (let from = 0; from < count; from += AT_ONCE) {
    const promises = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => {
      const given = order(`ORDER-${String(from + i).padStart(8, '0')}`);
      const promise = open(given);
      held.push(given, promise);
      return promise;
    });
    if (waits) await setting.asked(held.length / 2);
    else await Promise.all(promises);
  }
  // The last answers are on their way to those who asked.
  await setTimeout(100);
  return held;
}

/** In its own process: bytes for each of so many payments. */
async function measure(name: CaseName, count: number): Promise<Bytes> {
  // The first requests of a process make code and tables that no payment holds.
  const warm = await openAll(cases[name](), WARM_UP);
  const measured = cases[name]();
  const before = await inUse();
  const held = await openAll(measured, count);
  const after = await inUse();
  if (held.length + warm.length !== 2 * (count + WARM_UP)) throw new Error('Some payments were not opened.');
  return { heap: (after.heap - before.heap) / count, external: (after.external - before.external) / count };
}

function inOwnProcess(name: CaseName, count: number): Bytes {
  const flags = ['--max-old-space-size=12000', '--no-warnings'];
  const printed = execFileSync(process.execPath, [...flags, fileURLToPath(import.meta.url), name, String(count)]);
  return JSON.parse(printed.toString()) as Bytes;
}

export function printMemory(isFull: boolean): void {
  const kB = (bytes: number): string => (bytes / 1000).toFixed(2);
  const rows = (isFull ? [COUNT, FULL_COUNT] : [COUNT]).flatMap(count => {
    const caller = inOwnProcess('caller', count);
    const names = (Object.keys(cases) as CaseName[]).filter(name => count === COUNT || goals[name] !== undefined);
    return names.map(name => {
      const { heap, external } = inOwnProcess(name, count);
      const own = name === 'caller' ? { heap: 0, external: 0 } : caller;
      const goal = goals[name]?.toString() ?? '';
      return [name, count.toLocaleString('en'), kB(heap - own.heap), kB(external - own.external), goal];
    });
  });
  console.log('\nMemory of one payment, in kB, beyond the caller’s own\n');
  printTable(['', 'payments', 'heap', 'external', 'goal'], rows);
}

const [, script, name, count] = process.argv;
if (script === fileURLToPath(import.meta.url) && name !== undefined && Object.hasOwn(cases, name)) {
  console.log(JSON.stringify(await measure(name as CaseName, Number(count))));
  process.exit(0);
}
