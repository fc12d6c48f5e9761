import { describe, expect, it } from 'vitest';
import { loaded } from '../../src/client/loaded.ts';

describe('what loads with its first use', () => {
  const module = { add: (one: number, other: number) => Promise.resolve(one + other) };

  it('is made once, however many call before it is there', async () => {
    let made = 0;
    const add = loaded(
      () => Promise.resolve(module),
      ({ add: of }) => {
        made += 1;
        return of;
      },
    );
    expect(await Promise.all([add(1, 2), add(3, 4)])).toEqual([3, 7]);
    expect(await add(5, 6)).toBe(11);
    expect(made).toBe(1);
  });

  it('rejects the call whose load failed, and the next one tries again', async () => {
    let loads = 0;
    const add = loaded(
      () => (++loads === 1 ? Promise.reject(new Error('no such chunk')) : Promise.resolve(module)),
      ({ add: of }) => of,
    );
    await expect(add(1, 2)).rejects.toThrow('no such chunk');
    expect([await add(1, 2), await add(2, 2), loads]).toEqual([3, 4, 2]);
  });
});
