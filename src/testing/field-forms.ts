/*
 * How gateways want numbers, currencies and dates written. What a voice answers to anything else is the provider's.
 */

/** A whole number of the smallest unit, above 0, without leading zeros; as a JSON number or as digits. */
export const isMinorUnits = (value: unknown, mostDigits: number): boolean =>
  (typeof value === 'number' || typeof value === 'string') &&
  /^[1-9]\d*$/.test(String(value)) &&
  String(value).length <= mostDigits;

/** A decimal text above 0, with at most as many decimals as the currency has: `10.12`, of yen only `10`. */
export function isDecimalAmount(value: unknown, currency?: string): boolean {
  const parts = /^\d{1,15}(?:\.(\d+))?$/.exec(typeof value === 'string' ? value : '');
  if (parts === null || !(Number(value) > 0)) return false;
  return (parts[1] ?? '').replace(/0+$/, '').length <= (currency === undefined ? MOST_DECIMALS : decimalsOf(currency));
}

/** A code of ISO 4217, in capital letters. */
export const isCurrency = (value: unknown): boolean =>
  typeof value === 'string' && /^[A-Z]{3}$/.test(value) && currencies().has(value);

/** No currency has more. */
const MOST_DECIMALS = 4;

let known: ReadonlySet<string> | undefined;
const currencies = (): ReadonlySet<string> => (known ??= new Set(Intl.supportedValuesOf('currency')));

const decimalsOf = (currency: string): number =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;

/** `YYYY-MM-DD HH:mm:ss`, of a day that there is. */
export const isWallTime = (value: unknown): boolean =>
  typeof value === 'string' &&
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(value) &&
  isInstant(`${value.replace(' ', 'T')}Z`);

/** ISO 8601 with a zone, of a day that there is. */
export const isIsoTime = (value: unknown): boolean =>
  typeof value === 'string' &&
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$/.test(value) &&
  isInstant(`${value.slice(0, 19)}Z`);

/** Six digits of a day that there is, `yymmdd`, before an underscore and more. */
export const beginsWithDay = (value: string): boolean => {
  const [, year, month, day] = /^(\d\d)(\d\d)(\d\d)_./.exec(value) ?? [];
  return year !== undefined && isInstant(`20${year}-${month ?? ''}-${day ?? ''}T00:00:00Z`);
};

/** `Date.parse` moves the 30th of February on. */
const isInstant = (iso: string): boolean => {
  const atMs = Date.parse(iso);
  return !Number.isNaN(atMs) && new Date(atMs).toISOString().slice(0, 19) === iso.slice(0, 19);
};
