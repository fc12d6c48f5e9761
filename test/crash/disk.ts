import { DatabaseSync } from 'node:sqlite';

/** What a parent tells a process: the disk is full from now on, or there is room again. */
export type DiskNews = 'full' | 'room';

const LARGEST = 4_294_967_294;

/** SQLite's own way to have a full disk, for every connection that this process opens. */
export function listenForDisk(): void {
  const open = new Set<DatabaseSync>();
  const exec: (this: DatabaseSync, statements: string) => void = Reflect.get(DatabaseSync.prototype, 'exec');
  DatabaseSync.prototype.exec = function (this: DatabaseSync, statements) {
    open.add(this);
    exec.call(this, statements);
  };
  process.on('message', (news: DiskNews) => {
    // What is there cannot be less: a limit of one page is a limit of what there is.
    for (const db of open) exec.call(db, `PRAGMA max_page_count = ${news === 'full' ? 1 : LARGEST}`);
  });
  // Listening alone must not keep the process alive.
  process.channel?.unref();
}
