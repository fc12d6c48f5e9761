import { describe, expect, it } from 'vitest';
import { decimalOf } from '../../src/core/decimal.ts';

describe('an amount in one spelling', () => {
  it.each([
    ['100', '100'],
    ['100.00', '100'],
    ['0100.50', '100.5'],
    ['0.00', '0'],
    ['000', '0'],
    ['10.01', '10.01'],
    ['100000000000000000000.10', '100000000000000000000.1'],
  ])('of %s is %s', (amount, one) => expect(decimalOf(amount)).toBe(one));

  it.each([
    '',
    ' 100',
    '1e2',
    '-1',
    '+1',
    '1.',
    '.5',
    '1,000.00',
    '1.0.0',
    '(unreadable)',
    '１００',
  ])('leaves alone what is no plain decimal: %j', text => expect(decimalOf(text)).toBe(text));
});
