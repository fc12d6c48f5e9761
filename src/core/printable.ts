/** Tabs and line breaks, however many. */
const breaks = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;

/**
 * Control characters (escape sequences begin with one) and marks that turn text around or cannot be seen; the two
 * joiners are letters' own.
 */
const unprintable = /\p{Cc}|(?![\u200C\u200D])\p{Cf}/gu;

/** Foreign text, made safe for a log or a terminal: it cannot begin a line of its own, colour it, or turn it around. */
export function printable(text: string): string {
  return text.toWellFormed().replaceAll(breaks, ' ').replaceAll(unprintable, '\uFFFD');
}
