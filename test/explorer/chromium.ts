import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, getuid } from 'node:process';
import { chromium, type BrowserContext, type BrowserContextOptions } from 'playwright-core';

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** What to do where there is none. */
export const chromiumHint = 'install it (Debian: apt-get install chromium), or name its file in CHROMIUM';

/** Where Chromium is on this machine, if it is. */
export const findChromium = (): string | undefined =>
  [env['CHROMIUM'], ...places].find(file => file !== undefined && existsSync(file));

/** @throws with what to install */
export function chromiumFile(): string {
  const found = findChromium();
  if (found === undefined) throw new Error(`There is no Chromium here: ${chromiumHint}.`);
  return found;
}

/** Opens a window of a new profile, which goes when it is closed. */
export async function openWindow(options: BrowserContextOptions): Promise<BrowserContext> {
  const profile = mkdtempSync(join(tmpdir(), 'tillpaid-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    ...options,
    executablePath: chromiumFile(),
    args: [
      // Chromium starts no sandbox for root.
      ...(getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--headless',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  context.on('close', () => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
  return context;
}
