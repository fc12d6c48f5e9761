import { spawn } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { adapterMaker, providerNames } from '../../src/cli/providers.ts';
import { createGateway, type Gateway } from '../../src/index.ts';
import type { LedgerPage } from '../../src/serve/index.ts';
import { tillpaid, type Ran } from './tillpaid.ts';

const directory = mkdtempSync(join(tmpdir(), 'tillpaid-cli-simulate-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Line {
  readonly type: string;
  readonly url: string;
  readonly credentials: Readonly<Record<string, unknown>>;
  readonly operations: readonly { readonly operation: string; readonly at: string }[];
  readonly why?: string;
  readonly result?: string;
  readonly acknowledged?: boolean;
}

interface Simulating {
  readonly listening: Line;
  readonly lines: readonly Line[];
  /** Resolves when there is such a line. */
  readonly until: (isMeant: (line: Line) => boolean) => Promise<Line>;
  /** Ctrl-C. */
  readonly end: () => Promise<Ran>;
}

/** The command with `--json`, until it is ended. */
async function simulate(...words: string[]): Promise<Simulating> {
  const ending = new AbortController();
  const lines: Line[] = [];
  const waiting: { isMeant: (line: Line) => boolean; resolve: (line: Line) => void }[] = [];
  const onStdout = (written: string): void => {
    const line = JSON.parse(written) as Line;
    lines.push(line);
    for (const each of waiting) if (each.isMeant(line)) each.resolve(line);
  };
  const ran = tillpaid(['simulate', ...words, '--json'], { interrupted: ending.signal, onStdout });
  onTestFinished(async () => {
    ending.abort();
    await ran;
  });
  const until: Simulating['until'] = isMeant => {
    const found = lines.find(isMeant);
    return found === undefined
      ? new Promise(resolve => void waiting.push({ isMeant, resolve }))
      : Promise.resolve(found);
  };
  const early = ran.then(({ stderr }): never => {
    throw new Error(`It has ended: ${stderr}`);
  });
  early.catch(() => undefined);
  const listening = await Promise.race([until(({ type }) => type === 'listening'), early]);
  return {
    ...{ listening, lines, until },
    end() {
      ending.abort();
      return ran;
    },
  };
}

async function gatewayAt({ url, credentials }: Line): Promise<Pick<Gateway<object>, 'settle'>> {
  const adapter = (await adapterMaker('zalopay'))({ environment: 'sandbox', ...credentials, baseUrl: url });
  return createGateway({ adapter, policy: { poll: { deadlineMs: 0 } } });
}

const order = { app_trans_id: '261128_1', app_user: 'anna', amount: 50_000, description: 'Two coffees' };
const pay = async (at: Line): Promise<string> =>
  (await (await gatewayAt(at)).settle('payment.create' as never, order as never)).outcome;

const charge = {
  ...{ out_trade_no: 'ORDER-1', txamt: '1250', txcurrcd: 'HKD', txdtm: '2026-11-28 10:00:00' },
  ...{ pay_type: '800108', auth_code: '284957310466312987' },
};

/** What a client of one's own sends, signed as the manual says. */
async function toQfpay({ url, credentials }: Line, path: string, fields: object): Promise<unknown> {
  const signed = Object.entries(fields)
    .filter(([, value]) => value !== '')
    .sort()
    .map(pair => pair.join('='))
    .join('&');
  const { appCode, clientKey } = credentials;
  const sign = createHash('md5')
    .update(`${signed}${String(clientKey)}`)
    .digest('hex');
  const response = await fetch(`${url}/trade/v1/${path}`, {
    method: 'POST',
    headers: { 'x-qf-appcode': String(appCode), 'x-qf-sign': sign },
    body: new URLSearchParams(Object.entries(fields)),
  });
  return ((await response.json()) as { respcd: string }).respcd;
}

async function syssnOf({ url }: Line, number: string): Promise<string | undefined> {
  const page = (await (await fetch(`${url}/__ledger?reference=${number}`)).json()) as LedgerPage;
  return page.payments[number]?.providerId;
}

describe('tillpaid simulate', () => {
  it('prints all that a client needs, logs each request, and ends with the ledger', async () => {
    const { listening, until, end } = await simulate('zalopay', '--life', 'paid');
    expect(listening).toMatchObject({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
      credentials: { appId: 2553, key1: expect.any(String) as string, key2: expect.any(String) as string },
    });
    expect(listening.operations).toContainEqual({
      operation: 'payment.create',
      effect: 'write',
      at: 'POST /v2/create',
    });
    expect(await pay(listening)).toBe('created');
    expect(await until(({ type }) => type === 'request')).toMatchObject({ reference: '261128_1', status: 200 });
    const ledger = (await (await fetch(`${listening.url}/__ledger`)).json()) as object;
    expect(ledger).toMatchObject({ payments: { '261128_1': { state: 'paid', bookings: 1 } } });
    const { exitCode, stdout, stderr } = await end();
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ type: 'ledger', sums: { bookings: 1 } });
  });

  it('misbehaves as told, once for each fault that is named', async () => {
    const { listening, lines, end } = await simulate(
      ...['zalopay', '--fault', 'maintenance', '--query-fault', 'always:system-error', '--latency', '1'],
    );
    expect(await pay(listening)).toBe('rejected');
    expect(await pay(listening)).toBe('created');
    await end();
    expect(lines.filter(({ type }) => type === 'request')).toMatchObject([{ fault: 'maintenance' }, { fault: 'none' }]);
    expect(JSON.stringify(lines.slice(1))).not.toContain(String(listening.credentials['key1']));
  });

  it('says why it let a request not in', async () => {
    const { listening, until } = await simulate('zalopay');
    expect(await pay({ ...listening, credentials: { ...listening.credentials, key1: 'wrong' } })).toBe('rejected');
    expect((await until(({ why }) => why !== undefined)).why).toMatch(/^2\/-402 · authentication/);
    await fetch(`${listening.url}/v2/creat`, { method: 'POST' });
    expect((await until(({ why }) => why?.includes('creat ') === true)).why).toBe('There is no POST /v2/creat here.');
  });

  it.each([
    [{ app_trans_id: 'ORDER-1' }, 'app_trans_id must begin with a day of Vietnam'],
    [{ amount: 10.5 }, 'amount must be whole dong, 1 or more'],
    [{ app_time: 1 }, 'app_time must be within 15 minutes of now'],
    [{ expire_duration_seconds: 10 }, 'expire_duration_seconds must be 300 to 2592000'],
    [{ mac: 'wrong' }, 'mac must be the HMAC-SHA256 by key1'],
    [{ app_id: 1 }, 'app_id is not this merchant’s'],
    [{ app_user: undefined }, 'or a field that mac is made of'],
  ])('names the field that is wrong with a request of ZaloPay: %j', async (wrong, told) => {
    const { listening, until } = await simulate('zalopay');
    const { key1 } = listening.credentials;
    const sent: Readonly<Record<string, unknown>> = {
      ...{ app_id: 2553, app_trans_id: '261128_1', app_user: 'anna', amount: 50_000, app_time: Date.now() },
      ...{ embed_data: '{}', item: '[]', description: 'Two coffees', ...wrong },
    };
    const signed = ['app_id', 'app_trans_id', 'app_user', 'amount', 'app_time', 'embed_data', 'item'];
    const text = signed.map(name => String(sent[name])).join('|');
    const mac = createHmac('sha256', String(key1)).update(text).digest('hex');
    await fetch(`${listening.url}/v2/create`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ mac, ...sent }),
    });
    const { why } = await until(line => line.why !== undefined);
    expect(why).toContain(told);
    expect(why).not.toContain(String(key1));
  });

  it.each([
    [{ txamt: '12.50' }, 'txamt must be a whole number of minor units'],
    [{ txcurrcd: 'hkd' }, 'txcurrcd must be a currency of ISO 4217'],
    [{ txdtm: '2026-02-30 10:00:00' }, 'txdtm must be YYYY-MM-DD HH:mm:ss'],
    [{ pay_type: 'alipay' }, 'pay_type must be six digits'],
    [{ out_trade_no: 'A,B' }, 'out_trade_no must be of at most 128 characters, without a comma'],
    [{ out_trade_no: 'A'.repeat(129) }, 'out_trade_no must be of at most 128 characters'],
    [{ txamt: '' }, 'txamt is missing, or empty'],
    [{ mchid: '7' }, 'mchid was not given to this merchant'],
  ])('names the field that is wrong with a request of QFPay: %j', async (wrong, told) => {
    const { listening, until } = await simulate('qfpay');
    expect(await toQfpay(listening, 'payment', { ...charge, ...wrong })).toBe('1104');
    const { why } = await until(line => line.why !== undefined);
    expect(why).toContain(told);
    expect(why).not.toContain('filter error');
  });

  it('takes at QFPay no refund under the number of its payment, nor a payment under that of a refund', async () => {
    const { listening, until } = await simulate('qfpay');
    expect(await toQfpay(listening, 'payment', charge)).toBe('0000');
    const refund = { txamt: '1250', txdtm: charge.txdtm, syssn: await syssnOf(listening, 'ORDER-1') };
    expect(await toQfpay(listening, 'refund', { ...refund, out_trade_no: 'ORDER-1' })).toBe('1251');
    expect((await until(line => line.why !== undefined)).why).toContain('a number of its own');
    expect(await toQfpay(listening, 'refund', { ...refund, out_trade_no: 'REFUND-1' })).toBe('0000');
    expect(await toQfpay(listening, 'payment', { ...charge, out_trade_no: 'REFUND-1' })).toBe('1251');
    expect(await toQfpay(listening, 'query', { out_trade_no: 'ORDER-1' })).toBe('0000');
    const ledger: unknown = await (await fetch(`${listening.url}/__ledger`)).json();
    expect(ledger).toMatchObject({
      payments: { 'ORDER-1': { operation: 'payment.charge', state: 'refunded', bookings: 1 } },
      refunds: { 'REFUND-1': { state: 'paid', bookings: 1 } },
    });
  });

  it('starts with no credentials of another provider', async () => {
    const file = join(directory, 'zalopay-own.json');
    writeFileSync(file, JSON.stringify({ appId: 2553, key1: 'one', key2: 'two' }), { mode: 0o600 });
    const { exitCode, stdout, stderr } = await tillpaid(['simulate', 'qfpay', '--credentials', file]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('appCode is missing');
  });

  it.each([
    ['rebell', '/v1/payments/retailPay', / · \w+/],
    ['uqpay', '/v2/payment_intents/create', / · authentication/],
    ['ifortepay', '/v1.0/qr/qr-mpm-generate', / · \w+/],
  ])('says why of %s too, by the address', async (provider, path, told) => {
    const { listening, until } = await simulate(provider);
    await fetch(listening.url + path, { method: 'POST', body: '{}' });
    expect((await until(({ type }) => type === 'request')).why).toMatch(told);
  });

  it('tells the shop by webhooks that simple servers can read: signed, and with their length', async () => {
    const heard: { headers: IncomingHttpHeaders; body: string }[] = [];
    const shop = createServer((request, response) => {
      void text(request).then(body => {
        heard.push({ headers: request.headers, body });
        response.end('{"return_code": 1, "return_message": "success"}');
      });
    });
    await new Promise<void>(resolve => void shop.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void shop.close());
    const notify = `http://127.0.0.1:${(shop.address() as AddressInfo).port}/hook`;
    const { listening, until } = await simulate('zalopay', '--life', 'paid', '--notify', notify);
    await pay(listening);
    expect(await until(({ type }) => type === 'notice')).toMatchObject({ acknowledged: true, state: 'paid' });
    const [{ headers, body } = { headers: {}, body: '' }] = heard;
    expect(headers['content-length']).toBe(String(Buffer.byteLength(body)));
    expect(headers['transfer-encoding']).toBeUndefined();
  });

  it('writes credentials to a file that there is not, and takes those of one that there is', async () => {
    const file = join(directory, 'merchant.json');
    const first = await simulate('rebell', '--credentials', file);
    const { privateKey, gatewayPublicKey } = first.listening.credentials;
    expect(Object.keys(first.listening.credentials)).not.toContain('gatewayPrivateKey');
    expect(String(privateKey)).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    await first.end();
    expect(statSync(file).mode & 0o077).toBe(0);
    const second = await simulate('rebell', '--credentials', file);
    expect(second.listening.credentials).toMatchObject({ privateKey, gatewayPublicKey });
    expect(readFileSync(file, 'utf8')).toContain('gatewayPrivateKey');
  });

  it('shows no secret of credentials that are the merchant’s own: they may be those that he has with the provider', async () => {
    const secrets = { clientKey: 'a-real-key', key1: 'a-real-key', key2: 'a-real-key', apiKey: 'a-real-key' };
    const names = { appCode: 'REAL', appId: 7, clientId: 'real' };
    for (const [provider, secret] of [
      ['qfpay', 'clientKey'],
      ['zalopay', 'key1'],
      ['uqpay', 'apiKey'],
    ] as const) {
      const file = join(directory, `own-${provider}.json`);
      const { appCode, appId, clientId } = names;
      const own = { qfpay: { appCode }, zalopay: { appId, key2: secrets.key2 }, uqpay: { clientId } }[provider];
      writeFileSync(file, JSON.stringify({ ...own, [secret]: secrets[secret] }), { mode: 0o600 });
      const { listening, lines, end } = await simulate(provider, '--credentials', file);
      expect(listening.credentials).toMatchObject({ [secret]: '(as you gave it)' });
      expect(Object.values(listening.credentials)).toContain(Object.values(own)[0]);
      await end();
      expect(JSON.stringify(lines)).not.toContain('a-real-key');
    }
  });

  it('has credentials of each provider’s own, which its adapter takes', async () => {
    for (const provider of providerNames()) {
      const { listening, end } = await simulate(provider, '--notify', 'http://127.0.0.1:1/hook');
      const adapter = (await adapterMaker(provider))({ environment: 'sandbox', ...listening.credentials });
      expect(adapter.name).toBe(provider);
      expect(Object.keys(listening.credentials).length).toBeLessThan(5);
      await end();
    }
  });

  it('shows a person where it is, what happens, and the sum, with 1 where an order was charged twice', async () => {
    const ending = new AbortController();
    const waiting: (() => void)[] = [];
    let all = '';
    const ran = tillpaid(['simulate', 'qfpay', '--life', 'paid', '--fault', 'delivered-twice'], {
      interrupted: ending.signal,
      onStdout(written) {
        all += written;
        for (const resolve of waiting.splice(0)) resolve();
      },
    });
    await new Promise<void>(resolve => void waiting.push(resolve));
    const [, url = ''] = /simulated at (\S+)/.exec(all) ?? [];
    const adapter = (await adapterMaker('qfpay'))({
      ...({ environment: 'sandbox', appCode: 'SANDBOX', clientKey: 'sandbox-client-key', baseUrl: url } as const),
    });
    const gateway = createGateway({ adapter });
    const fields = {
      txamt: 1050,
      txcurrcd: 'HKD',
      pay_type: '800201',
      out_trade_no: 'A1',
      txdtm: '2026-11-28 12:00:00',
    };
    await gateway.settle('payment.create' as never, fields as never);
    ending.abort();
    const { exitCode, stdout } = await ran;
    expect(exitCode).toBe(1);
    for (const part of ['/__ledger', 'payment.query', 'Ctrl-C', 'payment.create   A1  ', 'A1 was charged 2 times'])
      expect(stdout).toContain(part);
    expect(stdout).toContain('taken HKD  2100');
  });

  it.each([
    [['--life', 'payd'], 'There is no life "payd". Did you mean paid?'],
    [['--life', 'paidAfter'], 'needs a whole number of milliseconds'],
    [['--fault', 'reset-after-bokking'], 'Did you mean reset-after-booking?'],
    [['--query-fault', '{"slowed": 1}'], 'Did you mean'],
    [['--port', '99999'], 'It must be a port'],
    [['--notify', 'shop'], 'an absolute http address'],
    [['--lyfe', 'paid'], 'Did you mean --life?'],
    [['--credentials', join(directory, 'no', 'such', 'folder.json')], 'cannot be written'],
  ])('refuses %j with 2, and listens nowhere', async (words, told) => {
    const { exitCode, stdout, stderr } = await tillpaid(['simulate', 'qfpay', ...words]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(told);
  });

  it('refuses a port that is taken', async () => {
    const { listening } = await simulate('zalopay');
    const ran = await tillpaid(['simulate', 'zalopay', '--port', new URL(listening.url).port]);
    expect(ran).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining('is taken') as string });
  });

  it.skipIf(process.platform === 'win32')('ends as a process at Ctrl-C, with the ledger', async () => {
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    const child = spawn(process.execPath, [main, 'simulate', 'zalopay']);
    const exited = once(child, 'exit');
    child.stdout.once('data', () => void child.kill('SIGINT'));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(stderr).toBe('');
    expect(stdout).toContain('0 payments; 0 requests');
    expect(await exited).toEqual([0, null]);
  });
});
