import type { Row } from '../../src/journal/store.ts';
import type { Bank } from './bank.ts';
import { planOf } from './bank-plan.ts';
import type { BookedDelivery } from './books.ts';
import type { Message } from './messages.ts';

/** Something that a process said, or that happened to it. */
export interface Line {
  readonly atMs: number;
  readonly process: string;
  readonly message?: Message;
  readonly words?: string;
}

/** All that is known of one order, in the order in which it happened. */
export function storyOf(
  order: string,
  known: {
    readonly seed: number;
    readonly lines: readonly Line[];
    readonly bank: Bank;
    readonly deliveries: readonly BookedDelivery[];
    readonly row: Row | undefined;
  },
): string {
  const { seed, lines, bank, deliveries, row } = known;
  const own = lines.filter(({ message }) => message !== undefined && 'order' in message && message.order === order);
  const names = new Set(own.map(({ process }) => process));
  const told: [number, string][] = [
    ...own.map(({ atMs, process, message }): [number, string] => [atMs, `${process}  ${JSON.stringify(message)}`]),
    ...lines
      .filter(({ process, words }) => names.has(process) && words !== undefined)
      .map(({ atMs, process, words = '' }): [number, string] => [atMs, `${process}  ${words}`]),
    ...bank.about(order).map((arrival): [number, string] => [arrival.atMs, `bank  ${JSON.stringify(arrival)}`]),
    ...deliveries
      .filter(each => each.order === order)
      .map((each): [number, string] => [each.atMs, `onSettled  ${JSON.stringify(each)}`]),
  ];
  const began = Math.min(...told.map(([atMs]) => atMs));
  return [
    `${order}, seed ${seed}: ${JSON.stringify(planOf(seed, order))}`,
    ...told
      .sort(([one], [other]) => one - other)
      .map(([atMs, words]) => `${String(Math.round(atMs - began)).padStart(7)} ms  ${words}`),
    `   row: ${row === undefined ? 'none' : JSON.stringify({ ...row, openedAtMs: row.openedAtMs - began, changedAtMs: row.changedAtMs - began })}`,
  ].join('\n');
}
