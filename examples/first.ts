import ky from 'ky';
import { createGateway } from 'tillpaid';
import { qfpay, type QfpayCredentials } from 'tillpaid/adapters/qfpay';
import { simulateGateway } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';

const account: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };
const simulated = simulateGateway({ voice: qfpayVoice(account), faults: { onSend: ['reset-after-booking'] } });
const gateway = createGateway({ adapter: qfpay(account), client: ky.create({ fetch: simulated.fetch }) });

const order = {
  out_trade_no: 'ORDER-1',
  txamt: 1000,
  txcurrcd: 'HKD',
  pay_type: '800108',
  auth_code: '284957310466312987',
};
const { outcome, settledBy, attempts, polls } = await gateway.settle('payment.charge', order);
console.log(outcome, 'by', settledBy, { attempts, polls, charges: simulated.ledger.payment('ORDER-1')?.bookings });
