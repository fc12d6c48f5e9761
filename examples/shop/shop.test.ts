import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ky from 'ky';
import type { Clock } from 'tillpaid';
import type { QfpayCredentials } from 'tillpaid/adapters/qfpay';
import type { ZalopayCredentials } from 'tillpaid/adapters/zalopay';
import { lives, manualClock, simulateGateway } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { zalopayNotice, zalopayVoice } from 'tillpaid/testing/zalopay';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openShop, type Shop } from './shop.ts';

const qfpay: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };
const zalopay: ZalopayCredentials = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' };
const code = '284957310466312987';
const clock = manualClock();
const till = simulateGateway({ voice: qfpayVoice(qfpay), clock });
const web = simulateGateway({ voice: zalopayVoice(zalopay), clock, lives: { create: lives.paidAfter(20_000) } });
let file: string;
let shop: Shop;

const open = (its: Clock = clock): Shop => {
  const [one, other] = [till, web].map(({ fetch }) => ky.create({ fetch }));
  const opened = openShop({ file, qfpay, zalopay, test: { qfpay: one ?? ky, zalopay: other ?? ky, clock: its } });
  opened.worker.start();
  return opened;
};
const pass = (ms: number): Promise<void> => clock.run(new Promise(resolve => clock.timer(ms, resolve)));

async function post(path: string, body?: object, at: Shop = shop): Promise<{ status: number; body: unknown }> {
  const answer = await at.app.request(path, { method: 'POST', ...(body && { body: JSON.stringify(body) }) });
  return { status: answer.status, body: await answer.json() };
}
async function place(provider: 'qfpay' | 'zalopay'): Promise<string> {
  const { body } = await clock.run(post('/orders', { provider, amount: 50_000 }));
  return /"number":"([^"]+)"/.exec(JSON.stringify(body))?.[1] ?? expect.fail('no number');
}
/** What ZaloPay tells of an order, signed with a key that may be another one. */
async function hear(number: string, key2: string): Promise<unknown> {
  const entry = web.ledger.payment(number) ?? expect.fail('no order');
  return (await shop.app.request('/webhooks/zalopay', zalopayNotice({ ...zalopay, key2 }, entry, clock.now()))).json();
}
const look = async (number: string): Promise<unknown> => (await shop.app.request(`/orders/${number}`)).json();

beforeEach(() => {
  file = join(mkdtempSync(join(tmpdir(), 'shop-')), 'shop.db');
  shop = open();
});
afterEach(() => clock.run(shop.close()));

describe('the shop', () => {
  it('takes the money once of a checkout that is submitted twice, though the answer is lost', async () => {
    const number = await place('qfpay');
    till.script(number, { onSend: ['reset-after-booking'] });
    const submit = (): ReturnType<typeof post> => post(`/orders/${number}/pay`, { code });
    const both = await clock.run(Promise.all([submit(), submit()]));
    expect([...both, await clock.run(submit())].map(({ body }) => body)).toEqual([
      { paid: true },
      { paid: true },
      { paid: true },
    ]);
    expect(till.ledger.payment(number)).toMatchObject({ sends: 1, bookings: 1 });
  });

  it('gives the same link to a customer who submits twice, and knows when he has paid', async () => {
    const number = await place('zalopay');
    const first = await clock.run(post(`/orders/${number}/pay`, {}));
    expect(await clock.run(post(`/orders/${number}/pay`, {}))).toEqual(first);
    expect(JSON.stringify(first.body)).toMatch(/"paid":false,"link":"https:/);
    await pass(5 * 60_000);
    expect(await look(number)).toMatchObject({ state: 'paid' });
    expect(web.ledger.payment(number)).toMatchObject({ sends: 1, bookings: 1 });
  });

  it('that crashes while a charge is on its way finds it again, and tells whoever submits once more', async () => {
    const number = await place('qfpay');
    till.script(number, { onSend: ['hang-after-booking'] });
    // Its time stands still, as in a process that is killed.
    const killed = open({ now: () => clock.now(), random: () => 0.5, timer: () => () => undefined });
    post(`/orders/${number}/pay`, { code }, killed).catch(() => undefined);
    await clock.untilQuiet();
    expect(await clock.run(post(`/orders/${number}/pay`, { code }))).toMatchObject({ body: { paid: true } });
    await pass(20_000);
    expect([await look(number), till.ledger.payment(number)]).toMatchObject([
      { state: 'paid' },
      { sends: 1, bookings: 1 },
    ]);
  });

  it('believes a signed webhook that comes before the answer, and no forged one', async () => {
    const number = await place('zalopay');
    web.script(number, { life: lives.paid(), onSend: ['hang-after-booking'] });
    const paying = post(`/orders/${number}/pay`, {});
    await clock.untilQuiet();
    expect([await hear(number, 'guessed'), await hear(number, zalopay.key2)]).toMatchObject([
      { return_code: -1 },
      { return_code: 1 },
    ]);
    expect(await clock.run(paying)).toMatchObject({ body: { paid: true } });
    expect(web.ledger.payment(number)).toMatchObject({ sends: 1, queries: 0 });
  });

  it.each<'qfpay' | 'zalopay'>([
    'qfpay',
    'zalopay',
  ])('gives the money back once when a refund is clicked twice: %s', async provider => {
    const number = await place(provider);
    const refund = (): ReturnType<typeof post> => post(`/orders/${number}/refund`);
    expect((await refund()).status).toBe(409);
    await clock.run(post(`/orders/${number}/pay`, { code }));
    // Some are told by a webhook alone, with the number that a refund must name.
    if (provider === 'zalopay') {
      web.script(number, { life: lives.paid() });
      await hear(number, zalopay.key2);
    }
    await pass(20_000);
    const simulated = provider === 'qfpay' ? till : web;
    simulated.script(`${number}_R`, { onSend: ['reset-after-booking'], life: lives.paidAfter(5000) });
    const both = await clock.run(Promise.all([refund(), refund()]));
    expect(both.map(({ body }) => body)).toMatchObject([{ outcome: 'succeeded' }, { outcome: 'succeeded' }]);
    await pass(20_000);
    expect([await look(number), simulated.ledger.refund(`${number}_R`)]).toMatchObject([
      { state: 'refunded' },
      { sends: 1, bookings: 1 },
    ]);
  });

  it('asks a customer whose payment stays open not to pay again, and learns how it ended', async () => {
    const number = await place('qfpay');
    till.script(number, { life: lives.paidAfter(45_000) });
    expect(await clock.run(post(`/orders/${number}/pay`, { code }))).toMatchObject({ status: 202 });
    await pass(5 * 60_000);
    expect(await look(number)).toMatchObject({ state: 'paid' });
  });

  it('refunds no order that was only declined, and takes it with another code', async () => {
    const number = await place('qfpay');
    till.script(number, { life: lives.declined(), nextTry: lives.paid() });
    expect(await clock.run(post(`/orders/${number}/pay`, { code }))).toMatchObject({ status: 402 });
    await pass(20_000);
    expect(await look(number)).toMatchObject({ state: 'placed' });
    expect(await clock.run(post(`/orders/${number}/refund`))).toMatchObject({ status: 409 });
    expect(till.ledger.refund(`${number}_R`)).toBeUndefined();

    const other = { code: '284957310466312988' };
    expect(await clock.run(post(`/orders/${number}/pay`, other))).toMatchObject({ body: { paid: true } });
    await pass(20_000);
    expect(await look(number)).toMatchObject({ state: 'paid' });
    expect(await clock.run(post(`/orders/${number}/refund`))).toMatchObject({ body: { outcome: 'succeeded' } });
  });

  it('does not call an order paid whose money was given back', async () => {
    const number = await place('qfpay');
    await clock.run(post(`/orders/${number}/pay`, { code }));
    await pass(20_000);
    await clock.run(post(`/orders/${number}/refund`));
    await pass(20_000);
    expect(await clock.run(post(`/orders/${number}/pay`, { code }))).toEqual({
      status: 409,
      body: { error: 'This order was paid, and the money given back.' },
    });
  });

  it.each(['{"provider', 'null', '', '[]'])('says what is wrong of a body such as %j', async body => {
    const ask = (path: string): Promise<number> =>
      Promise.resolve(shop.app.request(path, { method: 'POST', body })).then(({ status }) => status);
    expect(await ask('/orders')).toBe(400);
    expect(await ask(`/orders/${await place('qfpay')}/pay`)).toBe(400);
  });

  it('knows no order that was not placed', async () => {
    expect((await shop.app.request('/orders/none')).status).toBe(404);
    expect((await post('/orders/none/pay', { code })).status).toBe(404);
    expect((await post('/orders/none/refund')).status).toBe(404);
  });
});
