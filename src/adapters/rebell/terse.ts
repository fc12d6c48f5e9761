// `rebell` whose verdicts carry none of the sentences of `advice.ts`: a bundle leaves them out.
export { rebell } from './adapter.ts';
export type { RebellCredentials } from './adapter.ts';
export type { RebellAnswers, RebellForm } from './answers.ts';
export type { RebellAmount, RebellFields } from './fields.ts';
