import { noLongerNeeded, type Clock } from '../clock.ts';
import { adviceOn, faultOf, type AdapterFault } from '../core/adapter-fault.ts';
import { isInputError } from '../core/errors.ts';
import { isTicketText } from '../core/ticket.ts';
import { readUpTo } from '../kit/read-up-to.ts';
import { UNREADABLE } from '../kit/readers.ts';
import type { Notice, Webhook } from '../kit/webhook.ts';

/** Notices are small; a longer one is not the provider's. */
const MOST_BYTES = 256 * 1024;

/** How long a notice may take to arrive. Providers send theirs in one piece; a slow sender must not be waited for. */
const BODY_WITHIN_MS = 10_000;

/**
 * Reads one webhook request and has it verified.
 *
 * @param onFault the adapter threw at it
 * @throws {InputError} of the adapter's, for a gateway that cannot verify notices as it is set up
 */
export async function readDelivery(
  request: Request,
  webhook: Webhook,
  clock: Clock,
  onFault: (fault: AdapterFault) => void,
): Promise<Notice> {
  const { method, headers } = request;
  const late = new AbortController();
  const stopTimer = clock.timer(BODY_WITHIN_MS, () => late.abort(noLongerNeeded));
  let text: string | undefined;
  try {
    const bytes = await readUpTo(request.body, MOST_BYTES, late.signal).finally(stopTimer);
    text = new TextDecoder().decode(bytes);
    const url = new URL(request.url);
    const notice = await webhook.hear({ method, url, headers, bytes, text, nowMs: clock.now() });
    return notice.verified && !isReadable(notice.reference) ? refused('a number in it cannot be read') : notice;
  } catch (error) {
    if (isInputError(error)) throw error;
    // It may have been genuine, on a slow line: the sender may try again.
    if (late.signal.aborted)
      return { ...refused('the body did not arrive in time'), reply: webhook.reply('again', undefined) };
    const fault = mistakeIn(error, [text, headers]);
    if (fault === undefined) return refused('it could not be read as a notice of this provider');
    onFault(fault);
    return refused(adviceOn(fault));
  }
}

const refused = (reason: string): Notice & { verified: false } => ({ verified: false, reason });

/** Whether a ticket can hold each number. */
const isReadable = (reference: Readonly<Record<string, string | undefined>> = {}): boolean =>
  Object.values(reference).every(value => value === undefined || (value !== UNREADABLE && isTicketText(value)));

/**
 * The adapter's bug that an error is. A sender of what is no JSON, or no URI, shows none; nor does one who sends too
 * much, or stops halfway: then there is no `text`.
 */
function mistakeIn(error: unknown, [text, headers]: readonly [string | undefined, Headers]): AdapterFault | undefined {
  const isOfTheSender = text === undefined || error instanceof SyntaxError || error instanceof URIError;
  return isOfTheSender ? undefined : faultOf('notices', 'hear', error, [text, headers]);
}
