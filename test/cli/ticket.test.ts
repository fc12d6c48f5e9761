import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { ifortepayVoice } from '../../src/adapters/ifortepay/simulator.ts';
import { qfpayVoice } from '../../src/adapters/qfpay/simulator.ts';
import { rebellVoice } from '../../src/adapters/rebell/simulator.ts';
import { uqpayVoice } from '../../src/adapters/uqpay/simulator.ts';
import { zalopayVoice } from '../../src/adapters/zalopay/simulator.ts';
import { adapterMaker } from '../../src/cli/providers.ts';
import { isWrite } from '../../src/core/operation.ts';
import { createGateway, parseTicket, type Ticket } from '../../src/index.ts';
import { lives, simulateGateway, type AdapterSamples, type Simulator, type Voice } from '../../src/testing/index.ts';
import { credentials as ifortepay } from '../samples/ifortepay.ts';
import { madeUp as rebell } from '../samples/rebell.ts';
import { tillpaid } from './tillpaid.ts';

const directory = mkdtempSync(join(tmpdir(), 'tillpaid-cli-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => vi.unstubAllGlobals());

let files = 0;
function fileWith(content: unknown): string {
  const path = join(directory, `${files++}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
  return path;
}

const secret = 'a-key-that-nobody-may-see-0123456789abcdef';
const accounts = {
  qfpay: of({ appCode: 'APP1', clientKey: secret }, qfpayVoice),
  zalopay: of({ appId: 2553, key1: secret, key2: `${secret}2` }, zalopayVoice),
  ifortepay: of(ifortepay, ifortepayVoice),
  rebell: of(rebell, rebellVoice),
  uqpay: of({ clientId: 'shop', apiKey: secret }, uqpayVoice),
};

function of<C extends object>(credentials: C, voice: (of: C) => Voice): { credentials: C; voice: () => Voice } {
  return { credentials, voice: () => voice(credentials) };
}

/** A provider that answers whatever the process fetches. */
function serve(provider: keyof typeof accounts): Simulator {
  const simulated = simulateGateway({
    voice: accounts[provider].voice(),
    lives: { create: lives.open() },
  });
  vi.stubGlobal('fetch', simulated.fetch);
  return simulated;
}

const order = { app_trans_id: '261128_1', app_user: 'anna', amount: 50_000, description: 'Two coffees' };

async function ticketOf(operation = 'payment.create', fields: object = order, seal?: string): Promise<Ticket> {
  const make = await adapterMaker('zalopay');
  const adapter = make({ environment: 'sandbox', ...accounts.zalopay.credentials });
  const gateway = createGateway({ adapter, ...(seal !== undefined && { ticketSeal: { key: seal } }) });
  return gateway.ticketFor(operation as never, fields as never);
}

describe('tillpaid ticket', () => {
  it('says what it is, what is known and what to do, from a file or standard input', async () => {
    const ticket = { ...(await ticketOf()), lastSentAt: '2026-11-28T10:00:00.000Z', polls: 3 };
    const { exitCode, stdout, stderr } = await tillpaid(['ticket', fileWith(ticket)]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const part of [
      'zalopay payment.create  sandbox, account 2553',
      'number    app_trans_id 261128_1',
      'money     50000 VND',
      'sent      2026-11-28T10:00:00.000Z (',
      'it may have been processed or not',
      'It was asked about 3 times.',
      'asked by  payment.query',
      'to do     Ask the gateway: “tillpaid ticket ask”',
      'before the gateway has said how it ended.',
    ])
      expect(stdout).toContain(part);
    const piped = await tillpaid(['ticket', 'show', '-', '--json'], { stdin: JSON.stringify({ ticket }) });
    expect(JSON.parse(piped.stdout)).toMatchObject({ provider: 'zalopay', query: 'payment.query', isSealed: false });
  });

  it('says of a write without a query, of an old order and of a stranger’s ticket that asking is of no use', async () => {
    const ticket = await ticketOf();
    const old = { ...ticket, openedAt: '2026-01-01T00:00:00Z', lastSentAt: '2026-01-01T00:00:00Z' };
    const said = async (what: object): Promise<string> => (await tillpaid(['ticket', fileWith(what)])).stdout;
    expect(await said(old)).toContain('older than what zalopay answers for');
    expect(await said({ ...ticket, gateway: 'acme' })).toContain('Ask through the gateway that opened it');
    expect(await said({ ...ticket, operation: 'payment.query' })).toContain('has no such write');
    expect(await said({ ...ticket, gateway: 'rebell', operation: 'message.send' })).toContain(
      'It cannot be asked about',
    );
  });

  it('prints no control character that a ticket brings along', async () => {
    const ticket = {
      ...(await ticketOf()),
      reference: { app_trans_id: '\u001b[31m9' },
      account: '\u001b]0;owned\u0007',
    };
    const words = [
      await tillpaid(['ticket', fileWith(ticket)]),
      await tillpaid(['ticket', fileWith(ticket), '--json']),
    ];
    for (const { stdout } of words) expect(stdout).not.toMatch(/[\u001b\u0007]/);
  });

  it('checks a seal, by older keys too, and ends with 4 for a wrong one and for none', async () => {
    const sealed = await ticketOf('payment.create', order, secret);
    const env = { SEAL: secret, NEW: 'another-key-of-thirty-two-characters!', SHORT: 'short' };
    const checked = async (ticket: object, ...names: string[]): Promise<{ exitCode: number; seal: unknown }> => {
      const words = ['ticket', fileWith(ticket), '--json', '--seal-key-env', ...names];
      const { exitCode, stdout, stderr } = await tillpaid(words, { env });
      expect(`${stdout}${stderr}`).not.toContain(secret);
      return { exitCode, seal: exitCode === 2 ? stderr : (JSON.parse(stdout) as { seal?: unknown }).seal };
    };
    expect(await checked(sealed, 'SEAL')).toEqual({ exitCode: 0, seal: 'right' });
    expect(await checked(sealed, 'NEW', 'SEAL')).toEqual({ exitCode: 0, seal: 'right-by-previous-key' });
    expect(await checked(sealed, 'NEW')).toEqual({ exitCode: 4, seal: 'wrong' });
    expect(await checked({ ...sealed, account: '1' }, 'SEAL')).toEqual({ exitCode: 4, seal: 'wrong' });
    expect(await checked(await ticketOf(), 'SEAL')).toEqual({ exitCode: 4, seal: 'missing' });
    expect((await checked(sealed, 'SHORT')).seal).toContain('must be at least 32 bytes');
    expect((await checked(sealed, 'MISSING')).seal).toContain('The environment variable MISSING is not set.');
    const unchecked = await tillpaid(['ticket', fileWith(sealed)]);
    expect(unchecked.stdout).toContain('It has one, which was not checked');
  });

  it.each([
    [['ticket', './no-such-file.json'], 'There is no file'],
    [['ticket', tmpdir()], 'It is a directory'],
    [['ticket', fileWith('{"version":')], 'holds no JSON'],
    [['ticket', fileWith({ version: 2 })], 'Not a ticket this version can use'],
    [['ticket', 'ask'], "missing required argument 'file'"],
    [['ticket', fileWith({ version: 2 }), '--sealkey-env', 'A'], 'Did you mean --seal-key-env?'],
  ])('refuses %j with 2, and tells what is wrong', async (words, told) => {
    const { exitCode, stdout, stderr } = await tillpaid(words);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(told);
  });
});

describe('tillpaid ticket ask', () => {
  const env = { CREDENTIALS: JSON.stringify(accounts.zalopay.credentials) };
  const from = ['--credentials-env', 'CREDENTIALS'];

  it('asks once, and says what the gateway says, what to do, and by its exit code whether it has ended', async () => {
    const simulated = serve('zalopay');
    const adapter = (await adapterMaker('zalopay'))({ environment: 'sandbox', ...accounts.zalopay.credentials });
    const { ticket } = await createGateway({ adapter }).settle('payment.create' as never, order as never);
    const before = simulated.requests.length;
    const open = await tillpaid(['ticket', 'ask', fileWith(ticket), ...from], { env });
    expect(open).toMatchObject({ exitCode: 1, stderr: '' });
    expect(open.stdout).toContain('It is still open: ask again later.');
    simulated.script(order.app_trans_id, { life: lives.paid() });
    const paid = await tillpaid(['ticket', 'ask', fileWith(ticket), ...from, '--json'], { env });
    expect(paid).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(paid.stdout)).toMatchObject({
      isFinal: true,
      verdict: { kind: 'terminal', outcome: 'succeeded' },
      ticket: { seen: true, polls: 1 },
    });
    expect(parseTicket((JSON.parse(paid.stdout) as { ticket: unknown }).ticket)).toBeDefined();
    expect(simulated.requests.slice(before).map(({ operation }) => operation)).toEqual([
      'payment.query',
      'payment.query',
    ]);
  });

  it('takes a credentials file whose values are in the environment and in other files', async () => {
    serve('zalopay');
    const key = fileWith(`${secret}\n`);
    const credentials = fileWith({ appId: 2553, key1: { file: key }, key2: { env: 'KEY2' } });
    const ticket = fileWith(await ticketOf());
    const asked = await tillpaid(['ticket', 'ask', ticket, '--credentials', credentials], {
      env: { KEY2: `${secret}2` },
    });
    expect(asked).toMatchObject({ exitCode: 1, stderr: '' });
    expect(asked.stdout).toContain('zalopay does not show it (yet)');
  });

  it('asks nothing where the ticket is not as it was sealed, nor without credentials, nor for another account', async () => {
    const simulated = serve('zalopay');
    const ask = (ticket: object, ...more: string[]): ReturnType<typeof tillpaid> =>
      tillpaid(['ticket', 'ask', fileWith(ticket), ...more], { env: { ...env, SEAL: secret } });
    const ticket = await ticketOf();
    expect(await ask(ticket, ...from, '--seal-key-env', 'SEAL')).toMatchObject({ exitCode: 4, stdout: '' });
    expect(await ask(ticket)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--credentials <file>') as string,
    });
    const other = await ask({ ...ticket, account: '1' }, ...from);
    expect(other).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('This ticket is of account 1') as string,
    });
    // A ticket that names an address of its own does not take the credentials there.
    const elsewhere = await ask({ ...ticket, baseUrl: 'http://evil.example' }, ...from);
    expect(elsewhere).toMatchObject({ exitCode: 2, stdout: '' });
    expect(simulated.requests).toEqual([]);
  });

  it('warns of a credentials file that others can read, and quotes no secret where something is wrong with it', async () => {
    serve('zalopay');
    const ticket = fileWith(await ticketOf());
    const open = join(directory, 'open.json');
    writeFileSync(open, JSON.stringify(accounts.zalopay.credentials), { mode: 0o644 });
    expect((await tillpaid(['ticket', 'ask', ticket, '--credentials', open])).stderr).toContain('chmod 600');
    for (const wrong of [
      `{"key1": "${secret}"`,
      { key1: secret },
      { appId: secret, key1: secret, key2: secret },
      [secret],
    ]) {
      const { exitCode, stderr } = await tillpaid(['ticket', 'ask', ticket, '--credentials', fileWith(wrong)]);
      expect(exitCode).toBe(2);
      expect(stderr).not.toContain(secret);
    }
  });

  it.each(
    Object.keys(accounts) as (keyof typeof accounts)[],
  )('sends no write of %s, whatever the ticket is', async name => {
    const { samples } = (await import(`../samples/${name}.ts`)) as { samples: AdapterSamples };
    const { credentials } = accounts[name];
    const adapter = (await adapterMaker(name))({ environment: 'sandbox', ...credentials });
    const gateway = createGateway({ adapter });
    const writes = Object.values(adapter.operations).filter(each => isWrite(each) && each.query !== undefined);
    const isRead = (operation: string): boolean =>
      operation === 'token' || adapter.operations[operation]?.effect === 'read';
    const simulated = serve(name);
    for (const write of writes) {
      const fields = samples.complete[write.name] ?? {};
      const opened = gateway.ticketFor(write.name as never, fields as never);
      const learnt = Object.fromEntries((isWrite(write) ? (write.learns ?? []) : []).map(each => [each, '2661']));
      for (const reference of [opened.reference, { ...opened.reference, ...learnt }]) {
        const ticket = { ...opened, reference, lastSentAt: opened.openedAt };
        const asked = await tillpaid(['ticket', 'ask', fileWith(ticket), '--credentials-env', 'CREDENTIALS'], {
          env: { CREDENTIALS: JSON.stringify(credentials) },
        });
        expect([0, 1]).toContain(asked.exitCode);
      }
    }
    const asked = simulated.requests.flatMap(({ operation }) => operation ?? []);
    expect(asked.length).toBeGreaterThanOrEqual(writes.length);
    expect(asked.filter(each => !isRead(each))).toEqual([]);
    expect(simulated.ledger.entries).toEqual([]);
  });
});
