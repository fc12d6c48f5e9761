import { expect, it } from 'vitest';
import { errorText } from '../../src/core/error-text.ts';

it.each([
  ['the handler said Bearer abc.def', 'the handler said …'],
  ['apiKey=abcd1234 x', '… x'],
  ['api_key=abcd1234 x', '… x'],
  ['client_secret: s3cr3t', '…'],
  ['{"accessToken":"t0k3n"}', '{"…'],
  ['X-Api-Key: k3y', '…'],
  ['Authorization: Basic c2hvcDpwYXNz', '…'],
  ['authorization=Bearer abc', '…'],
  ['cvv 123', '…'],
  ['CVC: 1234, please', '…, please'],
  ['connect pg://s:h4x@db/x', 'connect pg://…db/x'],
  ['password=hunter2', '…'],
  ['card 4111 1111 1111 1111 refused', 'card … refused'],
])('an error that says "%s" is told without the secret', (message, said) => {
  expect(errorText(new Error(message))).toBe(`Error: ${said}`);
});

it.each([
  'duplicate key value violates unique constraint "orders_pkey"',
  'the token has expired',
  'connection refused',
])('an error that says "%s" is told as it is, or nearly', message => {
  expect(errorText(new Error(message))).toMatch(/^Error: \w+ \w+/);
});
