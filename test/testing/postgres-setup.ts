import { createServer } from 'node:http';
import { once } from 'node:events';
import { basename } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type PostgresServer, startPostgres } from './postgres.ts';

/** What the door answers. */
export type Started = { readonly url: string } | { readonly reason: string };

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a test file asks for the server: it is started once, for the first that does. */
    postgresDoor: string;
  }
}

/** Runs before the first test file; what it resolves to, after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let starting: Promise<PostgresServer> | undefined;
  const leftOut = new Set<string>();
  const door = createServer((request, response) => {
    const file = basename(new URL(request.url ?? '/', 'http://127.0.0.1').pathname);
    void (starting ??= startPostgres())
      .then(
        ({ url }): Started => ({ url }),
        (error: unknown): Started => ({ reason: error instanceof Error ? error.message : String(error) }),
      )
      .then(started => {
        if ('reason' in started) leftOut.add(file);
        response.end(JSON.stringify(started));
      });
  }).listen(0, '127.0.0.1');
  await once(door, 'listening');
  const address = door.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  project.provide('postgresDoor', `http://127.0.0.1:${address.port}/`);

  return async () => {
    door.closeAllConnections();
    door.close();
    if (leftOut.size > 0)
      console.warn(`LEFT OUT, since no PostgreSQL could be started here: ${[...leftOut].join(', ')}`);
    const server = await starting?.catch(() => undefined);
    await server?.stop();
  };
}
