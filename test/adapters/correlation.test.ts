import { describe, expect, it } from 'vitest';
import { createGateway, type Adapter, type GatewayEvent } from '../../src/index.ts';
import * as ifortepay from '../pages/surroundings/ifortepay.ts';
import * as rebell from '../pages/surroundings/rebell.ts';
import * as qfpay from '../pages/surroundings/shop.ts';
import * as uqpay from '../pages/surroundings/uqpay.ts';
import * as zalopay from '../pages/surroundings/zalopay.ts';

interface Shop {
  readonly adapter: Adapter;
  readonly fields: object;
  readonly request: Request;
}

const shops: [string, string, Shop][] = [
  // Its notice is of another order than its fields.
  ['qfpay', 'payment.charge', { ...qfpay, fields: { ...qfpay.fields, out_trade_no: 'ORDER-1' } }],
  ['zalopay', 'payment.create', zalopay],
  ['ifortepay', 'qris.create', ifortepay],
  ['rebell', 'payment.charge', rebell],
  ['uqpay', 'payment.create', uqpay],
];

describe('the correlation id of a webhook', () => {
  it.each(
    shops,
  )('of %s is that of its payment, in a process that knows nothing else of it', async (_name, operation, shop) => {
    const { adapter, fields, request } = shop;
    const elsewhere: GatewayEvent[] = [];
    const receiving = createGateway({ adapter, onEvent: event => elsewhere.push(event) });
    const sending = createGateway({ adapter });
    await receiving.receive(request.clone());
    const ticket = sending.ticketFor(operation as never, fields as never);
    expect(elsewhere).toMatchObject([{ type: 'notice-received', correlationId: sending.correlationIdOf(ticket) }]);
  });
});
