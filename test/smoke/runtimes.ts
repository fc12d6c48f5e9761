import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { arch, env, platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromiumHint, findChromium, openWindow } from '../explorer/chromium.ts';

/** A place where the bundle can run. */
export interface Runtime {
  readonly name: string;
  /** `undefined` where there is none on this machine. */
  readonly binary: string | undefined;
  /** What to do where there is none. */
  readonly hint: string;
  readonly versionOf: (binary: string) => Promise<string>;
  /** `bundle` is a module that exports `smoke`: what it resolves to, as JSON. */
  readonly run: (binary: string, bundle: string) => Promise<string>;
}

/** Whoever takes longer hangs. */
const LONGEST_MS = 120_000;

const execute = promisify(execFile);

async function printed(binary: string, ...parameters: readonly string[]): Promise<string> {
  const { stdout } = await execute(binary, parameters, { timeout: LONGEST_MS, env: { ...env, NO_COLOR: '1' } });
  return stdout.trim();
}

const firstOf = (files: readonly (string | undefined)[]): string | undefined =>
  files.find(file => file !== undefined && existsSync(file));

/** Writes a file beside the bundle. */
function beside(bundle: string, name: string, content: string): string {
  const file = join(dirname(bundle), name);
  writeFileSync(file, content);
  return file;
}

const script = (bundle: string): string =>
  beside(bundle, 'script.mjs', `import { smoke } from './smoke.mjs';\nconsole.log(JSON.stringify(await smoke()));\n`);

const installed = fileURLToPath(new URL('runtimes/node_modules/', import.meta.url));
const hint = `none was installed in test/smoke/runtimes for ${platform} on ${arch}`;

const node = (line: string): Runtime => ({
  ...nodeIn(join(installed, `node-${line}-${platform}-${arch}`, 'bin', 'node')),
  name: `Node ${line}`,
});

/** A Node by its file. */
export const nodeIn = (file: string): Runtime => ({
  name: 'Node',
  binary: firstOf([file]),
  hint: `${file} is not there; ${hint}`,
  versionOf: async binary => (await printed(binary, '--version')).replace('v', ''),
  run: (binary, bundle) => printed(binary, script(bundle)),
});

/** The first of a scope's packages that is there: a package manager installs the one for this machine. */
const ofScope = (scope: string, names: readonly string[], file: string): string | undefined =>
  firstOf(names.map(name => join(installed, scope, name, file)));

const bun = (): Runtime => ({
  name: 'Bun',
  binary: ofScope('@oven', ['bun-linux-x64', 'bun-linux-aarch64', 'bun-darwin-aarch64'], 'bin/bun'),
  hint,
  versionOf: binary => printed(binary, '--version'),
  run: (binary, bundle) => printed(binary, script(bundle)),
});

const deno = (): Runtime => ({
  name: 'Deno',
  binary: ofScope('@deno', ['linux-x64-glibc', 'linux-arm64-glibc', 'darwin-arm64'], 'deno'),
  hint,
  versionOf: async binary => /^deno (\S+)/.exec(await printed(binary, '--version'))?.[1] ?? '',
  // Without a permission: nothing is read, sent or asked of the environment.
  run: (binary, bundle) => printed(binary, 'run', '--no-prompt', '--quiet', script(bundle)),
});

const worker = `import { smoke } from 'smoke.mjs';
export default { async test() { console.log(JSON.stringify(await smoke())); } };
`;
const workerConfig = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs"), (name = "smoke.mjs", esModule = embed "smoke.mjs")],
  compatibilityDate = "2026-11-01",
))]);
`;

const workerd = (): Runtime => ({
  name: 'workerd',
  binary: ofScope('@cloudflare', ['workerd-linux-64', 'workerd-linux-arm64', 'workerd-darwin-arm64'], 'bin/workerd'),
  hint,
  versionOf: async binary => /\d[\d-]+/.exec(await printed(binary, '--version'))?.[0] ?? '',
  run(binary, bundle) {
    beside(bundle, 'worker.mjs', worker);
    return printed(binary, 'test', beside(bundle, 'workerd.capnp', workerConfig));
  },
});

const browser: Runtime = {
  name: 'Chromium',
  binary: findChromium(),
  hint: chromiumHint,
  versionOf: async binary => /\d[\d.]+/.exec(await printed(binary, '--version'))?.[0] ?? '',
  async run(_binary, bundle) {
    // Served from this machine's own address: browsers have cryptography there, and not on a page without one.
    const pages = await serve((request, response) => {
      const isBundle = request.url === '/smoke.mjs';
      response.setHeader('content-type', isBundle ? 'text/javascript' : 'text/html');
      response.end(isBundle ? readFileSync(bundle) : '<!doctype html><title>tillpaid</title>');
    });
    const window = await openWindow({});
    try {
      const page = await window.newPage();
      await page.goto(pages.url);
      return JSON.stringify(await page.evaluate(`import('/smoke.mjs').then(({ smoke }) => smoke())`));
    } finally {
      await window.close();
      pages.close();
    }
  },
};

async function serve(answer: RequestListener): Promise<{ readonly url: string; close(): void }> {
  const server = createServer(answer);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() };
}

/** Every runtime that tillpaid is made for, as far as this machine has it by now. */
export const runtimes = (): readonly Runtime[] => [
  ...['22.12', '22', '24', '26'].map(node),
  bun(),
  deno(),
  workerd(),
  browser,
];
