export { createGateway } from './client/gateway.ts';
export type { DropInContext, FollowOptions, Gateway, GatewayOptions, SettleOptions } from './client/gateway.ts';
export type { FetchInit } from './client/plain-fetch.ts';
export type { Received } from './client/receive.ts';
export { ticketOf, verdictOf } from './client/results.ts';

export { reconcile } from './classify.ts';
export { effectOf, isFinal } from './verdict.ts';
export type { Effect, Outcome, PollRequiredVerdict, Reason, RetryableVerdict, TerminalVerdict, Verdict } from './verdict.ts';
export { asRecord, idOf, instantOf, integerOf, statedOf, textOf, UNREADABLE } from './exchange.ts';
export type { Exchange, Reading } from './exchange.ts';
export type { Evidence, GatewayEvent, LoopOutcome, PaymentEvent, SettledBy, Settlement, TimelineEntry, TimelineFact, UnmatchedEvent } from './settlement.ts';
export type { TicketSeal } from './seal.ts';
export { parseTicket } from './ticket.ts';
export type { Ticket } from './ticket.ts';
export {
  InputError,
  ReferenceInUseError,
  ResendRefusedError,
  SettledError,
  TicketError,
  UnresolvedError,
  findTillpaidError,
  isInputError,
  isReferenceInUseError,
  isResendRefusedError,
  isSettledError,
  isTicketError,
  isUnresolvedError,
} from './errors.ts';
export type { TillpaidError } from './errors.ts';

export { constant, defineBackoff, exponential, growing, steps } from './policies/backoff.ts';
export type { Backoff, BackoffData, BackoffStep } from './policies/backoff.ts';
export type { LimitPolicy, Policy, PollPolicy, RetryPolicy } from './policies/policy.ts';

export { defineAdapter } from './adapter.ts';
export type {
  Adapter,
  AdapterDefinition,
  EncodedSend,
  Delivery,
  Encoding,
  Environment,
  FieldsByOperation,
  Follows,
  HeardNotice,
  Notice,
  Operation,
  ReadName,
  ReadOperation,
  ReceivedAnswer,
  Reply,
  SameReference,
  SendContext,
  StatusQuery,
  Webhook,
  WriteOperation,
} from './adapter.ts';
export { baseUrlOf, checkAddress, checkCredentials, checkFields, headerTextUpTo, oneOf, record, text, textUpTo, whole } from './fields.ts';
export type { FieldCheck, Fields, Location } from './fields.ts';
export { timingSafeEqual } from './timing-safe.ts';
export { askedOnce, authorized, canceled, created, declined, duplicate, expired, failed, pollRequired, refunded, rejected, retryable, succeeded } from './rows.ts';
export type { CodeTable, PollRequiredRow, RetryableRow, Row, TerminalRow } from './rows.ts';
export { systemClock } from './clock.ts';
export type { Clock } from './clock.ts';
export { decide, initialState } from './decide.ts';
export type { Decision, Observation, Plan, State } from './decide.ts';
export type { Token, TokenStore } from './token.ts';
