import axe, { type AxeResults } from 'axe-core';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildExplorer } from '../../explorer/build.ts';
import { providerNames, providerOf } from '../../src/cli/providers.ts';
import type { Samples } from '../../src/testing/sample.ts';
import { chromiumFile, openWindow } from './chromium.ts';

const folder = mkdtempSync(join(tmpdir(), 'tillpaid-explorer-'));
const addressOf = (path: string): string => {
  const [file = '', hash] = path.split('#');
  return `${pathToFileURL(join(folder, file)).href}${hash === undefined ? '' : `#${hash}`}`;
};

// Before anything is built: a machine may have none.
chromiumFile();

let context: BrowserContext;
const requested: string[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  await buildExplorer(folder);
  context = await openWindow({ viewport: { width: 1400, height: 900 } });
  context.on('request', request => requested.push(request.url()));
  context.on('weberror', error => complaints.push(String(error.error())));
  context.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text());
  });
});

afterAll(async () => {
  await context.close();
  rmSync(folder, { recursive: true, force: true });
});

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

async function at<T>(path: string, look: (page: Page) => Promise<T>): Promise<T> {
  const page = await context.newPage();
  try {
    await page.goto(addressOf(path));
    return await look(page);
  } finally {
    await page.close();
  }
}

const looked = [
  'index.html',
  'index.html#p=qfpay&c=1201',
  'index.html#c=12988',
  'schedule.html',
  'schedule.html#p=qfpay&first=3000&base=1000&ratio=0.2&most=60000&deadline=120000',
  'zalopay/index.html',
  'qfpay/1298.html',
  'qfpay/0000.html',
  'uqpay/payment_error/timeout.html',
];

describe.each(['light', 'dark'] as const)('in %s colours', colorScheme => {
  it.each(looked)('%s has nothing that axe complains about, on a desk and on a phone', async path => {
    for (const width of [1400, 360]) {
      await at(path, async page => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        await page.evaluate(axe.source);
        // Without `preload` it fetches no style sheet: the page may not fetch.
        const { violations, passes }: AxeResults = await page.evaluate('axe.run({ preload: false })');
        expect(
          violations.map(
            ({ id, nodes }) =>
              `${width}: ${id}: ${nodes
                .map(({ html }) => html)
                .join(' ')
                .slice(0, 300)}`,
          ),
        ).toEqual([]);
        expect(passes.map(({ id }) => id)).toContain('color-contrast');
      });
    }
  });
});

it.each([360, 800, 1400])('no page is wider than a window of %i', async width => {
  for (const path of [...looked, 'ifortepay/2005400.html']) {
    await at(path, async page => {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(`${path}: ${Math.max(wide, width)}`).toBe(`${path}: ${width}`);
    });
  }
});

it('every page shows where the keyboard is, and begins with a way to the content', async () => {
  for (const path of ['index.html#p=qfpay&c=1298', 'schedule.html', 'qfpay/1298.html']) {
    await at(path, async page => {
      await page.keyboard.press('Tab');
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('To the content');
      for (let step = 0; step < 25; step++) {
        await page.keyboard.press('Tab');
        const focus = await page.evaluate(() => {
          const { activeElement: element } = document;
          if (element === null || element === document.body) return undefined;
          const { outlineStyle, outlineWidth } = getComputedStyle(element);
          return { element: element.outerHTML.slice(0, 80), outline: `${outlineStyle} ${outlineWidth}` };
        });
        if (focus !== undefined) expect(focus).toMatchObject({ outline: 'solid 3px' });
      }
    });
  }
});

describe('the form', () => {
  it('explains a code as it is typed, and its address can be shared', async () => {
    await at('index.html', async page => {
      await page.getByLabel('Code, or the provider').fill('1298');
      const result = page.locator('#result');
      await expect.poll(() => result.innerText()).toContain('QFPay 1298');
      expect(await result.locator('.card h3').allInnerTexts()).toEqual([expect.stringContaining('Wait') as string]);
      await page.getByLabel('Provider', { exact: true }).selectOption('QFPay');
      await page.getByLabel('Operation').selectOption('payment.query');
      const address = page.url();
      expect(address).toMatch(/#p=qfpay&c=1298&o=payment.query$/);
      await page.goto('about:blank');
      await page.goto(address);
      expect(await page.getByLabel('Operation').inputValue()).toBe('payment.query');
      expect(await result.locator('.meaning').count()).toBe(1);
      await result.getByRole('link', { name: '1298', exact: true }).first().click();
      expect(page.url()).toBe(addressOf('qfpay/1298.html'));
    });
  });

  it('reads a pasted answer, by which send it answers, and keeps it out of the address', async () => {
    await at('index.html', async page => {
      await page.getByLabel('Code, or the provider').fill('{"respcd":"1201","out_trade_no":"ORDER-7"}');
      await page.getByLabel('Provider', { exact: true }).selectOption('QFPay');
      await page.getByLabel('Operation').selectOption('payment.charge');
      const act = page.locator('#result .card h3');
      await page.getByLabel('Which send').selectOption('the first');
      expect(await act.allInnerTexts()).toEqual([expect.stringContaining('No goods') as string]);
      await page.getByLabel('Which send').selectOption('the 2nd');
      expect(await act.allInnerTexts()).toEqual([expect.stringContaining('Wait') as string]);
      await page.getByLabel('Code, or the provider').fill('4111111111111111');
      expect(page.url()).not.toContain('4111');
      expect(page.url()).not.toContain('ORDER-7');
      expect(page.url()).not.toContain('1201');
    });
  });

  it('shows what was pasted as text, and runs nothing of it', async () => {
    await at('index.html', async page => {
      const message = '<img src="https://elsewhere.example/x" onerror="document.title=1">';
      await page.getByLabel('Code, or the provider').fill(JSON.stringify({ respcd: '1201', resperr: message }));
      await page.getByLabel('Provider', { exact: true }).selectOption('QFPay');
      await expect.poll(() => page.locator('#result').innerText()).toContain('onerror');
      expect(await page.locator('#result img').count()).toBe(0);
    });
  });

  it.each(providerNames())('says of every sample of %s what the adapter says', async name => {
    const { samples } = (await import(`../samples/${name}.ts`)) as { samples: Samples<object> };
    const { adapter } = await providerOf(name);
    const all = samples.samples
      .map(({ exchange }) => exchange)
      .filter(
        ({ body, status, mayHaveLanded }) =>
          typeof body === 'object' && body !== null && mayHaveLanded === undefined && status >= 100 && status <= 599,
      )
      .map(({ operation, body, status, attempt = 1, sent }) => {
        const given = JSON.stringify(body);
        const fields = sent === undefined ? '' : JSON.stringify(sent);
        return {
          expected: adapter.classify({
            ...{ operation, status, attempt, body: JSON.parse(given) as unknown },
            ...(sent !== undefined && { sent: JSON.parse(fields) as Record<string, unknown> }),
          }),
          asked: { given, provider: name, operation, attempt: String(attempt), status: String(status), sent: fields },
        };
      });
    const verdicts = await at('index.html', page =>
      page.evaluate(
        questions =>
          questions.map(
            question =>
              globalThis.tillpaidExplorer
                ?.tell(question)
                .found.flatMap(([, { meanings }]) => meanings.map(({ verdict }) => verdict)) ?? [],
          ),
        all.map(({ asked }) => asked),
      ),
    );
    expect(verdicts).toEqual(all.map(({ expected }) => [plain(expected)]));
    expect(all.length).toBeGreaterThan(30);
  });
});

it('the schedule follows its sliders, by the keyboard too, and goes back to its own', async () => {
  await at('schedule.html#p=qfpay', async page => {
    const numbers = page.locator('#numbers');
    const policy = page.locator('#policy');
    const own = await numbers.innerText();
    expect(await policy.innerText()).toContain('nothing to set');
    await page.getByLabel('First wait').press('ArrowRight');
    expect(await policy.innerText()).toContain('firstMs: 2000');
    expect(await page.getByLabel('First wait').getAttribute('aria-valuetext')).toBe('2 s');
    expect(await numbers.innerText()).toContain('yours');
    expect(await page.locator('#plot svg').getAttribute('aria-label')).toContain('table');
    await page.getByRole('button', { name: 'Its own numbers' }).click();
    expect(await numbers.innerText()).toBe(own);
  });
});

it('a list is filtered by text, operation and what to do', async () => {
  await at('qfpay/index.html', async page => {
    const shown = page.locator('#codes tbody:not([hidden])');
    await page.getByLabel('Filter').fill('insufficient');
    expect(await shown.count()).toBeLessThan(5);
    expect(await page.locator('#filter-count').innerText()).toMatch(/^[1-4] of 1\d\d$/);
    await page.getByLabel('To do').selectOption('No goods');
    expect(await shown.first().innerText()).toContain('1201');
    await shown.first().getByRole('link').click();
    expect(page.url()).toBe(addressOf('qfpay/1201.html'));
  });
});

it('light and dark follow the system until somebody chooses', async () => {
  const ground = (page: Page): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await at('qfpay/1298.html', async page => {
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await ground(page);
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await ground(page)).not.toBe(dark);
    await page.getByRole('button', { name: 'Dark colours' }).click();
    expect(await ground(page)).toBe(dark);
    await page.reload();
    expect(await ground(page)).toBe(dark);
    await page.getByRole('button', { name: 'Light colours' }).click();
    expect(await ground(page)).not.toBe(dark);
  });
});

it('a code can be read without JavaScript, and printed without what surrounds it', async () => {
  const plain = await openWindow({ javaScriptEnabled: false });
  try {
    const page = await plain.newPage();
    await page.goto(addressOf('zalopay/2/-54.html'));
    expect(await page.locator('main').innerText()).toContain('ZaloPay 2/-54');
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('header').isVisible()).toBe(false);
    expect(await page.locator('.card').first().isVisible()).toBe(true);
  } finally {
    await plain.close();
  }
});

it('a page may not fetch anything, even if something in it tries', async () => {
  await at('index.html', async page => {
    const before = complaints.length;
    const tried = await page.evaluate(() => fetch('https://elsewhere.example/').then(String, String));
    expect(tried).toContain('Failed to fetch');
    expect(complaints.splice(before).join()).toContain("connect-src 'none'");
  });
});

it('nothing was asked for but files of its own, and no page complained', () => {
  expect(requested.filter(address => !address.startsWith('file:') && !address.startsWith('data:'))).toEqual([]);
  expect(requested.length).toBeGreaterThan(0);
  expect(complaints).toEqual([]);
});
