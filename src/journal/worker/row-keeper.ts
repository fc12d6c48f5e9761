import { orAbort, type Clock } from '../../clock.ts';
import type { Claim } from './claims.ts';
import { pause } from './rest.ts';
import { changed, contentOf, givenBack, isOpenState, type DeliveryTerms } from '../row-content.ts';
import type { JournalStore, Row, RowContent } from '../store.ts';
import { backoffMs, type Writer } from './writer.ts';
import type { Tally } from './tally.ts';

export interface RowKeeperParts {
  readonly store: JournalStore;
  readonly clock: Clock;
  readonly writer: Writer;
  readonly terms: DeliveryTerms;
  /** Nothing is waited for after it aborts. */
  readonly ended: AbortSignal;
  readonly report: Tally['report'];
  readonly onStoreError: (during: string, error: unknown, retryInMs: number) => void;
  /** A change was made. */
  readonly onStored: (before: Row, now: Row) => void;
}

/** Changes the rows that a worker has. Everything rejects once the worker has ended. */
export interface RowKeeper {
  /** One try. @returns the row as it is then, or `undefined` where somebody else has changed it */
  set(row: Row, content: RowContent): Promise<Row | undefined>;
  /** Until it is made: on what somebody else made of the row, too. `undefined` where the row is another's by now. */
  change(row: Row, of: (content: RowContent) => RowContent, claim: Claim): Promise<Row | undefined>;
  asGivenBack(row: Row, content: RowContent): RowContent;
  giveBack(row: Row, claim: Claim): Promise<Row | undefined>;
  /** Changes it if it is still as it was taken. */
  unlessTaken(row: Row, of: (content: RowContent) => RowContent, claim: Claim): Promise<undefined>;
  /** Somebody else has changed it: what both know is found out by asking again, at once. */
  lookAgain(row: Row, claim: Claim): Promise<undefined>;
}

export function createRowKeeper(parts: RowKeeperParts): RowKeeper {
  const { clock, writer, terms, report } = parts;
  const keeper: RowKeeper = {
    async set(row, content) {
      if (!(await writer.change({ row, set: content }))) {
        report({ type: 'changed-elsewhere', id: row.id }, row);
        return undefined;
      }
      const now = changed(row, content, row.fence + 1);
      parts.onStored(row, now);
      return now;
    },
    async change(row, of, claim) {
      for (let latest: Row | undefined = row; latest !== undefined; latest = await read(parts, row.id, claim)) {
        const now = await keeper.set(latest, of(contentOf(latest)));
        if (now !== undefined) return now;
      }
      return undefined;
    },
    asGivenBack: (row, content) => givenBack(row, content, terms, clock.now()),
    giveBack: (row, claim) => keeper.change(row, content => keeper.asGivenBack(row, content), claim),
    async unlessTaken(row, of, claim) {
      const found = await read(parts, row.id, claim);
      if (found?.holder === claim.holder && found.fence === row.fence) await keeper.set(found, of(contentOf(found)));
      return undefined;
    },
    async lookAgain({ id }, claim) {
      const row = await read(parts, id, claim);
      if (row !== undefined) await keeper.change(row, content => dueNow(content, clock.now()), claim);
      return undefined;
    },
  };
  return keeper;
}

const dueNow = (content: RowContent, nowMs: number): RowContent => {
  const isOver = !isOpenState(content.state) && content.data.deliveries.length === 0;
  return { ...content, holder: undefined, dueAtMs: isOver || content.state === 'parked' ? undefined : nowMs };
};

/** The row as it is, unless another holder has it. The store is asked until it answers. */
async function read(
  { store, clock, ended, onStoreError }: RowKeeperParts,
  id: string,
  claim: Claim,
): Promise<Row | undefined> {
  for (let failures = 1; ; failures++) {
    try {
      const row = await orAbort(store.get(id), ended);
      const isOurs = row?.holder === undefined || row.holder === claim.holder;
      return isOurs && (await orAbort(claim.isLatest(), ended)) ? row : undefined;
    } catch (error) {
      if (ended.aborted) throw error;
      const retryInMs = backoffMs(clock, failures);
      onStoreError('get', error, retryInMs);
      await pause(clock, retryInMs, ended);
    }
  }
}
