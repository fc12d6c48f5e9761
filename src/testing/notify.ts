import { orAbort, type Clock } from '../clock.ts';
import { InputError } from '../core/errors.ts';
import type { ManualClock } from './manual-clock.ts';
import type { LedgerEntry, Simulator } from './simulator.ts';
import { sleep } from './sleep.ts';
import type { VoiceNotices } from './voice.ts';

/** One notice that was sent to the shop, and what the shop said. */
export interface NoticeRecord {
  readonly atMs: number;
  readonly reference: string;
  readonly kind: 'payment' | 'refund';
  /** What the notice tells. */
  readonly state: LedgerEntry['state'];
  /** The first is 1. */
  readonly attempt: number;
  /** HTTP status of the reply; missing when there was none. */
  readonly status?: number;
  readonly acknowledged: boolean;
  /** Why there was no reply: `ECONNREFUSED`. */
  readonly problem?: string;
  /** When it is sent again; missing when it is not. */
  readonly againInMs?: number;
}

export interface NotifyOptions {
  /** Where the shop is told: signed by some providers, so it must be the address that the shop knows. */
  readonly url: string | URL;
  /** Default: the global `fetch`. In one process: see the example. */
  readonly deliver?: (request: Request) => Response | Promise<Response>;
  /**
   * The waits before a notice that was not acknowledged is sent again. Default: as often as the provider does, sooner:
   * after 1, 2, 4 … 30 seconds.
   */
  readonly againAfterMs?: readonly number[];
  readonly onNotice?: (notice: NoticeRecord) => void;
}

/** A shop that has not replied by then has not heard it. */
const REPLY_WITHIN_MS = 10_000;

/**
 * Sends the shop a notice of each payment and refund that settles, in the provider's own signed words, and again until it
 * is acknowledged. The returned function ends it.
 *
 * @example In one process, on a manual clock
 * ```ts
 * const stop = sendNotices(simulated, {
 *   url: 'https://shop.example/webhooks',
 *   // Time stands still while the shop works.
 *   deliver: async request => (await clock.during(gateway.receive(request))).reply,
 * });
 * ```
 * @throws {InputError} when the voice tells nothing, or lacks the key to sign it with
 */
export function sendNotices(simulated: Simulator, options: NotifyOptions): () => void {
  const { voice, clock } = simulated;
  const { notices } = voice;
  if (notices === undefined)
    throw new InputError(
      `The simulated ${voice.gateway} has no key to sign notices with: give its voice the webhook secret too, or the private key of the gateway where it has one.`,
    );
  if (!URL.canParse(options.url))
    throw new InputError('A shop is told at an absolute address, such as http://127.0.0.1:3000/webhooks.');
  const sender = new Sender(notices, new URL(options.url), clock, options);
  const stop = simulated.onChange(entry => void sender.tell(entry));
  return () => {
    stop();
    sender.ended.abort();
  };
}

class Sender {
  readonly ended = new AbortController();
  readonly #notices: VoiceNotices;
  readonly #url: URL;
  readonly #clock: Clock & Partial<Pick<ManualClock, 'during'>>;
  readonly #options: NotifyOptions;

  constructor(notices: VoiceNotices, url: URL, clock: Clock, options: NotifyOptions) {
    this.#notices = notices;
    this.#url = url;
    this.#clock = clock;
    this.#options = options;
  }

  /** Never rejects: what goes wrong is in the notice's record. */
  async tell(entry: LedgerEntry): Promise<void> {
    const { againAfterMs = usualWaitsMs(this.#notices.repeats), onNotice } = this.#options;
    const { signal } = this.ended;
    const { kind, reference, state } = entry;
    for (let attempt = 1; ; attempt++) {
      const atMs = this.#clock.now();
      const reply = await this.#send(entry);
      if (reply === undefined || signal.aborted) return;
      const againInMs = reply.acknowledged ? undefined : againAfterMs[attempt - 1];
      onNotice?.({ atMs, kind, reference, state, attempt, ...reply, ...(againInMs !== undefined && { againInMs }) });
      if (againInMs === undefined) return;
      if (
        !(await sleep(this.#clock, againInMs, signal).then(
          () => true,
          () => false,
        ))
      )
        return;
    }
  }

  /** One notice; `undefined` when the provider sends none of this. */
  async #send(entry: LedgerEntry): Promise<Pick<NoticeRecord, 'status' | 'acknowledged' | 'problem'> | undefined> {
    const late = new AbortController();
    const cancel = this.#clock.timer(REPLY_WITHIN_MS, () => late.abort(new Error('no reply within 10 s')));
    const signal = AbortSignal.any([late.signal, this.ended.signal]);
    try {
      const written = await this.#still(Promise.resolve(this.#notices.write(entry, this.#clock.now(), this.#url)));
      if (written === undefined) return undefined;
      const request = new Request(new Request(this.#url, written), { signal, redirect: 'manual' });
      const reply = await orAbort(this.#replyTo(request), signal);
      return { status: reply.status, acknowledged: this.#notices.isAcknowledged?.(reply) ?? reply.status === 200 };
    } catch (error) {
      return { acknowledged: false, problem: problemOf(error) };
    } finally {
      cancel();
    }
  }

  #replyTo(request: Request): Promise<{ status: number; body: string }> {
    const { deliver } = this.#options;
    const read = async (response: Response): Promise<{ status: number; body: string }> => ({
      status: response.status,
      body: await response.text(),
    });
    // A shop elsewhere does not know of a manual clock, one in this process may wait on it.
    return deliver === undefined
      ? this.#still(sendWhole(request).then(read))
      : Promise.resolve(deliver(request)).then(read);
  }

  /** A manual clock does not jump before it is done. */
  #still<T>(work: Promise<T>): Promise<T> {
    return this.#clock.during?.(work) ?? work;
  }
}

/** With the body's length, as a provider sends it: simple servers read no body that comes in chunks. */
async function sendWhole(request: Request): Promise<Response> {
  const { url, method, headers, signal, redirect } = request;
  return fetch(url, { method, headers, signal, redirect, body: await request.text() });
}

const usualWaitsMs = (repeats: number): number[] =>
  Array.from({ length: repeats }, (_, index) => Math.min(1000 * 2 ** index, 30_000));

/** `ECONNREFUSED` says more than `fetch failed`. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const { cause } = error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.message;
}
