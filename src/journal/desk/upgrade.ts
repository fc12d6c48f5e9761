import { InputError } from '../../core/errors.ts';
import type { Ticket } from '../../core/ticket.ts';
import type { Adapter } from '../../kit/adapter.ts';
import type { Row, RowData } from '../store.ts';

/** The layout of rows that this release writes, and reads. */
const LAYOUT = 1;

type Versions = Pick<Adapter, 'name' | 'version' | 'upgradeTicket'>;

/** A newer release has written it: it is not misread. */
export const isNewer = ({ data }: Pick<Row, 'data'>, adapterVersion: number): boolean =>
  data.version > LAYOUT || data.adapterVersion > adapterVersion;

/**
 * A row as this release of the adapter reads it: as it is, or with the tickets of an older release made anew.
 *
 * `undefined`: an older release has written it, and this one cannot read it.
 */
export function upgraded(row: Row, { version, upgradeTicket }: Versions): Row | undefined {
  const { adapterVersion, ticket, entry } = row.data;
  if (adapterVersion >= version) return row;
  const upgrade = (older: Ticket): Ticket | undefined => upgradeTicket?.(older, adapterVersion);
  const own = upgrade(ticket);
  const known = entry && upgrade(entry.ticket);
  if (own === undefined || (entry !== undefined && known === undefined)) return undefined;
  // It is followed anew from its ticket; its deadline stays.
  const { open: _older, ...rest } = row.data;
  const data: RowData = {
    ...{ ...rest, adapterVersion: version, ticket: own },
    ...(entry !== undefined && known !== undefined && { entry: { ...entry, ticket: known } }),
  };
  return { ...row, data };
}

/** @throws {InputError} for a row that this release cannot read: nothing is sent on the strength of it, nor stored over it */
export function readRow(row: Row, adapter: Versions): Row {
  const found = isNewer(row, adapter.version) ? undefined : upgraded(row, adapter);
  if (found !== undefined) return found;
  const which = Object.values(row.data.ticket.reference)[0] ?? '';
  const other = isNewer(row, adapter.version) ? 'a newer' : 'an older';
  throw new InputError(
    `${adapter.name} ${which}: ${other} release of tillpaid or of its adapter has stored this write, and this one cannot read it. Nothing was sent; use that release.`,
  );
}
