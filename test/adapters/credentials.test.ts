import { describe, expect, it } from 'vitest';
import { isInputError } from '../../src/index.ts';
import { ifortepay } from '../../src/adapters/ifortepay/index.ts';
import { credentials as ofIfortepay } from '../samples/ifortepay.ts';
import { qfpay } from '../../src/adapters/qfpay/index.ts';
import { rebell } from '../../src/adapters/rebell/index.ts';
import { madeUp as ofRebell } from '../samples/rebell.ts';
import { uqpay } from '../../src/adapters/uqpay/index.ts';
import { zalopay } from '../../src/adapters/zalopay/index.ts';

/**
 * A mistake in the set-up is told when the adapter is made, not by payments that fail, or that go to the wrong place.
 */

interface Case {
  readonly name: string;
  readonly make: (change?: object) => { readonly baseUrl: string };
  /** Texts that are secret or name the account. */
  readonly texts: readonly string[];
  /** Those of them that a header carries. */
  readonly inHeaders: readonly string[];
}

const symmetric = {
  ...ofIfortepay,
  signature: 'symmetric' as const,
  clientSecret: 'made-up-client-secret',
  clientId: 'made-up-client',
};
const cases: readonly Case[] = [
  {
    name: 'qfpay',
    make: change => qfpay({ appCode: 'SHOP', clientKey: 'made-up', environment: 'sandbox', ...change }),
    texts: ['appCode', 'clientKey', 'mchid'],
    inHeaders: ['appCode'],
  },
  {
    name: 'zalopay',
    make: change => zalopay({ appId: 2553, key1: 'made-up', key2: 'made-up', environment: 'sandbox', ...change }),
    texts: ['key1', 'key2'],
    inHeaders: [],
  },
  {
    name: 'ifortepay',
    make: change => ifortepay({ ...symmetric, ...change }),
    texts: ['partnerId', 'channelId', 'clientId', 'clientSecret', 'privateKey'],
    inHeaders: ['partnerId', 'channelId', 'clientId'],
  },
  {
    name: 'rebell',
    make: change => rebell({ ...ofRebell, ...change }),
    texts: ['clientId', 'privateKey', 'gatewayPublicKey'],
    inHeaders: ['clientId'],
  },
  {
    name: 'uqpay',
    make: change => uqpay({ clientId: 'made-up', apiKey: 'made-up', environment: 'sandbox', ...change }),
    texts: ['clientId', 'apiKey', 'webhookSecret', 'onBehalfOf'],
    inHeaders: ['clientId', 'apiKey', 'onBehalfOf'],
  },
];

function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(isInputError(error), String(error)).toBe(true);
    return String(error);
  }
  return expect.unreachable('it was taken');
}

describe.each(cases)('$name', ({ name, make, texts, inHeaders }) => {
  const sandbox = make({ environment: 'sandbox' }).baseUrl;
  const production = make({ environment: 'production' }).baseUrl;

  it.each(texts)('refuses a %s that is what a missing value is written as', field => {
    for (const value of ['undefined', 'null', 'NaN', '[object Object]', 'undefined\n'])
      expect(refusal(() => make({ [field]: value }))).toMatch(new RegExp(`^InputError: ${name}.*${field}`));
  });

  it('refuses what a header carries with white space around it, and does not quote it', () => {
    for (const field of inHeaders) {
      for (const value of ['sk-4711\n', ' sk-4711', 'sk-4711 ', 'sk-4711\r\n', '\tsk-4711', 'sk-\n4711']) {
        const told = refusal(() => make({ [field]: value }));
        expect(told).toContain(field);
        expect(told).not.toContain('4711');
      }
    }
  });

  it('refuses plain http in production, this machine apart', () => {
    for (const baseUrl of [
      'http://proxy.example/pay',
      'HTTP://10.0.0.7',
      'http://127.0.0.1.example',
      'http://localhost.example',
      `http://${new URL(production).host}`,
    ]) {
      expect(refusal(() => make({ environment: 'production', baseUrl }))).toMatch(/baseUrl must be https/);
      if (new URL(baseUrl).host !== new URL(production).host)
        expect(make({ environment: 'sandbox', baseUrl }).baseUrl).toBe(baseUrl);
    }
    for (const baseUrl of [
      'http://127.0.0.1:8080',
      'http://localhost:8080/pay',
      'http://[::1]:8080',
      'https://proxy.example',
    ]) {
      expect(make({ environment: 'production', baseUrl }).baseUrl).toBe(baseUrl);
    }
  });

  it('refuses the sandbox in production, and production in the sandbox', () => {
    expect(sandbox).not.toBe(production);
    for (const [environment, baseUrl] of [
      ['production', sandbox],
      ['sandbox', production],
    ] as const) {
      for (const written of [baseUrl, `${baseUrl}/`, baseUrl.toUpperCase(), `${new URL(baseUrl).origin}.:443/other`]) {
        expect(refusal(() => make({ environment, baseUrl: written }))).toMatch(/environment is/);
      }
    }
    expect(make({ environment: 'sandbox', baseUrl: sandbox }).baseUrl).toBe(sandbox);
  });

  it('refuses a base URL that no ticket could hold', () => {
    expect(refusal(() => make({ baseUrl: `https://proxy.example/${'x'.repeat(256)}` }))).toMatch(/256/);
  });
});

describe('the address of iFortepay’s tokens', () => {
  it.each([
    ['http://tokens.example/b2b', /tokenUrl must be https/],
    ['https://kronos-stage.ifortepay.id/auth/merchants/v1.0/access-token/b2b', /tokenUrl is the provider's sandbox/],
  ])('is not %s in production', (tokenUrl, why) => {
    expect(refusal(() => ifortepay({ ...symmetric, environment: 'production', tokenUrl }))).toMatch(why);
  });
});
