/** What must be found in no byte of a database: every secret of the crash test begins like this. */
export const CANARY = 'CANARY-';

export const canary = (name: string): string => `${CANARY}${name}-5f1e`;
