import type { Clock } from '../clock.ts';
import { checkOptions, type Checks } from '../core/check-options.ts';
import { InputError } from '../core/errors.ts';
import { sendNotices, type NoticeRecord } from '../testing/notify.ts';
import { recordOf, simulateGateway } from '../testing/simulator.ts';
import type { RequestRecord, Simulator, SimulatorOptions } from '../testing/simulator.ts';
import { sleep } from '../testing/sleep.ts';
import { controlPages } from './control.ts';
import { serveHandler, type Ending, type Served } from './http.ts';

export interface ServerOptions {
  /** On 127.0.0.1. Default 0: one that the system picks. */
  readonly port?: number;
  /** Where the shop is told of what settles, by signed webhooks. Default: nowhere. */
  readonly notifyUrl?: string;
  /**
   * The waits before a webhook that was not acknowledged is sent again. Default: as often as the provider does, sooner:
   * after 1, 2, 4 … 30 seconds.
   */
  readonly notifyAgainAfterMs?: readonly number[];
  /** How long a request is on its way, and its answer again. Default 0. */
  readonly latencyMs?: number | (() => number);
  /** Gets each request once it has ended, and each webhook: for a live log. No credentials, and no bodies. */
  readonly onLog?: (line: LogLine) => void;
}

/** A gateway that is made for it (`voice`, and the other options of `simulateGateway`), or one that is there already. */
export type ServeOptions = ServerOptions & (SimulatorOptions | { readonly simulated: Simulator });

/** What a live log has a line for. */
export type LogLine = RequestLine | NoticeLine;

/** A request to the gateway. What the simulator's own pages are asked is none. */
export interface RequestLine extends Omit<RequestRecord, 'result'> {
  readonly type: 'request';
  /** As in {@link RequestRecord}; `unread` when the client left, or was cut off, before the request was read. */
  readonly result: string;
  /** HTTP status; missing when no answer was begun. */
  readonly status?: number;
  /** `cut`: the connection was broken; `client-left`: the client gave up first, as it does when nothing comes. */
  readonly ended: Ending['ended'];
}

export interface NoticeLine extends NoticeRecord {
  readonly type: 'notice';
}

export interface ServedSimulator extends Served {
  readonly simulated: Simulator;
}

/**
 * A simulated gateway behind a real HTTP server on 127.0.0.1, for a client in any language: the gateway's own paths, with
 * their signatures checked, and under `/__` its ledger and scripts (`GET /__` lists the pages). Faults that break a
 * connection break it on the socket; what is refused or not found before a byte leaves (`refused-connection`,
 * `unknown-host`, `bad-certificate`) is a reset here.
 *
 * @example
 * ```ts
 * await using served = await serveSimulator({ voice: zalopayVoice(credentials), notifyUrl: 'http://127.0.0.1:3000/zalopay' });
 * served.simulated.script('261101_1', { life: lives.paidAfter(3000), onSend: ['reset-after-booking'] });
 * const gateway = createGateway({ adapter: zalopay({ ...credentials, baseUrl: served.url }) });
 * ```
 * @throws {InputError} for an unknown option, a port that is taken, or a `notifyUrl` when the voice has no key to sign with
 */
export async function serveSimulator(options: ServeOptions): Promise<ServedSimulator> {
  const { port, notifyUrl, notifyAgainAfterMs, latencyMs, onLog, ...rest } = options;
  checkOptions('serveSimulator', { port, notifyUrl, notifyAgainAfterMs, latencyMs, onLog }, serverChecks);
  if ('simulated' in rest && Object.keys(rest).length > 1)
    throw new InputError(
      `serveSimulator: a gateway that is there already (simulated) takes no ${Object.keys(rest)
        .filter(name => name !== 'simulated')
        .join(', ')}.`,
    );
  const simulated = 'simulated' in rest ? rest.simulated : simulateGateway(rest);
  const notices: NoticeRecord[] = [];
  const startNotices = (): (() => void) | undefined =>
    notifyUrl === undefined
      ? undefined
      : sendNotices(simulated, {
          url: notifyUrl,
          ...(notifyAgainAfterMs && { againAfterMs: notifyAgainAfterMs }),
          onNotice(notice) {
            notices.push(notice);
            onLog?.({ type: 'notice', ...notice });
          },
        });
  let stopNotices = startNotices();
  // What is still to be sent again would be no news of the new gateway.
  const reset = (): void => {
    stopNotices?.();
    simulated.reset();
    notices.length = 0;
    stopNotices = startNotices();
  };
  const pages = controlPages(simulated, notices, reset);
  const isOwnPage = (request: Request): boolean => new URL(request.url).pathname.startsWith('/__');
  const served = await serveHandler(request => pages(request) ?? simulated.fetch(request), {
    ...(port !== undefined && { port }),
    ...(latencyMs !== undefined && {
      travel: request => (isOwnPage(request) ? Promise.resolve() : travel(simulated.clock, latencyMs, request.signal)),
    }),
    onEnd(ending) {
      if (onLog !== undefined && !isOwnPage(ending.request)) onLog(lineOf(ending, simulated.clock));
    },
  }).catch((error: unknown) => {
    stopNotices?.();
    throw error;
  });
  const close = (): Promise<void> => {
    stopNotices?.();
    return served.close();
  };
  return { ...served, simulated, close, [Symbol.asyncDispose]: close };
}

const isCount = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0;

const serverChecks: Checks<ServerOptions> = {
  port: {
    expects: 'a port: 0 (the system picks one) to 65535',
    accepts: value => Number.isInteger(value) && isCount(value) && Number(value) < 65_536,
  },
  notifyUrl: {
    expects: 'an absolute http address, such as http://127.0.0.1:3000/webhooks',
    accepts: value => typeof value === 'string' && URL.canParse(value) && /^https?:/.test(value),
  },
  notifyAgainAfterMs: {
    expects: 'a list of milliseconds',
    accepts: value => Array.isArray(value) && value.every(isCount),
  },
  latencyMs: {
    expects: 'milliseconds, or a function that tells them',
    accepts: value => typeof value === 'function' || isCount(value),
  },
  onLog: { expects: 'a function', accepts: value => typeof value === 'function' },
};

const travel = (clock: Clock, latencyMs: number | (() => number), signal: AbortSignal): Promise<void> =>
  sleep(clock, typeof latencyMs === 'number' ? latencyMs : latencyMs(), signal);

function lineOf({ request, ended, status }: Ending, clock: Clock): RequestLine {
  const { method, url } = request;
  const unread = { atMs: clock.now(), method, path: new URL(url).pathname, result: 'unread', fault: 'none' };
  return { type: 'request', ...(recordOf(request) ?? unread), ...(status !== undefined && { status }), ended };
}
