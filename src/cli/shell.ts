import type { Command } from 'commander';
import type { Console, Styles } from './output.ts';

/** What a command is given beside its words. */
export interface Shell {
  readonly terminal: Console;
  readonly styles: Styles;
  /** Says with which code the process ends. */
  readonly ends: (exitCode: number) => void;
}

/** Adds a command, with its arguments and options, to the one it belongs to. */
export type AddCommand = (parent: Command, shell: Shell) => void;

export const exitCodes = {
  /** It is known, found, or done. */
  done: 0,
  /** It is not known, not found, not settled, or not done. */
  notKnown: 1,
  /** The command is wrong, or something that it needs is missing. */
  wrong: 2,
  /** A database or tillpaid itself failed. */
  failed: 3,
  /** The ticket was changed since it was sealed, or has no seal. */
  notAsSealed: 4,
} as const;

export const EXIT_CODES = `
Exit codes:
  0  it is known, found or done
  1  it is not: an unlisted code, an open payment, no such row, answered with no
  2  the command is wrong, or lacks something: what to correct is said
  3  what was used has failed: a database, a file, or tillpaid itself
  4  the ticket is not as it was sealed`;
