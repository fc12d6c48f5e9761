import type { Advice, CodeTable, Row } from '../core/code-table.ts';

/** Sentences for rows, by the table and the code, or by the row where several codes share it. */
export type Sentences = readonly (readonly [CodeTable, Readonly<Record<string, string>>] | readonly [Row, string])[];

/**
 * Advice that is kept apart from its tables, so that a bundle may leave it out. A row keeps its sentence in every table
 * that it is spread into.
 */
export function adviceFrom(sentences: Sentences): Advice {
  const byRow = new Map<Row | undefined, string>();
  for (const [about, said] of sentences) {
    if (typeof said === 'string') byRow.set(about as Row, said);
    else for (const [code, sentence] of Object.entries(said)) byRow.set((about as CodeTable)[code], sentence);
  }
  return row => byRow.get(row);
}
