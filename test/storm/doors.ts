import { isHTTPError } from 'ky';
import type { Fields, Gateway, SettleOptions, Settlement } from '../../src/index.ts';
import { isResendRefusedError, isSettledError, isUnresolvedError, ticketOf, verdictOf } from '../../src/index.ts';
import { unlikeItsType } from '../settlement-shape.ts';
import type { Ending } from './invariants.ts';

/** The doors of tillpaid a write can go through. All end alike. */
export interface Writing {
  readonly gateway: Gateway<object>;
  readonly operation: string;
  readonly fields: Fields;
  readonly options: SettleOptions;
}

/** Runs a call; what it throws is told to `onError`, but for the abort of its own signal. */
export async function ending(
  run: () => Promise<Ending>,
  signal: AbortSignal | undefined,
  onError: (says: string) => void,
): Promise<Ending> {
  try {
    return await run();
  } catch (error) {
    if (signal?.aborted !== true || error !== signal.reason)
      onError(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return { outcome: 'aborted' };
  }
}

export const endingOf = (settlement: Settlement): Ending => {
  const { outcome, verdict, settledBy, ticket, repeated = false } = settlement;
  const unlike = unlikeItsType(settlement);
  return { outcome, verdict, settledBy, ticket, repeated, ...(unlike !== undefined && { unlike }) };
};

export async function bySettle({ gateway, operation, fields, options }: Writing): Promise<Ending> {
  return endingOf(await gateway.settle(operation as never, fields as never, options));
}

/** The drop-in: the shop's own ky instance. */
export function byClient(
  { gateway, operation, fields, options }: Writing,
  headers?: Readonly<Record<string, string>>,
): Promise<Ending> {
  const { signal, ...context } = options;
  const { url, encoding } = address(gateway.adapter, operation, fields);
  const body = encoding === 'json' ? { json: fields } : { body: form(fields) };
  return dropIn(() =>
    gateway.client.post(url, {
      ...body,
      ...(headers !== undefined && { headers }),
      context: { tillpaid: context },
      ...(signal !== undefined && { signal }),
    }),
  );
}

/** The same as a `fetch`: nothing but what HTTP can carry. */
export function byFetch({ gateway, operation, fields, options }: Writing): Promise<Ending> {
  const { adapter } = gateway;
  const { url, encoding } = address(adapter, operation, fields);
  const write = adapter.operations[operation];
  const header = write !== undefined && 'idempotencyKey' in write ? write.idempotencyKey.header : undefined;
  const headers = {
    'content-type': encoding === 'json' ? 'application/json' : 'application/x-www-form-urlencoded',
    ...(header !== undefined && options.idempotencyKey !== undefined && { [header]: options.idempotencyKey }),
  };
  const body = encoding === 'json' ? JSON.stringify(fields) : form(fields).toString();
  return dropIn(() =>
    gateway.fetch(url, {
      method: 'POST',
      headers,
      body,
      ...(options.signal !== undefined && { signal: options.signal }),
    }),
  );
}

async function dropIn(send: () => Promise<Response>): Promise<Ending> {
  try {
    return endingOfResponse(await send());
  } catch (error) {
    if (isHTTPError(error)) return { ...endingOfResponse(error.response), isThrown: true };
    if (
      (isSettledError(error) || isUnresolvedError(error) || isResendRefusedError(error)) &&
      error.settlement !== undefined
    )
      return { ...endingOf(error.settlement), isThrown: true };
    throw error;
  }
}

/** A resolved drop-in write is its own last word, or a query's that says it succeeded. */
function endingOfResponse(response: Response): Ending {
  const verdict = verdictOf(response);
  const ticket = ticketOf(response);
  if (verdict === undefined || verdict.kind === 'poll-required')
    throw new Error('An answer that settles nothing was handed out.');
  const outcome = verdict.kind === 'terminal' ? verdict.outcome : 'rejected';
  return { outcome, verdict, ...(ticket !== undefined && { ticket }) };
}

const form = (fields: Fields): URLSearchParams =>
  new URLSearchParams(Object.entries(fields).map(([name, value]) => [name, String(value)]));

function address(
  { baseUrl, operations, encodings }: Gateway<object>['adapter'],
  operation: string,
  fields: Fields,
): { url: string; encoding: string } {
  const { path = '', encoding } = operations[operation] ?? {};
  const filled = path.replaceAll(/\{(\w+)(?::(\w+)[\w|]*)?\}/g, (_whole, name: string, usual = '') =>
    String(fields[name] ?? usual),
  );
  return { url: baseUrl + filled, encoding: encoding ?? encodings[0] ?? 'json' };
}
