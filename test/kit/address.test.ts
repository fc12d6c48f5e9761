import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInputError } from '../../src/core/errors.ts';
import { baseUrlOf, type Location } from '../../src/kit/address.ts';

describe('baseUrlOf', () => {
  const known = { production: 'https://corner.example', sandbox: 'https://sandbox.corner.example' };
  const of = (location: unknown): ReturnType<typeof baseUrlOf> => baseUrlOf('corner', location as Location, known);

  it('is the provider’s own for the environment', () => {
    expect(of({ environment: 'production' })).toEqual({
      environment: 'production',
      baseUrl: known.production,
      ownBaseUrl: false,
      otherBaseUrls: { sandbox: known.sandbox },
    });
    expect(of({ environment: 'sandbox' })).toEqual({
      environment: 'sandbox',
      baseUrl: known.sandbox,
      ownBaseUrl: false,
      otherBaseUrls: { production: known.production },
    });
  });

  it('is the user’s where he gives one', () => {
    for (const baseUrl of ['https://proxy.test/corner', 'http://127.0.0.1:8080'])
      expect(of({ environment: 'sandbox', baseUrl })).toEqual({
        environment: 'sandbox',
        baseUrl,
        ownBaseUrl: true,
        otherBaseUrls: known,
      });
  });

  it.each([
    'live',
    'PRODUCTION',
    '',
    undefined,
    null,
    'constructor',
    '__proto__',
  ])('refuses %s for an environment', environment => {
    expect(thrownBy(() => of({ environment }))).toMatchObject({
      name: 'InputError',
      message: "corner: environment must be 'production' or 'sandbox'.",
    });
  });

  it.each([
    ['no URL', 'corner'],
    ['a relative one', '/corner'],
    ['nothing', ''],
    ['another protocol', 'ftp://corner.test'],
    ['a script', 'javascript:alert(1)'],
    ['a user', 'https://user@corner.test'],
    ['a password', 'https://:sk_live_4242@corner.test'],
    ['a query', 'https://corner.test?key=sk_live_4242'],
    ['a fragment', 'https://corner.test#sk_live_4242'],
    ['an empty query, which would swallow the path', 'https://corner.test/?'],
    ['an empty fragment, which would swallow the path', 'https://corner.test/#'],
    ['no text', 7],
    ['null', null],
  ])('refuses a base URL with %s, and does not quote it', (_what, baseUrl) => {
    const error = thrownBy(() => of({ environment: 'sandbox', baseUrl }));
    expect(isInputError(error)).toBe(true);
    expect((error as Error).message).toBe(
      'corner: baseUrl must be an http or https URL without credentials, query or fragment.',
    );
  });

  it('gives a base that a path can be put behind', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.webUrl(), fc.string()),
        baseUrl => {
          const refusal = thrownBy(() => of({ environment: 'sandbox', baseUrl }));
          if (refusal !== undefined) {
            expect(isInputError(refusal)).toBe(true);
            return;
          }
          const { baseUrl: found } = of({ environment: 'sandbox', baseUrl });
          expect(new URL(`${found.replace(/\/+$/, '')}/v1/pay`).pathname).toMatch(/\/v1\/pay$/);
        },
      ),
    );
  });
});

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
