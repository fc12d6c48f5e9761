/** Prints rows under a head; all columns but the first are set to the right. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((text, column) => Math.max(text.length, ...rows.map(row => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : `  ${cell.padStart(widths[column] ?? 0)}`))
      .join('');
  const rule = line(widths.map(width => '-'.repeat(width)));
  console.log([line(head), rule, ...rows.map(line)].join('\n'));
}
