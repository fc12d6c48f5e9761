import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, inject } from 'vitest';
import type { Started } from './postgres-setup.ts';

/** A database of a test file's own, which is gone after it. */
export interface TestDatabase {
  readonly url: string;
  /** A pool on it, which ends with the test file. Default: at most 10 connections. */
  pool(options?: pg.PoolConfig): pg.Pool;
}

/**
 * @param file its `import.meta.url`
 * @returns `undefined` where no PostgreSQL can be started; then the run says so at its end. In CI it throws.
 */
export async function testDatabase(file: string): Promise<TestDatabase | undefined> {
  const asked = await fetch(inject('postgresDoor') + basename(fileURLToPath(file)));
  const started = (await asked.json()) as Started;
  if ('reason' in started) {
    if (process.env['CI'] !== undefined) throw new Error(`PostgreSQL must start in CI: ${started.reason}`);
    return undefined;
  }
  const name = `t_${crypto.randomUUID().replaceAll('-', '')}`;
  await onServer(started.url, `CREATE DATABASE ${name}`);
  const url = started.url.replace(/\/postgres$/, `/${name}`);
  const pools: pg.Pool[] = [];
  afterAll(async () => {
    await Promise.all(pools.filter(pool => !pool.ended).map(async pool => pool.end()));
    await onServer(started.url, `DROP DATABASE ${name} WITH (FORCE)`);
  });
  return {
    url,
    pool(options) {
      const pool = new pg.Pool({ connectionString: url, options: '-c jit=off', idleTimeoutMillis: 1000, ...options });
      pools.push(pool);
      return pool;
    },
  };
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
