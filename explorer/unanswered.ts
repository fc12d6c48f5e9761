/** What comes instead of an answer of the provider's, often enough for a page of its own; the last two tillpaid says itself. */
export const unanswered: readonly string[] = [
  'timeout',
  'network/ECONNRESET',
  'http/429',
  'http/500',
  'http/502',
  'http/503',
  'http/504',
  'circuit-open',
  'limit',
];

/** Whether a code is of this kind: it then means something for each provider. */
export const isUnanswered = (code: string): boolean =>
  /^(?:timeout|circuit-open|limit|network\/\w+|http\/[1-5]\d\d)$/.test(code);
