import { spawn } from 'node:child_process';
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
