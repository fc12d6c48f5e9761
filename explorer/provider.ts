import type { Adapter } from '../src/kit/adapter.ts';
import type { ManualPages } from '../src/kit/manual.ts';

/** A provider as the explorer shows it. */
export interface Provider {
  /** As in an address: `qfpay`. */
  readonly name: string;
  /** As people write it: `QFPay`. */
  readonly title: string;
  /** For its tables alone: it has no credentials. */
  readonly adapter: Adapter;
  readonly manual: ManualPages;
}
