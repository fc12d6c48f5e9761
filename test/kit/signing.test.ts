import { createHash, createHmac, createVerify, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isInputError } from '../../src/index.ts';
import {
  digestOf,
  fromBase64,
  hmacOf,
  md5,
  pemKey,
  rsaSigner,
  rsaVerifier,
  sha256,
  sha512,
  toBase64,
  toBase64Url,
  toHex,
} from '../../src/kit/index.ts';

const pair = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const bytes = new Uint8Array([0, 251, 255, 10, 62]);

describe('hashes', () => {
  it.each([
    ['md5', md5],
    ['sha256', sha256],
    ['sha512', sha512],
  ] as const)('%s is Node’s, over parts one behind the other, texts as UTF-8 and bytes as they are', (name, hash) => {
    const whole = Buffer.concat([Buffer.from('ngân'), Buffer.from(bytes), Buffer.from('key')]);
    expect(toHex(digestOf(hash, 'ngân', bytes, 'key'))).toBe(createHash(name).update(whole).digest('hex'));
    expect(toBase64(hmacOf(hash, 'khóa', 'ngân', bytes, 'key'))).toBe(
      createHmac(name, 'khóa').update(whole).digest('base64'),
    );
  });
});

describe('Base64', () => {
  it('is written in both alphabets, and read in both', () => {
    expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
    expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
    for (const text of [toBase64(bytes), toBase64Url(bytes)]) expect(fromBase64(text)).toEqual(bytes);
  });

  it.each(['', '_', 'not base64!', 'é'])('%j is none', text => expect(fromBase64(text)).toBeUndefined());
});

describe('RSA', () => {
  it('signs as Node verifies, and verifies what it signed and nothing else', async () => {
    const signature = await rsaSigner('acme: privateKey', pair.privateKey)('ngân 1');
    expect(createVerify('sha256').update('ngân 1').verify(pair.publicKey, signature)).toBe(true);
    const { verify, ready } = rsaVerifier('acme: publicKey', pair.publicKey);
    await ready();
    expect(await verify('ngân 1', signature)).toBe(true);
    expect(await verify('ngân 2', signature)).toBe(false);
    expect(
      await verify(
        'ngân 1',
        signature.map(byte => byte ^ 1),
      ),
    ).toBe(false);
  });

  it('reads a key whose line ends an environment variable wrote as two characters', async () => {
    const written = pair.privateKey.replaceAll('\n', String.raw`\n`);
    expect(pemKey('PRIVATE KEY').accepts(written)).toBe(true);
    expect(await rsaSigner('acme: privateKey', written)('a')).toEqual(
      await rsaSigner('acme: privateKey', pair.privateKey)('a'),
    );
  });

  it.each<[string, unknown]>([
    ['another label', pair.privateKey.replaceAll('PRIVATE', 'RSA PRIVATE')],
    ['the other half', pair.publicKey],
    ['a key cut short', pair.privateKey.slice(0, 200)],
    ['no Base64', '-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----'],
    ['nothing inside', '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----'],
    ['a number', 7],
  ])('refuses %s as a private key', (_what, key) => expect(pemKey('PRIVATE KEY').accepts(key)).toBe(false));

  it('says which key it cannot read, without quoting it', async () => {
    const pem = `-----BEGIN PRIVATE KEY-----\n${btoa('not a key')}\n-----END PRIVATE KEY-----`;
    const error: unknown = await rsaSigner('acme: privateKey', pem)('a').catch((reason: unknown) => reason);
    expect(isInputError(error)).toBe(true);
    expect(String(error)).toBe('InputError: acme: privateKey is not an RSA key.');
    expect((error as Error).cause).toBeUndefined();
  });
});
