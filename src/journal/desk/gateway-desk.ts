import { newKey, orAbort, type Clock } from '../../clock.ts';
import { InputError, ReferenceInUseError } from '../../core/errors.ts';
import { isWrite, type Fields, type Operation } from '../../core/operation.ts';
import type { Settlement } from '../../core/settlement.ts';
import { isSameMoney, type Ticket } from '../../core/ticket.ts';
import type { Attached, Doors, Durable, Entering, Preparing, Recalled, Sender } from '../../engine/durable.ts';
import { digestKey, fieldsDigest } from '../../engine/fields-digest.ts';
import { keyOf, numbersOf, writeNamed, type Named } from '../../engine/identity.ts';
import type { Hold } from '../../engine/hold.ts';
import { repeatedSettlement } from '../../engine/last-verdict.ts';
import type { Entry } from '../../engine/payment-store.ts';
import type { Wanted } from '../../engine/registry.ts';
import type { Adapter } from '../../kit/adapter.ts';
import { adopted, changed, intended, named, reopened } from './content.ts';
import { keepBeside, RowHold, type HoldParts } from './hold.ts';
import { putDesk, type Desk, type Tenure } from './desk.ts';
import { DeskLease } from './desk-lease.ts';
import { contentOf, isOpenState } from '../row-content.ts';
import { isSameJson } from './same-json.ts';
import type { JournalStore, Row, RowContent } from '../store.ts';
import { takeUp } from './take-up.ts';
import { timedStore } from '../timed-store.ts';
import { readRow } from './upgrade.ts';

/** How long a caller waits before he looks again at a write that another process is busy with. */
const FIRST_LOOK_MS = 50;
const LONGEST_LOOK_MS = 1000;

/** What changes a row while it is read is soon over: more than that is a fault of the store. */
const MOST_CONFLICTS = 50;

/** A worker's write is not his to send any more: whoever has its row by now does, or has said that it was not sent. */
class NotToSend extends Error {}

const isStillToSend = (row: Row | undefined, { holder }: Sender): boolean =>
  row?.state === 'intended' && row.holder === holder && row.data.prepared !== undefined;

/** Gateway, account and environment: in it, a reference is one write, whichever base URL it goes through. */
const spaceOf = ({ name, account, environment }: Adapter): string => JSON.stringify([name, account, environment]);

/** The same, with a base URL of one's own: who can ask about a row. */
const accountOf = ({ name, account, environment, ownBaseUrl, baseUrl }: Adapter): string =>
  JSON.stringify([name, account, environment, ...(ownBaseUrl ? [baseUrl] : [])]);

/**
 * A gateway object's side of its journal: what is read before a write begins, and stored when it leaves, when it ends,
 * and when anything else is learnt of it.
 */
export class GatewayDesk implements Durable, Desk {
  readonly account: string;
  readonly store: JournalStore;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly parts: Attached;
  readonly lease: DeskLease;
  /** Prepared writes that a worker has given to this object. */
  readonly #sending = new Set<Promise<unknown>>();
  readonly #holdParts: HoldParts;
  /** The writes that are being read or made ours: one caller at a time. */
  readonly #entering = new Map<string, Promise<unknown>>();
  #digest: { readonly keyId: string; readonly of: (operation: Operation, fields: Fields) => string } | undefined;
  #doors: Doors | undefined;

  constructor(parts: Attached, store: JournalStore, leaseMs: number) {
    const { adapter, clock, registry, onFailure } = parts;
    this.parts = parts;
    this.store = timedStore(store, clock, leaseMs);
    this.leaseMs = leaseMs;
    this.clock = clock;
    this.account = accountOf(adapter);
    this.lease = new DeskLease(this.store, clock, leaseMs, newKey());
    this.#holdParts = {
      ...{ store: this.store, clock, registry, leaseMs, onFailure, lease: this.lease },
      named: set => this.#named(set),
      restore: row => this.restore(row),
      report: (key, keep) => this.#change(key, () => keepBeside(registry, key, keep), false),
    };
  }

  get adapterVersion(): number {
    return this.parts.adapter.version;
  }

  get doors(): Doors {
    if (this.#doors === undefined)
      throw new Error(
        'tillpaid: a journal was used before its gateway was made. This is a bug of tillpaid: report it.',
      );
    return this.#doors;
  }

  open(gateway: object, doors: Doors): void {
    this.#doors = doors;
    putDesk(gateway, this);
  }

  async ready(db?: unknown): Promise<void> {
    if (this.#digest !== undefined) return;
    const { adapter } = this.parts;
    const { key, keyId } = digestKey(adapter, await this.store.salt(db));
    this.#digest = { keyId, of: fieldsDigest(adapter, key) };
  }

  digestOf(operation: Operation, fields: Fields): string {
    if (this.#digest === undefined)
      throw new Error('tillpaid: a digest was made before its key. This is a bug of tillpaid: report it.');
    return `${this.#digest.keyId}.${this.#digest.of(operation, fields)}`;
  }

  enter<T>(entering: Entering, take: (hold: Hold | undefined) => T | undefined): Promise<T> {
    const { signal } = entering;
    const entered = this.#enter(entering, take);
    // Whatever the store takes, a caller who leaves is gone at once.
    return signal === undefined ? entered : orAbort(entered, signal);
  }

  async #enter<T>(entering: Entering, take: (hold: Hold | undefined) => T | undefined): Promise<T> {
    const { registry } = this.parts;
    // What nothing names can be joined by nobody, and is followed all the same.
    const key = entering.key ?? JSON.stringify(['unnamed', newKey()]);
    for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(2 * lookMs, LONGEST_LOOK_MS)) {
      await this.#myTurn(key, entering.signal);
      if (entering.sender !== undefined && registry.running(key) !== undefined) throw new NotToSend();
      const joined = registry.running(key)?.intention.sends === true ? take(undefined) : undefined;
      if (joined !== undefined) return joined;
      const endTurn = this.#beginTurn(key);
      try {
        const claimed = await this.#claim(key, entering);
        const taken = this.#take(claimed, take, entering.signal);
        if (taken !== undefined) return taken;
      } finally {
        endTurn();
      }
      await this.#pause(lookMs, entering.signal);
    }
  }

  #take<T>(
    claimed: RowHold | 'known' | 'busy',
    take: (hold: Hold | undefined) => T | undefined,
    signal: AbortSignal | undefined,
  ): T | undefined {
    const hold = claimed instanceof RowHold ? claimed : undefined;
    try {
      signal?.throwIfAborted();
      return claimed === 'busy' ? undefined : take(hold);
    } finally {
      if (hold?.isUsed === false) void hold.giveBack();
    }
  }

  /** Makes a row ours. `known`: its end is, and nothing is to be sent. `busy`: another process has it. */
  async #claim(key: string, entering: Entering): Promise<RowHold | 'known' | 'busy'> {
    const { registry, adapter } = this.parts;
    const { wanted, mayHaveBeenSent, sender } = entering;
    const { ticket, digest } = wanted;
    if (writeNamed(adapter.operations, ticket.operation)?.lookUp !== undefined) await this.#loadRivals(ticket);
    const id = this.idOf(key);
    await this.lease.cover(this.leaseMs / 2);
    const nowMs = this.clock.now();
    const { holder } = this.lease;
    const begun = {
      ...{ key, digest, holder, nowMs, adapterVersion: adapter.version, dueAtMs: nowMs + this.leaseMs },
      ticket: this.#sealed(ticket),
    };
    const maybeSent: Entry | undefined = mayHaveBeenSent ? sentBefore(key, digest, ticket, nowMs) : undefined;
    if (sender === undefined) {
      const set = this.#named(intended(begun, maybeSent, undefined));
      const before: RowContent = { ...set, state: 'unsent', holder: undefined, dueAtMs: undefined };
      const row = { id, account: this.account, openedAtMs: nowMs, ...set };
      if (await this.#claiming(key, this.store.insert(row)))
        return new RowHold(this.#holdParts, key, { ...row, fence: 1, isHeld: true, changedAtMs: nowMs }, before);
    }
    const row = await this.#get(id);
    if (sender !== undefined && !isStillToSend(row, sender)) throw new NotToSend();
    if (row === undefined || (sender === undefined && row.isHeld && row.holder !== holder)) return 'busy';
    this.restore(row);
    if (sender === undefined) this.#checkPrepared(row, wanted);
    const admission = registry.admit(key, wanted);
    if (admission.type === 'settled' || admission.type === 'join') {
      if (sender !== undefined) throw new NotToSend();
      return 'known';
    }
    this.#checkAccount(row);
    const set = this.#named(
      admission.type === 'fresh' ? intended(begun, maybeSent, row.data) : reopened(row, holder, begun.dueAtMs),
    );
    const [isMade] = await this.#claiming(key, this.store.update([{ row, set }]));
    if (isMade !== true) return 'busy';
    sender?.onTaken();
    const before = { ...contentOf(row), holder: undefined };
    return new RowHold(this.#holdParts, key, { ...row, ...set, fence: row.fence + 1 }, before, sender?.sendUntilMs);
  }

  /** Where it is not known what the store did, the row may be ours without a loop: then it is freed. */
  async #claiming<T>(key: string, claim: Promise<T>): Promise<T> {
    try {
      return await claim;
    } catch (error) {
      void this.lease.tell(() => this.#free(key));
      throw error;
    }
  }

  /** @throws {Error} while a caller of this object wants it: then it may be his */
  async #free(key: string): Promise<void> {
    for (;;) {
      if (this.#entering.has(key) || this.parts.registry.running(key) !== undefined) throw new Error('It is in use.');
      const row = await this.store.get(this.idOf(key));
      if (row?.holder !== this.lease.holder) return;
      const [isMade] = await this.store.update([{ row, set: { ...contentOf(row), holder: undefined } }]);
      if (isMade === true) return;
    }
  }

  /** A worker takes what the journal has: under the seal, as all tickets that go out. */
  #sealed(ticket: Ticket): Ticket {
    return this.parts.sealer.seal(ticket, ticket);
  }

  /** @throws {InputError} for a row of another release that cannot be read */
  async #get(id: string, db?: unknown): Promise<Row | undefined> {
    const row = await this.store.get(id, db);
    return row && readRow(row, this.parts.adapter);
  }

  #named(set: RowContent): RowContent {
    return named(set, this.parts.adapter.operations);
  }

  async #find(ticket: Named): Promise<Row[]> {
    const names = numbersOf(this.parts.adapter.operations, ticket) ?? [];
    const rows = names.length === 0 ? [] : await this.store.find(this.account, names);
    return rows.map(row => readRow(row, this.parts.adapter));
  }

  /** A prepared write is going to be sent as it is. @throws {ReferenceInUseError} for other fields */
  #checkPrepared(row: Row, wanted: Wanted): void {
    const { state, data } = row;
    if (state !== 'intended' || data.prepared === undefined) return;
    if (!this.#isSameFields(row, wanted)) throw new ReferenceInUseError(data.ticket);
  }

  /** A digest under another key says nothing: the amount must do. */
  #isSameFields({ data }: Row, { digest, ticket }: Wanted): boolean {
    return this.#isOurs(data.digest) ? data.digest === digest : isSameMoney(data.ticket, ticket);
  }

  /** Made under the key that this object has. */
  #isOurs(digest: string | undefined): boolean {
    return digest !== undefined && this.#digest !== undefined && digest.startsWith(`${this.#digest.keyId}.`);
  }

  /** @throws {InputError} for what was begun through another base URL: it is asked about, and sent, through that alone */
  #checkAccount({ account, data: { ticket } }: Row): void {
    if (account === this.account) return;
    const which = Object.values(ticket.reference)[0] ?? '';
    throw new InputError(
      `${ticket.gateway} ${which}: this write was begun through ${ticket.baseUrl ?? 'the provider’s own base URL'}. Nothing was sent; use a gateway of that base URL.`,
    );
  }

  async load(ticket: Ticket): Promise<void> {
    const { registry, adapter } = this.parts;
    const operation = writeNamed(adapter.operations, ticket.operation);
    const key = operation && keyOf(ticket, operation);
    if (operation === undefined || key === undefined) return;
    // A caller who makes it his own ends what only follows it: what begins before he has would be ended, too.
    await this.#myTurn(key, undefined);
    if (registry.running(key) !== undefined) return;
    await this.ready();
    const row = await this.#get(this.idOf(key));
    if (row !== undefined && registry.running(key) === undefined) this.restore(row);
    if (operation.lookUp !== undefined) await this.#loadRivals(ticket);
  }

  /** Payments that a row of a list could be of, as well as this one: whoever has begun them. */
  async #loadRivals(ticket: Ticket): Promise<void> {
    const { registry } = this.parts;
    const rows = await this.#find(ticket);
    for (const row of rows) if (registry.running(row.data.key) === undefined) this.restore(row);
  }

  async change(ticket: Ticket, change: () => void, isNews = false): Promise<void> {
    const operation = writeNamed(this.parts.adapter.operations, ticket.operation);
    const key = operation && keyOf(ticket, operation);
    if (key === undefined) return change();
    await this.ready();
    await this.#change(key, change, isNews);
  }

  async #change(key: string, change: () => void, isNews: boolean): Promise<void> {
    const { registry } = this.parts;
    for (let conflicts = 0; conflicts < MOST_CONFLICTS; conflicts++) {
      const loop = registry.running(key);
      // The loop acts on it, and stores what it comes to.
      if (loop?.intention.sends === true && loop.isConcluded !== true) {
        change();
        return isNews ? this.#warn(key) : undefined;
      }
      const row = await this.#get(this.idOf(key));
      if (row !== undefined) this.restore(row);
      const before = registry.entryOf(key);
      change();
      const entry = registry.entryOf(key);
      if (entry === undefined) return;
      if (!isNews && before !== undefined && isSameEntry(before, entry)) return;
      if (await this.#store(key, row, entry, isNews)) return;
    }
    throw new Error(`${this.store.name}: a row was changed ${MOST_CONFLICTS} times while it was read. Try again.`);
  }

  /** The loop here may have lost it to another process: that one looks before it sends. */
  async #warn(key: string): Promise<void> {
    const row = await this.store.get(this.idOf(key));
    if (row === undefined || row.holder === this.lease.holder || !isOpenState(row.state)) return;
    await this.store.update([{ row, set: { ...contentOf(row), dueAtMs: this.clock.now() } }]);
  }

  /** @returns whether it was stored; else the row has changed meanwhile */
  async #store(key: string, row: Row | undefined, entry: Entry, isNews: boolean): Promise<boolean> {
    const nowMs = this.clock.now();
    if (row === undefined) return this.#adopt(key, entry, nowMs);
    const ticket = this.#sealed(entry.ticket);
    const settlement = entry.state === 'settled' ? settlementOf({ ...entry, ticket }) : undefined;
    const set = this.#named(changed(row, entry, settlement, { isNews, nowMs, ticket }));
    const [isMade] = await this.store.update([{ row, set }]);
    return isMade === true;
  }

  /** A payment that was sent before there was a journal, or elsewhere: it is followed, and its end delivered. */
  #adopt(key: string, entry: Entry, nowMs: number): Promise<boolean> {
    const id = this.idOf(key);
    const settlement = entry.state === 'settled' ? settlementOf(entry) : undefined;
    const versions = { adapterVersion: this.adapterVersion, nowMs };
    const set = this.#named(adopted({ id, key, ...versions }, entry, this.#sealed(entry.ticket), settlement));
    return this.store.insert({ id, account: this.account, openedAtMs: nowMs, ...set });
  }

  takeUp(row: Row, { signal }: Tenure): Promise<RowContent | undefined> {
    const { adapter, registry, circuits } = this.parts;
    const { clock, doors } = this;
    const load = async (known: Row): Promise<void> => {
      await this.ready();
      this.restore(known);
      const { ticket } = known.data;
      if (writeNamed(adapter.operations, ticket.operation)?.lookUp !== undefined) await this.#loadRivals(ticket);
    };
    const send = (prepared: Row): Promise<boolean> => this.#send(prepared, signal);
    return takeUp({ adapter, registry, circuits, clock, doors, load, send, signal }, row);
  }

  /** Resolves when nothing that a worker has begun here is on its way. */
  async idle(): Promise<void> {
    while (this.#sending.size > 0) await Promise.allSettled(this.#sending);
  }

  /**
   * Begins to send a prepared write, by the same door as any other, as long as its row is the worker's.
   *
   * @returns whether the row is this object's from here on
   * @throws what `settle` does, before it has the row
   */
  async #send({ data: { ticket, prepared }, holder }: Row, signal: AbortSignal): Promise<boolean> {
    if (prepared === undefined || holder === undefined) return false;
    const { idempotencyKey } = ticket.reference;
    const taken = Promise.withResolvers<boolean>();
    const sender = { holder, sendUntilMs: prepared.sendUntilMs, onTaken: () => taken.resolve(true) };
    const options = { signal, ...(idempotencyKey !== undefined && { idempotencyKey }) };
    const sending = this.doors.settle(ticket.operation, prepared.fields, options, sender).then(
      () => taken.resolve(false),
      (error: unknown) => (error instanceof NotToSend ? taken.resolve(false) : taken.reject(error)),
    );
    this.#sending.add(sending);
    void sending.finally(() => this.#sending.delete(sending));
    // How it ends is in the row.
    return taken.promise;
  }

  async recall(operation: Operation, reference: Ticket['reference']): Promise<Recalled | undefined> {
    const rows = await this.#find({ operation: operation.name, reference });
    const row = rows.find(({ data: { ticket } }) => this.#isAbout(operation, reference, ticket));
    if (row === undefined) return undefined;
    const { ticket, entry } = row.data;
    return { ticket, ...(entry?.state === 'settled' && { last: entry.last }) };
  }

  #isAbout(
    operation: Operation,
    reference: Ticket['reference'],
    { operation: name, reference: known }: Ticket,
  ): boolean {
    const own = writeNamed(this.parts.adapter.operations, name);
    if (own === undefined || !isWrite(operation) || own.query?.operation !== operation.query?.operation) return false;
    if ((own.follows ?? 'payment') !== (operation.follows ?? 'payment')) return false;
    return Object.entries(reference).every(([field, value]) => (known[field] ?? value) === value);
  }

  async prepare({ operation, fields, ticket, digest, sendUntilMs, db }: Preparing): Promise<Ticket> {
    const key = keyOf(ticket, operation) ?? JSON.stringify(['unnamed', newKey()]);
    const nowMs = this.clock.now();
    const { version: adapterVersion } = this.parts.adapter;
    const begun = { key, ticket, digest, adapterVersion, holder: undefined, dueAtMs: nowMs, nowMs };
    const prepared = this.#named(intended(begun, undefined, undefined, { fields, sendUntilMs }));
    const id = this.idOf(key);
    if (await this.store.insert({ id, account: this.account, openedAtMs: nowMs, ...prepared }, db)) return ticket;
    const row = await this.#get(id, db);
    if (row === undefined) throw new Error(`${this.store.name}: a row came and went while it was read. Try again.`);
    const wanted = { ticket, digest, newTry: false };
    this.#checkPrepared(row, wanted);
    return this.#prepareAgain(row, wanted, prepared, db);
  }

  /** The number was used before: what is not over, or was sent, is not prepared once more. */
  async #prepareAgain(row: Row, wanted: Wanted, prepared: RowContent, db: unknown): Promise<Ticket> {
    const { key, deliveries, delivered, failures, entry } = row.data;
    if (this.parts.registry.running(key)?.intention.sends !== true) this.restore(row);
    const admission = this.parts.registry.admit(key, wanted);
    const isOver = !row.isHeld && !isOpenState(row.state) && row.state !== 'parked';
    if (!isOver && !this.#isSameFields(row, wanted)) throw new ReferenceInUseError(row.data.ticket);
    if (admission.type !== 'fresh' || !isOver) return row.data.ticket;
    const data = { ...prepared.data, deliveries, delivered, failures, ...(entry !== undefined && { entry }) };
    const [isMade] = await this.store.update([{ row, set: { ...prepared, data } }], db);
    if (isMade !== true) throw new ReferenceInUseError(row.data.ticket);
    return wanted.ticket;
  }

  idOf(key: string): string {
    return `${spaceOf(this.parts.adapter)} ${key}`;
  }

  /** What the journal knows of a row takes the place of what the registry does, but for the answers that only it has. */
  restore({ data: { key, entry } }: Row): void {
    const { registry } = this.parts;
    const known = registry.entryOf(key);
    if (known !== undefined && entry !== undefined && isSameEntry(known, entry)) return;
    registry.restore(key, entry === undefined ? undefined : this.#comparable(entry));
  }

  /** Digests under another key say nothing: the amount must do. */
  #comparable(entry: Entry): Entry {
    const { digest } = entry;
    return digest === undefined || this.#isOurs(digest) ? entry : { ...entry, digest: undefined };
  }

  /** Resolves when no other caller of this object is reading the row. */
  async #myTurn(key: string, signal: AbortSignal | undefined): Promise<void> {
    for (let other = this.#entering.get(key); other !== undefined; other = this.#entering.get(key))
      await (signal === undefined ? other : orAbort(other, signal));
  }

  #beginTurn(key: string): () => void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#entering.set(key, promise);
    return () => {
      this.#entering.delete(key);
      resolve(undefined);
    };
  }

  #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    let cancel = (): void => undefined;
    const over = new Promise<void>(resolve => {
      cancel = this.clock.timer(delayMs, resolve);
    });
    return signal === undefined ? over : orAbort(over, signal).finally(cancel);
  }
}

/** The caller says that an earlier run may have sent it. */
const sentBefore = (key: string, digest: string, ticket: Ticket, atMs: number): Entry => ({
  ...{ key, digest, ticket, atMs, earlierNumbers: [] },
  state: 'open',
  absent: false,
});

/** What is to be delivered of what a notice, or a query of a caller's, has said. */
function settlementOf({ last, ticket, atMs }: Entry & { readonly state: 'settled' }): Settlement {
  const { repeated: _repeated, ...settlement } = repeatedSettlement(last, ticket, atMs);
  return settlement;
}

/** Equal, but for answers and for when it was read. */
const isSameEntry = (one: Entry, other: Entry): boolean => isSameJson(essenceOf(one), essenceOf(other));

function essenceOf(entry: Entry): unknown {
  const { state, digest, ticket, earlierNumbers } = entry;
  if (entry.state !== 'settled') return [state, digest, ticket, earlierNumbers, entry.state === 'open' && entry.absent];
  const { outcome, settledBy, verdict } = entry.last;
  return [state, digest, ticket, earlierNumbers, outcome, settledBy, verdict.code];
}
