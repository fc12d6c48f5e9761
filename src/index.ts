export { createGateway } from './client/create-gateway.ts';
export type { Gateway } from './client/gateway.ts';
export type {
  AboutExchange,
  DropInContext,
  EventListener,
  AskOptions,
  FollowOptions,
  GatewayOptions,
  ObserveOptions,
  PrepareOptions,
  SettleOptions,
} from './client/options.ts';
export type { FetchInit } from './client/plain-fetch.ts';
export type { Received } from './client/receive.ts';
export { responseOf, ticketOf, verdictOf } from './engine/results.ts';
export type { JournalPort, Step } from './engine/durable.ts';
export type { OpenPayment } from './engine/open-payment.ts';
export type { TicketSeal } from './engine/seal.ts';

export { isFinal } from './core/verdict.ts';
export type {
  Outcome,
  PollRequiredVerdict,
  Reason,
  RetryableVerdict,
  TerminalVerdict,
  Verdict,
} from './core/verdict.ts';
export type { Exchange } from './core/exchange.ts';
export type { AdapterFault } from './core/adapter-fault.ts';
export type { CancelStanding, DeadlineCancel } from './core/cancel.ts';
export type {
  AboutPayment,
  BatchOffEvent,
  CircuitEvent,
  GatewayEvent,
  LostEntry,
  MisspeltEvent,
  NoticeReceivedEvent,
  NoticeRefusedEvent,
  NoticesEvent,
  PaymentEvent,
  QuotaEvent,
  SettledEntry,
  StoppedEntry,
  UnmatchedEvent,
} from './core/events.ts';
export type {
  AbsentSettlement,
  AuthorizedSettlement,
  CreatedSettlement,
  Evidence,
  FinalSettlement,
  LoopOutcome,
  RejectedSettlement,
  SettledBy,
  Settlement,
  TimelineEntry,
  TimelineFact,
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
export { circuit } from './policies/circuit.ts';
export type { Circuit, CircuitOptions } from './policies/circuit.ts';
export type {
  AskPolicy,
  BatchPolicy,
  CallPolicy,
  CallPollPolicy,
  ChooseBackoff,
  LimitPolicy,
  Policy,
  PollPolicy,
  RetryPolicy,
  StartingPayment,
} from './policies/policy.ts';
export type { QuotaPolicy } from './policies/quota.ts';
export { systemClock } from './clock.ts';
export type { Clock } from './clock.ts';

// Everything else that an adapter is made of: `tillpaid/adapter`.
export { defineAdapter } from './kit/adapter.ts';
export type { Adapter, AdapterDefinition, AnswersByOperation, Environment, FieldsByOperation } from './kit/adapter.ts';
export type { Fields } from './core/operation.ts';
export type { Token, TokenStore } from './kit/token.ts';
