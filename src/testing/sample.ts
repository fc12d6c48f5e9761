import type { Exchange } from '../core/exchange.ts';
import type { Fields } from '../core/operation.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Adapter, AnswersByOperation, FieldsByOperation } from '../kit/adapter.ts';

/** An answer of a provider and what it means. */
export interface Sample {
  /** A sentence, such as `a query after the QR code expired is expired`. */
  readonly title: string;
  readonly exchange: Exchange;
  /** What `classify` must say; what is left out is not compared. */
  readonly verdict: {
    readonly kind: Verdict['kind'];
    readonly outcome?: string;
    readonly reason?: string;
    readonly code?: string;
    readonly listed?: boolean;
  };
}

/** What `adapterContract` needs to know of an adapter. */
export interface AdapterSamples {
  /** Every secret among the adapter's made-up credentials: printing the adapter must show none. */
  readonly secrets: readonly string[];
  readonly samples: readonly Sample[];
  /** Every code of the provider's manual, by operation, as the adapter names it: each must have a row. */
  readonly manual: Readonly<Record<string, readonly string[]>>;
  /** Fields that make each operation complete. */
  readonly complete: Readonly<Record<string, Fields>>;
}

/** The same with the adapter: what `test/samples/<name>.ts` exports as `samples`. */
export interface Samples<F extends FieldsByOperation<F>, A extends AnswersByOperation<F, A> = object>
  extends AdapterSamples {
  /** The adapter with made-up credentials. */
  readonly adapter: Adapter<F, A>;
}
