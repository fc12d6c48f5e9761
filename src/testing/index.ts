export {
  assertBooksAgree,
  assertChargedOnce,
  assertNeverCharged,
  assertNobodyChargedTwice,
  assertRefundedOnce,
  assertSettledAs,
} from './assert.ts';
export { adapterContract } from './contract.ts';
export type { ContractAdapter, ContractRunner } from './contract.ts';
export { always, anothersAnswer, deliveredLate, faultNames, isCut, lagging, slowed, withRetryAfter } from './faults.ts';
export type { Always, AnsweredScene, Fault, FaultList, FaultName, Scene } from './faults.ts';
export { journalContract } from './journal-contract.ts';
export type { JournalContractRunner, JournalUnderTest } from './journal-contract.ts';
export { lives } from './lives.ts';
export type { Life, LifeStep } from './lives.ts';
export { manualClock } from './manual-clock.ts';
export type { ManualClock } from './manual-clock.ts';
export type { Told } from './money.ts';
export { simulatorHandlers } from './msw.ts';
export type { MswHttp } from './msw.ts';
export { sendNotices } from './notify.ts';
export type { NoticeRecord, NotifyOptions } from './notify.ts';
export type { AdapterSamples, Sample, Samples } from './sample.ts';
export { faultFrom, lifeFrom, lifeNames, scriptFrom } from './script-from.ts';
export { simulateGateway } from './simulator.ts';
export type {
  FaultScript,
  Ledger,
  LedgerEntry,
  RequestRecord,
  Script,
  Simulator,
  SimulatorOptions,
} from './simulator.ts';
export type {
  Answer,
  Entry,
  EntryState,
  Heard,
  HeardRequest,
  Refusal,
  Situation,
  Voice,
  VoiceNotices,
} from './voice.ts';
