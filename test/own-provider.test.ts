import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import ky from 'ky';
import {
  createGateway,
  isFinal,
  type Exchange,
  type Gateway,
  type Policy,
  type Settlement,
  type Verdict,
} from 'tillpaid';
import { effectOf, type CodeTable } from 'tillpaid/adapter';
import {
  adapterContract,
  always,
  lives,
  manualClock,
  simulateGateway,
  type FaultName,
  type Life,
  type ManualClock,
  type Simulator,
} from 'tillpaid/testing';
import { describe, expect, it } from 'vitest';
import { samples } from '../examples/own-provider-contract.ts';
import { lanternVoice, main } from '../examples/own-provider-simulated.ts';
import { lantern, type LanternFields } from '../examples/own-provider.ts';

/**
 * An adapter that is no folder of ours, made with public names only: what the contract suite asks of ours it keeps too,
 * and the client carries it through every lost answer.
 */
const source = readFileSync(new URL('../examples/own-provider.ts', import.meta.url), 'utf8');
const key = 'made-up-lantern-key';
const adapter = lantern({ shop: 'shop-1', key });
const charge = { order: 'A1', amount: 1250, scanned: '284957310466312987' };
const refund = { refund: 'R1', order: 'A1', amount: 1250 };
const sent: { readonly [K in keyof LanternFields]: LanternFields[K] } = {
  'payment.charge': charge,
  'payment.create': { order: 'A1', amount: 1250 },
  'payment.cancel': { order: 'A1' },
  'payment.query': { order: 'A1' },
  'refund.create': refund,
  'refund.query': { refund: 'R1' },
};
const operations = Object.keys(sent) as (keyof LanternFields)[];
const tableOf = (operation: string): CodeTable => adapter.operations[operation]?.codes as CodeTable;

/** What the gateway says under each row's name. */
const rows = operations.flatMap(operation => Object.keys(tableOf(operation)).map(name => [operation, name] as const));
const answer = (operation: keyof LanternFields, name: string, more: Partial<Exchange> = {}): Exchange => {
  const [code, state] = name.split('/');
  return {
    operation,
    sent: { ...sent[operation] },
    status: 200,
    body: { code, ...(state !== undefined && { state }) },
    ...more,
  };
};
const isSuccess = (verdict: Verdict): boolean => verdict.kind === 'terminal' && verdict.outcome === 'succeeded';

describe('the example of an own adapter', () => {
  it('fits in a hundred and fifty formatted lines and imports nothing but tillpaid', () => {
    expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(150);
    expect([...source.matchAll(/\bfrom '([^']+)'/g)].map(([, from]) => from)).toEqual(['tillpaid/adapter']);
    expect(source).not.toMatch(/\bimport\(|\brequire\(/);
  });

  it('runs, and prints one line', async () => {
    expect(await main()).toBe('succeeded by query; sends: 1, queries: 3, charges: 1');
  });
});

adapterContract(adapter, samples, { describe, it });

describe('it keeps the contract', () => {
  it.each(rows)('%s %s is listed, by the name the gateway gave', (operation, name) => {
    expect(adapter.classify(answer(operation, name))).toMatchObject({ code: name, listed: true });
  });

  it.each(operations)('an empty, unreadable or strange answer to %s is unknown, never final', operation => {
    for (const body of [
      {},
      [],
      null,
      '',
      'OK',
      0,
      1,
      true,
      '<html>',
      { code: 0 },
      { code: ['OK'] },
      { code: '__proto__' },
      { code: 'ok' },
      { state: 'done' },
    ]) {
      for (const status of [200, 201, 204, 302, 400, 404, 429, 500, 503]) {
        const verdict = adapter.classify({ operation, status, body });
        expect(verdict.listed, JSON.stringify({ body, status })).toBe(false);
        expect(verdict.kind).not.toBe('terminal');
        if (effectOf(operation) === 'write') expect(verdict.kind).toBe('poll-required');
      }
    }
  });

  it.each(rows)('%s %s is not believed to be final under a 5xx, a 3xx or a 429', (operation, name) => {
    for (const status of [302, 429, 500, 503])
      expect(adapter.classify(answer(operation, name, { status })).kind).not.toBe('terminal');
  });

  it.each(
    rows.filter(([operation]) => effectOf(operation) === 'write'),
  )('%s %s ends no later send but by its own success', (operation, name) => {
    const verdict = adapter.classify(answer(operation, name, { mayHaveLanded: true }));
    if (verdict.kind === 'terminal') expect(['succeeded', 'created']).toContain(verdict.outcome);
  });

  it.each(
    rows.filter(([operation]) => effectOf(operation) === 'read'),
  )('%s %s is final only as the state of a payment', (operation, name) => {
    const verdict = adapter.classify(answer(operation, name));
    expect(isFinal(verdict, operation)).toBe(
      ['OK/done', 'OK/canceled', ...(operation === 'refund.query' ? ['OK/declined'] : [])].includes(name),
    );
  });

  it.each(rows)('%s %s about another order, refund or amount is never a success', (operation, name) => {
    const { body, ...exchange } = answer(operation, name);
    const [whose] = operation.startsWith('refund') ? ['refund' as const] : ['order' as const];
    const wrong = ['A2', 7, ['A1'], true].map(value => ({ [whose]: value }));
    // A query and a cancel that nobody follows were sent no amount.
    const told =
      operation.endsWith('.query') || operation === 'payment.cancel'
        ? []
        : ['1', 1250.5, {}].map(amount => ({ amount }));
    for (const about of [...wrong, ...told]) {
      expect(
        isSuccess(adapter.classify({ ...exchange, body: { ...(body as object), ...about } })),
        JSON.stringify(about),
      ).toBe(false);
    }
  });

  it('shows no secret when it is printed', () => {
    const printed = [inspect(adapter, { depth: 12, showHidden: true }), JSON.stringify(adapter)].join('\n');
    expect(printed).not.toContain(key);
  });
});

interface Shop {
  readonly gateway: Gateway<LanternFields>;
  readonly simulated: Simulator;
  readonly clock: ManualClock;
}

const policy: Policy = { attemptTimeoutMs: 5000, poll: { deadlineMs: 60_000 } };

function openShop(fault: FaultName, life: Life = lives.paid()): Shop {
  const clock = manualClock();
  const simulated = simulateGateway({
    voice: lanternVoice(key),
    clock,
    lives: { charge: life, refund: life },
    faults: { onSend: [fault] },
  });
  const gateway = createGateway({
    adapter,
    client: ky.create({ fetch: simulated.fetch }),
    fetchSendsOnce: true,
    clock,
    policy,
  });
  return { gateway, simulated, clock };
}

/** How a lost or strange answer ends once the gateway is asked, and how often money moved. */
const ends = (
  { outcome, attempts }: Settlement,
  moved: number | undefined,
): [Settlement['outcome'], number, number] => [outcome, attempts, moved ?? 0];

const afterBooking: FaultName[] = [
  'reset-after-booking',
  'hang-after-booking',
  '503-after-booking',
  'truncated',
  'drip',
  'garbage',
  'empty',
  'system-error-after-booking',
  'redirect-after-booking',
];
const beforeBooking: FaultName[] = [
  'reset-before-booking',
  'hang-before-booking',
  '503-before-booking',
  'system-error',
  'redirect',
];
const unprocessed: FaultName[] = ['refused-connection', 'maintenance', 'rate-limited'];

describe('the client carries it through lost answers', () => {
  it.each(afterBooking)('a charge whose answer suffers (%s) is sent once, and known to be paid', async fault => {
    const { gateway, simulated, clock } = openShop(fault, lives.paidAfter(5000));
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(ends(settlement, simulated.ledger.payment('A1')?.bookings)).toEqual(['succeeded', 1, 1]);
    expect(settlement).toMatchObject({ settledBy: 'query', reference: { merchant: 'A1' } });
  });

  it.each(
    afterBooking,
  )('a declined charge whose answer suffers (%s) is sent once, and known to be declined', async fault => {
    const { gateway, simulated, clock } = openShop(fault, lives.declined());
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(ends(settlement, simulated.ledger.payment('A1')?.bookings)).toEqual(['failed', 1, 0]);
  });

  it.each(
    beforeBooking,
  )('a charge that never arrived, as nobody can know (%s), stays open and is not sent again', async fault => {
    const { gateway, simulated, clock } = openShop(fault);
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(ends(settlement, simulated.ledger.payment('A1')?.bookings)).toEqual(['unresolved', 1, 0]);
  });

  it.each(unprocessed)('a charge that was provably not processed (%s) is sent again, and charged once', async fault => {
    const { gateway, simulated, clock } = openShop(fault);
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(ends(settlement, simulated.ledger.payment('A1')?.bookings)).toEqual(['succeeded', 2, 1]);
  });

  it.each(afterBooking)('a refund whose answer suffers (%s) is given back once', async fault => {
    const { gateway, simulated, clock } = openShop('none');
    await clock.run(gateway.settle('payment.charge', charge));
    simulated.script('R1', { life: lives.paidAfter(5000), onSend: [fault] });
    const settlement = await clock.run(gateway.settle('refund.create', refund));
    expect(ends(settlement, simulated.ledger.refund('R1')?.bookings)).toEqual(['succeeded', 1, 1]);
  });

  it.each(
    afterBooking,
  )('an order whose link was lost (%s) is reported as made, without its answer; then canceled', async fault => {
    const { gateway, simulated, clock } = openShop(fault);
    simulated.script('A1', { life: lives.open() });
    const settlement = await clock.run(gateway.settle('payment.create', sent['payment.create']));
    expect(ends(settlement, simulated.ledger.payment('A1')?.bookings)).toEqual(['created', 1, 0]);
    expect(settlement.ticket.seen).toBe(true);
    const canceled = await clock.run(gateway.settle('payment.cancel', { order: 'A1' }));
    expect(canceled.outcome).toBe('succeeded');
    expect(simulated.ledger.payment('A1')?.state).toBe('canceled');
  });

  it('a charge whose queries fail too is unresolved at the deadline, and found paid by its ticket later', async () => {
    const { gateway, simulated, clock } = openShop('reset-after-booking');
    simulated.script('A1', { onQuery: [always('maintenance')] });
    const open = await clock.run(gateway.settle('payment.charge', charge));
    expect(open.outcome).toBe('unresolved');
    simulated.script('A1', { onQuery: [] });
    const settlement = await clock.run(gateway.untilSettled(open.ticket));
    expect(ends(settlement, simulated.ledger.payment('A1')?.bookings)).toEqual(['succeeded', 0, 1]);
  });

  it('a wrong key is rejected before anything is done', async () => {
    const clock = manualClock();
    const simulated = simulateGateway({ voice: lanternVoice('another key'), clock });
    const gateway = createGateway({ adapter, client: ky.create({ fetch: simulated.fetch }), clock });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({
      outcome: 'rejected',
      verdict: { reason: 'authentication', advice: 'Check the key.' },
    });
    expect(simulated.ledger.entries).toEqual([]);
  });
});
