import { describe, expect, it } from 'vitest';
import {
  askBy,
  declined,
  defineAdapter,
  pollRequired,
  succeeded,
  text,
  textOf,
  type Adapter,
  type AdapterDefinition,
  type CodeTable,
  type Exchange,
} from '../../src/kit/index.ts';
import { adapterContract, type AdapterSamples } from '../../src/testing/index.ts';

/** What would be registered, by title: whether it passes, and what it says otherwise. */
function outcomesOf(adapter: Adapter, samples: AdapterSamples): ReadonlyMap<string, string | undefined> {
  const outcomes = new Map<string, string | undefined>();
  adapterContract(adapter, samples, {
    test(title, check) {
      try {
        check();
        outcomes.set(title, undefined);
      } catch (error) {
        outcomes.set(title, String(error));
      }
    },
  });
  return outcomes;
}

const failuresOf = (adapter: Adapter, samples: AdapterSamples): string[] =>
  [...outcomesOf(adapter, samples)].flatMap(([title, failure]) =>
    failure === undefined ? [] : [`${title} | ${failure}`],
  );

interface KioskFields {
  'payment.charge': { order: string };
  'payment.query': { order: string };
}

const charge = { OK: succeeded(), NO: declined(), WAIT: pollRequired('processing') } satisfies CodeTable;

const kiosk = (change: Partial<AdapterDefinition<KioskFields>> = {}, codes: CodeTable = charge): Adapter<KioskFields> =>
  defineAdapter<KioskFields>({
    name: 'kiosk',
    account: 'shop-1',
    environment: 'sandbox',
    baseUrl: 'https://kiosk.example',
    encodings: ['json'],
    read: ({ body }) => ({ names: [textOf(body, 'code') ?? ''] }),
    operations: {
      'payment.charge': {
        path: '/charge',
        required: { order: text },
        codes,
        reference: ['order'],
        query: askBy('payment.query', 'order'),
        sameReference: 'unknown',
      },
      'payment.query': { path: '/query', required: { order: text }, codes, reference: { order: 'order' } },
    },
    ...change,
  });

const answer = (code: string): Exchange => ({ operation: 'payment.charge', status: 200, body: { code } });

const samples: AdapterSamples = {
  secrets: ['made-up-kiosk-key'],
  samples: [
    { title: 'paid', exchange: answer('OK'), verdict: { kind: 'terminal', outcome: 'succeeded', code: 'OK' } },
    { title: 'declined', exchange: answer('NO'), verdict: { kind: 'terminal', outcome: 'failed' } },
    { title: 'on its way', exchange: answer('WAIT'), verdict: { kind: 'poll-required', reason: 'processing' } },
  ],
  manual: { 'payment.charge': ['OK', 'NO', 'WAIT'] },
  complete: { 'payment.charge': { order: 'A1' }, 'payment.query': { order: 'A1' } },
};

describe('the contract', () => {
  it('is kept by an adapter that reads what it is shown', () => {
    expect(failuresOf(kiosk(), samples)).toEqual([]);
    expect(outcomesOf(kiosk(), samples).size).toBe(3 + 4 + 2 + 3);
  });

  it('is registered below one title where the runner has describe, and by a title of its own where it has not', () => {
    const titles: string[] = [];
    const note = (title: string): void => void titles.push(title);
    adapterContract(kiosk(), samples, {
      describe(title, body) {
        note(title);
        body();
      },
      it: note,
    });
    expect(titles.slice(0, 2)).toEqual(['the kiosk adapter keeps the contract', 'paid']);
    expect([...outcomesOf(kiosk(), samples).keys()][0]).toBe('the kiosk adapter keeps the contract: paid');
  });

  const wrong = { ...samples.samples[0], title: 'paid', exchange: answer('NO') } as AdapterSamples['samples'][number];
  const cases: readonly (readonly [string, Adapter<KioskFields>, Partial<AdapterSamples>, RegExp])[] = [
    [
      'a sample of another verdict',
      kiosk(),
      { samples: [...samples.samples, wrong] },
      /paid .*must be .*"succeeded".*it was read as .*"failed"/,
    ],
    ['a kind that no sample shows', kiosk(), { samples: samples.samples.slice(0, 2) }, /no sample is: poll-required/],
    [
      'a code without a row',
      kiosk(),
      { manual: { 'payment.charge': ['OK', 'ODD'] } },
      /no row for: payment\.charge ODD/,
    ],
    ['a manual without codes', kiosk(), { manual: {} }, /name no code of the manual/],
    [
      'fields of an operation that are missing',
      kiosk(),
      { complete: { 'payment.charge': { order: 'A1' } } },
      /no complete fields of: payment\.query/,
    ],
    [
      'fields that are not complete',
      kiosk(),
      { complete: { ...samples.complete, 'payment.charge': {} } },
      /order is missing/,
    ],
    ['no secret to look for', kiosk(), { secrets: [] }, /name no secret/],
    ['a secret in a table', kiosk({ perSend: ['made-up-kiosk-key'] }), {}, /1 of the secrets can be read off/],
    [
      'a row for an answer without a code',
      kiosk({}, { ...charge, '': succeeded() }),
      {},
      /an empty, unreadable or strange answer to payment\.charge.*must have no row/,
    ],
    [
      'a reader that trips over what is not there',
      kiosk({ read: ({ body }) => ({ names: [(body as { code: string }).code.trim()] }) }),
      {},
      /never throws.*TypeError/,
    ],
  ];

  it.each(cases)('is broken by %s, and the check says so', (_what, adapter, change, says) => {
    const failures = failuresOf(adapter, { ...samples, ...change });
    expect(failures.join('\n')).toMatch(says);
    expect(failures.join('\n')).not.toContain('made-up-kiosk-key');
  });
});
