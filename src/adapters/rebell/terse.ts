// `rebell` whose verdicts carry none of the sentences of `advice.ts`: a bundle leaves them out.
export { rebell } from './adapter.ts';
export type { RebellAmount, RebellCredentials, RebellFields } from './adapter.ts';
