import ky, { type KyInstance } from 'ky';
import ky1 from 'ky-1';
import ky2 from 'ky-2';
import { describe, expect, it } from 'vitest';
import { createGateway, isInputError } from '../../src/index.ts';
import { acme } from '../testing/acme.ts';
import { bench, refused, said } from '../testing/bench.ts';

const thrownBy = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

describe('the client’s own copy of ky', () => {
  it('an instance of ky 1 is refused before anything can be sent past us, with its version and the remedy', () => {
    const sent: string[] = [];
    const fetch = ({ url }: Request): Promise<Response> => (sent.push(url), Promise.resolve(new Response()));
    const old = ky1 as unknown as KyInstance;
    for (const client of [old, old.create({ retry: 5 }), old.extend({ fetch: fetch as typeof globalThis.fetch })]) {
      const error = thrownBy(() => createGateway({ adapter: acme(), client }));
      expect(isInputError(error) && error.message).toBe(
        'createGateway: client is an instance of ky 1 or older, past whose retries nothing could be protected. Install ky 2 (npm install ky@2) and make the client with it.',
      );
    }
    expect(sent).toEqual([]);
  });

  it.each([
    'ky',
    {},
    () => undefined,
    Object.assign(() => undefined, { extend: () => undefined, create: () => undefined }),
  ])('what is no ky instance is refused: %s', client => {
    expect(
      isInputError(thrownBy(() => createGateway({ adapter: acme(), client: client as unknown as KyInstance }))),
    ).toBe(true);
  });

  it('a second copy of ky 2 is as good as ours, and asking it sends nothing and calls no hook of the user’s', async () => {
    expect(ky2).not.toBe(ky);
    const hooked: string[] = [];
    const { gateway, clock, sends } = bench({
      sends: [refused(), said('PAID')],
      client: fetch =>
        ky2.create({ fetch: fetch as typeof globalThis.fetch, hooks: { init: [() => void hooked.push('init')] } }),
    });
    expect([sends.length, hooked]).toEqual([0, []]);
    expect(await clock.run(gateway.client.post('charge', { json: { order: 'A1', amount: 100 } }).json())).toEqual({
      code: 'PAID',
    });
    expect(sends.length).toBe(2);
  });
});
