// `zalopay` whose verdicts carry none of the sentences of `advice.ts`: a bundle leaves them out.
export { zalopay } from './adapter.ts';
export type { ZalopayCredentials, ZalopayPaths } from './adapter.ts';
export type { ZalopayAnswers } from './answers.ts';
export type { ZalopayFields } from './fields.ts';
