import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { lives, simulateGateway, type LedgerEntry, type Script, type Simulator } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { afterEach, describe, expect, it } from 'vitest';
import { serve, type Servers } from '../../examples/demo/serve.ts';
import { main, read, write, type Payment } from '../../examples/own-engine.ts';

/** The engine's processes die; the gateway, over loopback, goes on. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const order = 'ORDER-1';

interface Scene {
  readonly simulated: Simulator;
  readonly file: string;
  /** A process that makes one step: it is killed when it has made it, or when `until` holds. Returns what it said. */
  readonly runAndKill: (until?: () => boolean) => Promise<string | undefined>;
  readonly payment: () => Payment;
  readonly entry: () => LedgerEntry;
}

const processes = new Set<ChildProcess>();
const open: Servers[] = [];

afterEach(async () => {
  for (const child of processes) child.kill('SIGKILL');
  for (const servers of open.splice(0)) await servers.close();
});

async function scene(script: Script): Promise<Scene> {
  const simulated = simulateGateway({ voice: qfpayVoice({ appCode: 'SHOP', clientKey: 'secret' }) });
  simulated.script(order, script);
  const servers = await serve([simulated], () => 0);
  open.push(servers);
  const file = join(mkdtempSync(join(tmpdir(), 'own-engine-')), 'payments.json');
  write(file, [{ order, amount: 12_50, scanned: '284957310466312987' }]);
  return {
    simulated,
    file,
    payment: () => read(file)[0] ?? expect.unreachable('the file is empty'),
    entry: () => simulated.ledger.payment(order) ?? expect.unreachable('the gateway knows no such order'),
    async runAndKill(until) {
      const child = spawn(
        process.execPath,
        [
          '--import',
          './test/own-engine/from-source.ts',
          'test/own-engine/process.ts',
          file,
          servers.baseUrlOf(simulated),
        ],
        { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
      );
      processes.add(child);
      const exited = once(child, 'exit');
      const [line] =
        until === undefined
          ? ((await Promise.race([once(createInterface(child.stdout), 'line'), exited])) as unknown[])
          : [await holds(until)];
      child.kill('SIGKILL');
      await exited;
      processes.delete(child);
      return typeof line === 'string' ? line : undefined;
    },
  };
}

/** Looks until it does. */
async function holds(condition: () => boolean): Promise<undefined> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5));
}

async function toTheEnd({ runAndKill }: Scene): Promise<number> {
  for (let steps = 1; steps < 20; steps++) {
    const said = await runAndKill();
    if (said === 'over') return steps;
    expect(said).toMatch(/^\d+$/);
    await new Promise(resolve => setTimeout(resolve, Number(said)));
  }
  return expect.unreachable('it never ends');
}

describe('an engine of one’s own', () => {
  it('drives payments to their ends by public names alone', async () => {
    expect(await main()).toEqual([
      'ORDER-1: succeeded, after 1 send; money moved: 1',
      'ORDER-2: failed, after 1 send; money moved: 0',
    ]);
  });

  it.each<[string, Script, Payment['outcome'], number]>([
    [
      'is paid, and whose answer is lost',
      { life: lives.paidAfterQueries(2), onSend: ['reset-after-booking'] },
      'succeeded',
      1,
    ],
    ['is declined', { life: lives.steps([{ afterQueries: 2, state: 'declined' }]) }, 'failed', 0],
  ])('whose process is killed after every step charges once, and says what the gateway’s books say, of a payment that %s', async (_what, script, outcome, bookings) => {
    const world = await scene(script);
    expect(await toTheEnd(world)).toBeGreaterThanOrEqual(4);
    expect(world.payment()).toMatchObject({ outcome, ticket: { seen: true } });
    expect(world.entry()).toMatchObject({ sends: 1, bookings });
  });

  it('whose process is killed while the charge is on the wire asks when it comes back, and sends nothing', async () => {
    const world = await scene({ onSend: ['hang-after-booking'] });
    await world.runAndKill(() => world.simulated.requests.some(({ operation }) => operation === 'payment.charge'));
    expect(world.payment().outcome).toBeUndefined();
    expect(world.payment().ticket).toMatchObject({ reference: { out_trade_no: order } });
    await toTheEnd(world);
    expect(world.payment()).toMatchObject({ outcome: 'succeeded' });
    expect(world.entry()).toMatchObject({ sends: 1, bookings: 1 });
  });
});
