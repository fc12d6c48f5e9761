export { createGateway } from './client/create-gateway.ts';
export type { Gateway, Step } from './client/gateway.ts';
export type { DropInContext, FollowOptions, GatewayOptions, SettleOptions } from './client/options.ts';
export type { FetchInit } from './client/plain-fetch.ts';
export type { Received } from './client/receive.ts';
export { responseOf, ticketOf, verdictOf } from './engine/results.ts';
export type { OpenPayment } from './engine/open-payment.ts';
export type { TicketSeal } from './engine/seal.ts';

export { effectOf, isFinal } from './core/verdict.ts';
export type {
  Effect,
  Outcome,
  PollRequiredVerdict,
  Reason,
  RetryableVerdict,
  TerminalVerdict,
  Verdict,
} from './core/verdict.ts';
export type { Exchange, Reading } from './core/exchange.ts';
export type {
  AbsentSettlement,
  AuthorizedSettlement,
  CreatedSettlement,
  Evidence,
  FinalSettlement,
  GatewayEvent,
  LoopOutcome,
  MisspeltEvent,
  PaymentEvent,
  RejectedSettlement,
  SettledBy,
  Settlement,
  TimelineEntry,
  TimelineFact,
  UnmatchedEvent,
  UnresolvedSettlement,
  UnsentSettlement,
} from './core/settlement.ts';
export type { Ticket } from './core/ticket.ts';
export { parseTicket } from './core/parse-ticket.ts';
export { reconcile } from './core/doctrine.ts';
export { decide, initialState } from './core/decide.ts';
export type { Decision, Observation, Plan, State } from './core/decide.ts';
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
} from './core/errors.ts';
export type { TillpaidError } from './core/errors.ts';

export { constant, defineBackoff, exponential, growing, steps } from './policies/backoff.ts';
export type { Backoff, BackoffData, BackoffStep } from './policies/backoff.ts';
export type { LimitPolicy, Policy, PollPolicy, RetryPolicy } from './policies/policy.ts';
export { systemClock } from './clock.ts';
export type { Clock } from './clock.ts';

export { defineAdapter } from './kit/adapter.ts';
export type {
  Adapter,
  AdapterDefinition,
  EncodedSend,
  Environment,
  FieldsByOperation,
  ReceivedAnswer,
  SendContext,
} from './kit/adapter.ts';
export type { Delivery, HeardNotice, Notice, Reply, Webhook } from './kit/webhook.ts';
export type {
  Encoding,
  FieldCheck,
  Fields,
  Follows,
  Operation,
  ReadName,
  ReadOperation,
  SameReference,
  StatusQuery,
  WriteOperation,
} from './core/operation.ts';
export type { CodeTable, PollRequiredRow, RetryableRow, Row, TerminalRow } from './core/code-table.ts';
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
} from './kit/rows.ts';
export { UNREADABLE, asRecord, idOf, instantOf, integerOf, statedOf, textOf } from './kit/readers.ts';
export { checkCredentials, checkFields, headerTextUpTo, oneOf, record, text, textUpTo, whole } from './kit/fields.ts';
export { baseUrlOf, checkAddress } from './kit/address.ts';
export type { Location } from './kit/address.ts';
export { timingSafeEqual } from './kit/timing-safe.ts';
export type { Token, TokenStore } from './kit/token.ts';
