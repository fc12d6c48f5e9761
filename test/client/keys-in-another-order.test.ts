import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { createGateway, type OpenPayment, type Step, type Ticket } from '../../src/index.ts';
import { qfpay } from '../../src/adapters/qfpay/index.ts';
import { qfpayVoice } from '../../src/adapters/qfpay/simulator.ts';
import { isWrite } from '../../src/core/operation.ts';
import { askableTicket } from '../../src/engine/open-ticket.ts';
import { createSealer } from '../../src/engine/seal.ts';
import { lives, manualClock, simulateGateway, type Samples } from '../../src/testing/index.ts';

/** PostgreSQL's `jsonb`, a document store, a map of Go: what keeps JSON may give its keys back in another order. */
const shuffled = <T extends object>(stored: T): T =>
  JSON.parse(JSON.stringify(stored), (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? // As jsonb does: short names first.
        Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1)))
      : value,
  ) as T;

const account = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' } as const;
const refund = { out_trade_no: 'REFUND-1', syssn: '', txamt: 12_50 };

async function asked(by: 'untilSettled' | 'step' | 'settle', seal: boolean): Promise<unknown> {
  const clock = manualClock();
  const simulated = simulateGateway({ voice: qfpayVoice(account), clock });
  const gateway = createGateway({
    ...{ adapter: qfpay(account), client: ky.create({ fetch: simulated.fetch }), clock },
    ...(seal && { ticketSeal: { key: 'k'.repeat(32) } }),
  });
  const charged = { out_trade_no: 'O-1', txamt: 12_50, txcurrcd: 'HKD', pay_type: '800108', auth_code: '284957310466' };
  const { reference } = await clock.run(gateway.settle('payment.charge', charged));
  simulated.script('REFUND-1', { life: lives.paidAfter(9000), onSend: ['reset-after-booking'] });
  const fields = { ...refund, syssn: reference.provider ?? '' };
  let known: Ticket | undefined;
  const policy = { poll: { deadlineMs: 0 } };
  const onTicket = (ticket: Ticket): unknown => (known = ticket);
  await clock.run(gateway.settle('refund.create', fields, { onTicket, policy }));
  const stored = shuffled(known ?? expect.fail('no ticket'));
  const process = createGateway({
    ...{ adapter: qfpay(account), client: ky.create({ fetch: simulated.fetch }), clock },
    ...(seal && { ticketSeal: { key: 'k'.repeat(32) } }),
  });
  if (by === 'untilSettled') return (await clock.run(process.untilSettled(stored))).reference;
  if (by === 'settle') return (await clock.run(process.settle('refund.create', fields, { ticket: stored }))).reference;
  let payment: Ticket | OpenPayment = stored;
  for (;;) {
    const { done, open, dueInMs }: Step = await clock.run(process.step(payment));
    if (done !== undefined) return done.reference;
    payment = shuffled(open);
    await clock.run(new Promise<void>(resolve => clock.timer(dueInMs, resolve)));
  }
}

describe('a ticket whose store gave its keys back in another order', () => {
  it.each([
    ['untilSettled', false],
    ['step', false],
    ['settle', false],
    ['untilSettled', true],
    ['step', true],
    ['settle', true],
  ] as const)('names the merchant’s own number first, by %s, sealed: %s', async (by, seal) => {
    expect(await asked(by, seal)).toMatchObject({ merchant: 'REFUND-1' });
  });

  it.each(
    readdirSync(new URL('../../src/adapters/', import.meta.url)),
  )('is read in the order in which it was written, for every write of %s', async name => {
    const { samples } = (await import(`../samples/${name}.ts`)) as { samples: Samples<object> };
    const { adapter } = samples;
    const writes = Object.entries(adapter.operations).filter(([, each]) => isWrite(each) && each.query !== undefined);
    expect(writes.length).toBeGreaterThan(0);
    for (const [operation, write] of writes) {
      if (!isWrite(write)) continue;
      const { reference: own, learns = [] } = write;
      const named = typeof own === 'function' ? Object.keys(own({})) : own;
      const names = [...new Set([...named, 'of another release', ...learns])];
      const ticket: Ticket = {
        ...{ version: 1, gateway: adapter.name, account: adapter.account, environment: adapter.environment, operation },
        ...(adapter.ownBaseUrl && { baseUrl: adapter.baseUrl }),
        reference: Object.fromEntries(names.map(each => [each, '1'])),
        ...{ openedAt: '2026-01-01T00:00:00.000Z', seen: false, polls: 0 },
      };
      fc.assert(
        fc.property(fc.shuffledSubarray(names, { minLength: names.length }), order => {
          const given = { ...ticket, reference: Object.fromEntries(order.map(each => [each, '1'])) };
          const read = askableTicket(
            adapter,
            createSealer(undefined, () => 0),
            given,
          );
          const first = named.filter(each => !learns.includes(each));
          expect(Object.keys(read.ticket.reference).slice(0, first.length)).toEqual(first);
          expect(read.ticket.reference).toEqual(ticket.reference);
        }),
        { numRuns: 20 },
      );
    }
  });
});
