import { about, adviceFrom, type Advice, type Sentences } from '../../kit/index.ts';
import {
  blindQuery,
  cancel,
  charge,
  debitStatus,
  declinedRequests,
  declines,
  endedOrLate,
  failures,
  hints,
  notice,
  paidBefore,
  proveNothing,
  qrisStatus,
  query,
  refused,
  unheard,
  virtualAccountStatus,
  write,
} from './codes.ts';

const ONLY_A_NOTICE =
  'The create’s answer was lost, and iFortepay is asked without its own number: wait for its notification.';

const NOT_FOUND_OR_EXPIRED = 'Not found, or expired unpaid: QRIS has one status for both.';

/** The same of a charge, of a request, and of a payment that has failed for it. */
const declined = {
  '403/02': 'The amount is above the limit of one transaction.',
  '403/04': 'The payer has paid too often in a short time.',
  '403/05': 'The account or user is not in order.',
  '403/07': 'The card is blocked.',
  '403/08': 'The card is expired.',
  '403/09': 'The account is dormant.',
  '403/11': 'The payer’s OTP is blocked.',
  '403/15': 'The transaction is not permitted.',
  '403/17': 'The amount is above the token’s limit.',
  '403/18': 'The card, account or customer is inactive.',
  '403/23': 'The account’s limit of the day is used up.',
  '404/11': 'The card, account or virtual account is not valid.',
};

/** Refused to whoever asks without the gateway's own number. */
const refusedBlindly = Object.fromEntries(
  Object.entries(blindQuery)
    .filter(([code, row]) => row !== query[code])
    .map(([code]) => [code, ONLY_A_NOTICE]),
);

/** What to do about a row of `codes.ts`: a sentence for the engineer on call. */
export const sentences: readonly Sentences[] = [
  about(
    { proveNothing, unheard, paidBefore, endedOrLate },
    {
      paidBefore:
        'Another order has this number, and iFortepay calls it paid: hold that against otherVerdict, and charge nothing again before both agree.',
      endedOrLate: NOT_FOUND_OR_EXPIRED,
      proveNothing: 'A failure on iFortepay’s side proves nothing: ask before sending again.',
      unheard: ONLY_A_NOTICE,
    },
  ),
  about(refused, {
    '400/00': 'The gateway could not read the request.',
    '400/01': 'A field has the wrong format.',
    '400/02': 'A mandatory field is missing or malformed.',
    '401/00': 'Check partnerId, the key and this machine’s clock.',
    '401/02': 'The customer’s token has ended: bind the account again.',
    '401/04': 'The customer’s token is unknown: bind the account again.',
    '403/01': 'iFortepay has not enabled this product for the merchant.',
    '403/06': 'The channel is in its daily cut-off: try again once it is over.',
    '403/10': 'The customer’s token needs a limit before it can be used.',
    '403/19': 'The merchant is suspended: contact iFortepay.',
    '403/20': 'The merchant’s own limit of the day is used up.',
    '403/21': 'This token takes no limit.',
    '403/22': 'The token limit is outside the agreed range.',
    '404/02': 'Wrong path or routing: check channelId.',
    '404/03': 'The switch does not reach this bank.',
    '404/05': 'The merchant may not register cards.',
    '404/06': 'Request an OTP first.',
    '404/07': 'The journey is unknown.',
    '404/08': 'The merchant is unknown or not active.',
    '404/09': 'There is no issuer for this payment.',
    '404/12': 'The bill or virtual account is blocked, suspended or unknown.',
    '404/13': 'The amount is not the one expected.',
    '404/16': 'partnerId is unknown.',
    '404/17': 'The terminal is unknown.',
    '405/01': 'The payment cannot be canceled or refunded now.',
  }),
  about(declines, declined),
  about(declinedRequests, declined),
  about(failures, declined),
  about(hints, {
    '403/12': 'The OTP has expired; the payment is over when the query says 05.',
    '403/13': 'The OTP is on its way to the payer.',
    '403/16': 'The transaction is suspended: ask iFortepay if it stays so.',
    '404/00': 'The payment is in a state that does not allow this.',
    '404/04': 'The payer is said to have canceled.',
    '404/10': 'The payment’s journey is past this step.',
    '404/14': 'The bill is said to be paid: do not charge again.',
    '404/15': 'The OTP was wrong; the payment is over when the query says 05.',
  }),
  about(write, {
    '404/18': 'This number belongs to a request with other content: look it up, and use one number for one order.',
    '409/00': 'This very send has arrived before: ask what became of it.',
  }),
  about(charge, {
    '403/12': 'The payer’s OTP came too late: make a new payment.',
    '403/13': 'The OTP is on its way to the payer: follow the ticket.',
  }),
  about(cancel, {
    '404/00': 'The payment’s state does not allow a cancel: ask for it.',
    '404/01': 'iFortepay has no payment of these two numbers.',
    '404/14': 'The payment is paid: it can only be given back.',
  }),
  about(query, {
    '200/00': 'The query succeeded without naming the payment’s state: this is not "paid".',
    '404/12': 'The bill is blocked, suspended or unknown: the code does not say which.',
    '404/18': 'The numbers of this query do not belong together.',
  }),
  about(blindQuery, refusedBlindly),
  about(qrisStatus, {
    '200/00/07': NOT_FOUND_OR_EXPIRED,
  }),
  about(debitStatus, {
    '200/00/05': 'It was canceled, or the payer’s OTP was wrong or came too late.',
    '200/00/07': 'The card token is expired, or the payment unknown: ask before charging again.',
  }),
  about(virtualAccountStatus, {
    '200/00/paymentFlagStatus=01': 'Rejected or not paid yet, depending on the bank: ask again.',
    '200/00/paymentFlagStatus=02': 'The bank timed out: ask again.',
  }),
  about(notice, {
    va: 'A notification of a virtual account is a reason to ask; the query tells what became of it.',
  }),
];

export const advice: Advice = adviceFrom(sentences);
