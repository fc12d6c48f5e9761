import type { Answer, Heard, Simulator, Situation, Voice } from 'tillpaid/testing';

/**
 * A made-up gateway: `POST /<operation>` with JSON, signed by its length and a key. A request is good for five minutes
 * after `at`.
 */
export const key = 'acme-key';

const acts: Readonly<Record<string, Heard['act']>> = {
  'payment.create': 'create',
  'payment.charge': 'charge',
  'payment.confirm': 'charge',
  'payment.query': 'query',
  'payment.cancel': 'cancel',
  'payment.reverse': 'cancel',
  'payment.capture': 'capture',
  'refund.create': 'refund',
  'refund.query': 'refund-query',
  'token.create': 'other',
};

export interface AcmeFields {
  order: string;
  of?: string;
  amount?: string;
  key?: string;
  at?: number;
}

const refuse = (status: number, code: string): { refused: Answer } => ({ refused: { status, body: { code } } });

export function acmeVoice(sameReference: Voice['sameReference'] = 'refuses'): Voice {
  return {
    gateway: 'acme',
    sameReference,
    hear({ url, headers, body, nowMs }) {
      const operation = url.pathname.slice(1);
      const act = acts[operation];
      if (act === undefined) return refuse(404, 'no-such-path');
      if (headers.get('x-acme-sign') !== sign(body)) return refuse(401, 'bad-signature');
      const { order, of, amount, key: idempotencyKey, at = nowMs } = JSON.parse(body) as AcmeFields;
      if (nowMs - at > 300_000) return refuse(401, 'too-late');
      return {
        operation,
        act,
        fields: { order },
        reference: order,
        currency: 'EUR',
        ...(of !== undefined && { of }),
        ...(amount !== undefined && { amount }),
        ...(idempotencyKey !== undefined && { idempotencyKey }),
        ...(operation === 'payment.reverse' && { alsoWhenPaid: true }),
      };
    },
    say(situation) {
      const status = statuses[situation.answer] ?? 200;
      return { status, body: { code: situation.answer, ...(situation.entry && entryOf(situation)) } };
    },
  };
}

const statuses: Readonly<Partial<Record<Situation['answer'], number>>> = {
  'rate-limited': 429,
  maintenance: 503,
  'system-error': 500,
};

const entryOf = ({ entry }: Situation): object => ({
  id: entry?.providerId,
  order: entry?.reference,
  state: entry?.state,
  refunded: entry?.refundedAmount,
  of: entry?.of?.state,
});

export const sign = (body: string): string => `${key}/${body.length}`;

/** A signed request, and the answer's body. */
export async function call(
  gateway: Pick<Simulator, 'fetch'> | { fetch: typeof fetch },
  operation: string,
  fields: AcmeFields,
  options: { origin?: string; signal?: AbortSignal; redirect?: RequestRedirect } = {},
): Promise<{ code?: string; id?: string; state?: string; refunded?: string; of?: string }> {
  const { origin = 'https://acme.test', ...init } = options;
  const body = JSON.stringify(fields);
  const response = await gateway.fetch(`${origin}/${operation}`, {
    method: 'POST',
    body,
    headers: { 'x-acme-sign': sign(body) },
    ...init,
  });
  return (await response.json()) as { code?: string };
}
