import { isFinal, type Gateway, type Ticket, type Verdict } from 'tillpaid';

/** A gateway, of whatever provider. */
export type Receiver = Pick<Gateway<object>, 'receive' | 'ask'>;

/** What your shop does with the end of a payment: it may be told more than once, so it writes by the ticket's number. */
export type Store = (ticket: Ticket, verdict: Verdict) => Promise<void>;

/**
 * A webhook, whatever framework brought it. The reply is the provider's own: "stored, you may stop", "send it again", or
 * "this is not signed by you".
 *
 * With a journal a worker tells your shop, and this is one line: `return (await gateway.receive(request)).reply`.
 */
export async function webhook(request: Request, gateway: Receiver, store: Store): Promise<Response> {
  const received = await gateway.receive(request);
  if (!received.verified) return received.reply;
  try {
    // Some providers want their notices confirmed by a query.
    const verdict = received.confirm ? await gateway.ask(received.ticket) : received.verdict;
    await store(received.ticket, verdict);
    return received.confirm && !isFinal(verdict, { effect: 'read' }) ? received.askAgain : received.reply;
  } catch {
    return received.askAgain;
  }
}
