// `ifortepay` whose verdicts carry none of the sentences of `advice.ts`: a bundle leaves them out.
export { ifortepay } from './adapter.ts';
export type { IfortepayCredentials } from './adapter.ts';
export type { IfortepayAnswers } from './answers.ts';
export type { IfortepayAmount, IfortepayFields } from './fields.ts';
