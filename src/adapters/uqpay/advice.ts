import type { Advice } from '../../core/code-table.ts';
import { adviceFrom, type Sentences } from '../../kit/advice.ts';

/** What to do about a row of `codes.ts`: a sentence for the engineer on call. */
export const sentences: Sentences = [];

export const advice: Advice = adviceFrom(sentences);
