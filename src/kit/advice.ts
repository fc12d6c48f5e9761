import type { Advice, Row } from '../core/code-table.ts';

/** Rows with the sentence for each. */
export type Sentences = readonly (readonly [row: Row | undefined, sentence: string])[];

/** The sentences for a table's rows, by code. A row keeps its sentence in every table that it is spread into. */
export function about<Code extends string>(
  table: Readonly<Record<Code, Row>>,
  sentences: Readonly<Partial<Record<NoInfer<Code>, string>>>,
): Sentences {
  return Object.entries<string>(sentences as Record<Code, string>).map(([code, sentence]) => [
    table[code as Code],
    sentence,
  ]);
}

/** Advice that is kept apart from its tables, so that a bundle may leave it out. */
export function adviceFrom(sentences: readonly Sentences[]): Advice {
  const byRow = new Map<Row | undefined, string>(sentences.flat());
  return row => byRow.get(row);
}
