// `ifortepay` whose verdicts carry none of the sentences of `advice.ts`: a bundle leaves them out.
export { ifortepay } from './adapter.ts';
export type { IfortepayAmount, IfortepayCredentials, IfortepayFields } from './adapter.ts';
