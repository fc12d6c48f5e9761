import { printable } from './printable.ts';

/** As much of a provider's message as a line has room for. */
const LONGEST_QUOTE = 120;

/**
 * What a provider may repeat of the payer's or the merchant's: numbers of cards and phones, whatever stands between
 * their digits; tokens, links and addresses.
 */
const telling = /\p{Nd}(?:[^\p{L}\p{Nd}.,]{0,2}\p{Nd}){5,}|\p{Nd}{4}(?:[.,]\p{Nd}{2,7}){2,}|[!-~]{24,}|[!-~]*@[!-~]+/gu;

/** A provider's message as far as it may be told, or kept: a line of it, without what it may repeat of anybody's. */
export function quotable(message: string): string {
  const text = printable(message).replaceAll(telling, '…').trim();
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
}

/** Of words alone. */
const words = /^(?:[a-z]+|[A-Z]+)(?:[/_.-](?:[a-z]+|[A-Z]+))*$/;

/** As long as the number of a card or a phone, or as a token: no code is. */
const noCode = /\p{Nd}(?:[^\p{L}\p{Nd}]?\p{Nd}){9,}|[!-~]{24,}/gu;

/** A code that no table lists is the answer's own text: it is told as far as it is a code. */
export const quotableCode = (code: string): string => (words.test(code) ? code : code.replaceAll(noCode, '…'));
