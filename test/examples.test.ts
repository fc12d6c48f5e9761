import { readFileSync, readdirSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  always,
  lives,
  type FaultName,
  type LedgerEntry,
  type Life,
  type ManualClock,
  type Samples,
  type Script,
  type Simulator,
} from 'tillpaid/testing';
import * as chargeAndWait from '../examples/charge-and-wait.ts';
import * as dropInClient from '../examples/drop-in-client.ts';
import * as orderWithQrCode from '../examples/order-with-qr-code.ts';
import * as ownProvider from '../examples/own-provider-simulated.ts';
import { main as journaled } from '../examples/journal.ts';
import { main as policyPerProvider } from '../examples/policy-per-provider.ts';

const textOf = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

/** The code blocks of a language, in the order of the page. */
const blocksOf = (markdown: string, language: string): string[] =>
  [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, code = '']) => code);

describe('the README', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it('begins with examples/first.ts, word for word', () => {
    expect(blocksOf(textOf('README.md'), 'ts')[0]).toBe(textOf('examples/first.ts'));
  });

  it('says what that example prints', async () => {
    const { setTimeout: wait } = globalThis;
    // Its waits are the real ones: here they pass fifty times as fast.
    vi.stubGlobal('setTimeout', (callback: () => void, delayMs = 0) => wait(callback, delayMs / 50));
    const log = vi.spyOn(console, 'log').mockReturnValue();
    await import('../examples/first.ts');
    expect(log.mock.calls).toEqual([['succeeded', 'by', 'query', { attempts: 1, polls: 1, charges: 1 }]]);
    expect(blocksOf(textOf('README.md'), 'text')).toContain(
      'succeeded by query { attempts: 1, polls: 1, charges: 1 }\n',
    );
  });

  const blocks = blocksOf(textOf('README.md'), 'ts').map((code, index) => [index + 1, code] as const);
  it.each(blocks)('imports only names there are, in block %i', async (_number, code) => {
    for (const [, names = '', from = ''] of code.matchAll(/^import (?:\w+, )?{ ([^}]+) } from '(tillpaid[^']*)';/gm)) {
      const exported = Object.keys((await import(from)) as object);
      expect(exported).toEqual(expect.arrayContaining(names.split(', ').filter(name => !name.startsWith('type '))));
    }
  });
});

describe('the pages', () => {
  const pages = ['README.md', 'SECURITY.md', 'docs', 'src/adapters'].flatMap(place =>
    place.endsWith('.md')
      ? [place]
      : readdirSync(new URL(`../${place}/`, import.meta.url), { recursive: true, encoding: 'utf8' })
          .filter(name => name.endsWith('.md'))
          .map(name => `${place}/${name}`),
  );

  it.each(pages)('cast nothing in their code: %s', page => {
    const code = blocksOf(textOf(page), 'ts')
      .join('\n')
      .replaceAll(/\/\/.*$/gm, '');
    expect(code).not.toMatch(/\bas (?:const|unknown|any|[A-Z{(])|\w!(?=[.;,)\]])|[:<] ?any\b/);
  });
});

describe('the README’s table of providers', () => {
  const adapters = readdirSync(new URL('../src/adapters/', import.meta.url));
  const rows = [...textOf('README.md').matchAll(/^\| `tillpaid\/adapters\/([\w-]+)` \|.*\| ([^|]+) \|$/gm)].map(
    ([, name = '', webhooks = '']) => [name, webhooks] as const,
  );

  it('has a row for each', () => expect(rows.map(([name]) => name).sort()).toEqual(adapters.sort()));

  it.each(rows)('is right about the webhooks of %s', async (name, webhooks) => {
    const { samples } = (await import(`./samples/${name}.ts`)) as { samples: Samples<object> };
    expect(webhooks.startsWith('yes')).toBe(samples.adapter.webhook !== undefined);
  });
});

describe('the examples', () => {
  it('charges and waits, whatever becomes of the answer', async () => {
    expect(await chargeAndWait.main()).toEqual([
      expect.stringMatching(/^ORDER-1: paid, known after 4\d\.?\d* s\./),
      expect.stringMatching(/^ORDER-2: paid, known after 1\.[2-5]\d* s\. Hand over the goods\.$/),
      expect.stringMatching(/^ORDER-3: not paid \(insufficient-funds\)/),
      'ORDER-4: still open. Keep its ticket, and ask again later: do not charge under another number.',
    ]);
  });

  it('makes an order, and follows it by its stored ticket until the payer has paid', async () => {
    const [link, end] = await orderWithQrCode.main();
    expect(link).toMatch(/^QR code: https:\/\/.*260101_0001$/);
    expect(end).toMatch(/^260101_0001 succeeded, after 2[45]\d s and \d+ status queries$/);
  });

  it('leaves code that uses ky as it is, and lets its caller tell the ends apart', async () => {
    expect(await dropInClient.main()).toEqual({
      '260101_2553_1': 'refunded',
      '260101_2553_2': 'failed: declined',
      '260101_2553_3': 'still open: ask again with the ticket of 260101_2553_3',
    });
  });

  it('keeps payments in a journal, which a crash leaves nothing open in', async () => {
    expect(await journaled()).toEqual([
      'after the crash: ORDER-1 is leaving',
      'asked for again: succeeded, after 1 send',
      'ORDER-1: succeeded, told 1 time',
      'ORDER-2: succeeded, told 1 time',
    ]);
  });

  it('polls each provider by a policy of its own', async () => {
    expect(await policyPerProvider()).toEqual([
      'till: steps 1000, 1000, 2000, 3000, 5000, … gave succeeded after 52 s and 13 queries',
      'web:  steps 5000, 10000, 20000, 30000, 30000, … gave succeeded after 65 s and 5 queries',
    ]);
  });
});

/** Every fault of the simulator. */
const faults: Readonly<Record<FaultName, true>> = {
  none: true,
  'refused-connection': true,
  'unknown-host': true,
  'bad-certificate': true,
  'reset-before-reading': true,
  'reset-before-booking': true,
  'reset-after-booking': true,
  'reset-booked-later': true,
  'hang-before-booking': true,
  'hang-after-booking': true,
  '502-before-booking': true,
  '502-after-booking': true,
  '503-before-booking': true,
  '503-after-booking': true,
  '504-before-booking': true,
  '504-after-booking': true,
  '504-booked-later': true,
  truncated: true,
  drip: true,
  garbage: true,
  'captive-portal': true,
  empty: true,
  maintenance: true,
  'rate-limited': true,
  'system-error': true,
  'system-error-after-booking': true,
  'delivered-twice': true,
  'delivered-twice-second-answer': true,
  'delivered-twice-later': true,
  'not-found': true,
  redirect: true,
  'redirect-after-booking': true,
};

/** A fault of the first exchange of each kind, and of every one. */
const scripts = Object.keys(faults).flatMap((name): [string, Script][] => {
  const fault = name as FaultName;
  return [
    [`${fault} once`, { onSend: [fault], onQuery: [fault] }],
    [`${fault} always`, { onSend: [always(fault)], onQuery: [always(fault)] }],
  ];
});

const ends: Readonly<Record<string, Life>> = { paid: lives.paid(), declined: lives.declined(), open: lives.open() };

interface Example {
  readonly name: string;
  readonly clock: ManualClock;
  readonly simulated: Simulator;
  readonly numberOf: (index: number) => string;
  readonly prepare?: () => Promise<string>;
  /** What it prints of one payment. */
  readonly run: (number: string) => Promise<string>;
  readonly entryOf: (number: string) => LedgerEntry | undefined;
  /** Words that say that money moved, and words that say that none did. */
  readonly moved: RegExp;
  readonly unmoved: RegExp;
}

const examples: readonly Example[] = [
  {
    name: 'charge-and-wait.ts',
    ...chargeAndWait,
    numberOf: index => `FAULTY-${index}`,
    run: number => chargeAndWait.charge(number, '284957310466312987'),
    entryOf: number => chargeAndWait.simulated.ledger.payment(number),
    moved: /: paid|was paid/,
    unmoved: /not paid|nothing was charged/,
  },
  {
    name: 'order-with-qr-code.ts',
    ...orderWithQrCode,
    numberOf: index => `260101_f${index}`,
    run: async number => `${await orderWithQrCode.makeOrder(number)} ${await orderWithQrCode.followOrder(number)}`,
    entryOf: number => orderWithQrCode.simulated.ledger.payment(number),
    moved: /paid already|was paid|succeeded|refunded/,
    unmoved: /no order|never sent|failed|canceled|expired/,
  },
  {
    name: 'drop-in-client.ts',
    ...dropInClient,
    numberOf: index => `260101_2553_f${index}`,
    prepare: dropInClient.sell,
    run: number => dropInClient.tryRefund(number, 1),
    entryOf: number => dropInClient.simulated.ledger.refund(number),
    moved: /^refunded/,
    unmoved: /^(?:failed|refused|unsent|rejected|canceled|expired)/,
  },
  {
    name: 'own-provider-simulated.ts',
    ...ownProvider,
    numberOf: index => `FAULTY-${index}`,
    run: number => ownProvider.charge(number),
    entryOf: number => ownProvider.simulated.ledger.payment(number),
    moved: /^(?:succeeded|refunded)/,
    unmoved: /^(?:failed|rejected(?!.*duplicate)|unsent|canceled|expired)/,
  },
];

describe.each(examples)('$name, under every fault there is,', ({
  clock,
  simulated,
  numberOf,
  prepare,
  run,
  entryOf,
  moved,
  unmoved,
}) => {
  let index = 0;
  it.each(Object.entries(ends))('says what the gateway’s books say, of a payment that is %s', async (end, life) => {
    const runs = scripts.map(([trouble, script]) => ({ trouble, script, number: numberOf(++index) }));
    if (prepare !== undefined) await clock.run(prepare());
    for (const { script, number } of runs) simulated.script(number, { ...script, life });
    const told = await clock.run(Promise.all(runs.map(({ number }) => run(number))));
    // What a proxy still holds comes after its seconds.
    await clock.run(new Promise<void>(resolve => clock.timer(20_000, resolve)));
    for (const [place, { trouble, number }] of runs.entries()) {
      const said = `${trouble}: ${told[place] ?? ''}`;
      const booked = (entryOf(number)?.bookings ?? 0) > 0;
      const claims = [moved.test(told[place] ?? ''), unmoved.test(told[place] ?? '')];
      expect([said, claims]).toEqual([said, [claims[0] && booked, claims[1] && !booked]]);
    }
    // And it does not get away with saying nothing.
    if (end === 'paid') expect(told.filter(said => moved.test(said)).length).toBeGreaterThan(told.length / 4);
  });
});
