export { serveSimulator } from './serve-simulator.ts';
export type {
  LogLine,
  NoticeLine,
  RequestLine,
  ServedSimulator,
  ServeOptions,
  ServerOptions,
} from './serve-simulator.ts';
export { serveHandler } from './http.ts';
export type { Ending, HandlerOptions, Served } from './http.ts';
export { ledgerPage } from './facts.ts';
export type { LedgerFacts, LedgerPage } from './facts.ts';
