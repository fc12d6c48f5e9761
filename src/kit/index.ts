export { defineAdapter } from './adapter.ts';
export type {
  Adapter,
  AdapterDefinition,
  EncodedSend,
  Environment,
  AnswersByOperation,
  FieldsByOperation,
  ReceivedAnswer,
  SendContext,
} from './adapter.ts';
export { baseUrlOf, checkAddress } from './address.ts';
export type { BaseUrls, Location } from './address.ts';
export { about, adviceFrom } from './advice.ts';
export type { Sentences } from './advice.ts';
export { askBy, knownOf } from './ask.ts';

export {
  checkCredentials,
  checkFields,
  headerTextUpTo,
  oneOf,
  only,
  optional,
  record,
  text,
  textUpTo,
  visibleText,
  webAddress,
  whole,
  without,
} from './fields.ts';
export {
  UNREADABLE,
  asRecord,
  idOf,
  instantOf,
  integerOf,
  jsonOf,
  moneyOf,
  recordOf,
  statedOf,
  textOf,
} from './readers.ts';
export type { Money } from './readers.ts';
export { DAY_MS, HOUR_MS, MINUTE_MS, msUntil, wallTime } from './times.ts';

export { fromBase64, toBase64, toBase64Url, toHex } from './bytes.ts';
export { digestOf, hmacOf, md5, sha256, sha512 } from './hashes.ts';
export type { Hash, Part } from './hashes.ts';
export { pemBody, pemKey, rsaSigner, rsaVerifier } from './rsa.ts';
export type { RsaSigner, RsaVerifier } from './rsa.ts';
export { timingSafeEqual } from './timing-safe.ts';
export { MOST_TOKEN_BYTES, readUpTo } from './read-up-to.ts';
export { requestToken, tokenKeeper, tokenStore } from './token.ts';
export type { Token, TokenAnswer, TokenStore } from './token.ts';

// What makes a webhook of them is `tillpaid/adapter/webhook`: it loads with the first notice.
export type { Delivery, HeardNotice, Notice, NoticeSignature, Replies, Reply, Webhook } from './webhook.ts';

export {
  askedOnce,
  authorized,
  canceled,
  created,
  declined,
  duplicate,
  expired,
  failed,
  pollRequired,
  refunded,
  rejected,
  retryable,
  succeeded,
} from './rows.ts';
export { newKey } from '../clock.ts';
export { InputError } from '../core/errors.ts';
export { effectOf } from '../core/verdict.ts';
export type { Effect, Outcome, Reason, Verdict } from '../core/verdict.ts';
export type { Advice, CodeTable, PollRequiredRow, RetryableRow, Row, TerminalRow } from '../core/code-table.ts';
export type { Exchange, Reading } from '../core/exchange.ts';
export type {
  BatchQuery,
  Encoding,
  FieldCheck,
  Fields,
  Follows,
  Method,
  Operation,
  ReadName,
  ReadOperation,
  SameReference,
  OwnCancel,
  StatusQuery,
  WriteOperation,
} from '../core/operation.ts';
export type { Ticket } from '../core/ticket.ts';
