import { quotable, quotableCode } from './quotable.ts';
import type { Verdict } from './verdict.ts';

/** A verdict as far as it may be told, or kept. */
export function quotableVerdict<V extends Verdict>({ message, ...verdict }: V): V {
  const told = message === undefined ? '' : quotable(message);
  const code = verdict.listed ? verdict.code : quotableCode(verdict.code);
  return { ...verdict, code, ...(told !== '' && { message: told }) } as V;
}
