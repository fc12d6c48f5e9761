import { existsSync, writeFileSync } from 'node:fs';
import { InputError } from '../core/errors.ts';
import type { Voice } from '../testing/index.ts';
import { credentialsIn, type CredentialOptions } from './credentials.ts';
import { asJson, type Console } from './output.ts';
import { simulatorOf } from './providers.ts';

/** Credentials of a merchant that there is only in the simulator. */
export type SandboxCredentials = Readonly<Record<string, unknown>>;

/** What each provider knows its merchants by; all that there is, of a provider without a row. */
const namesByProvider: Readonly<Record<string, readonly string[]>> = {
  qfpay: ['appCode', 'clientKey'],
  zalopay: ['appId', 'key1', 'key2'],
  ifortepay: ['partnerId', 'channelId', 'clientSecret', 'privateKey'],
  rebell: ['clientId', 'keyVersion', 'privateKey', 'gatewayPublicKey'],
  uqpay: ['clientId', 'apiKey', 'webhookSecret'],
};

/** The half that only the simulated gateway has: it signs answers and webhooks. */
const GATEWAYS_OWN = 'gatewayPrivateKey';

/**
 * The merchant's credentials, and the gateway's own key: from a file, which is made when there is none, or made up.
 *
 * @throws {InputError}
 */
export async function sandboxFor(
  provider: string,
  options: CredentialOptions,
  terminal: Console,
): Promise<SandboxCredentials> {
  const { credentials: file, credentialsEnv } = options;
  if ((file !== undefined && existsSync(file)) || credentialsEnv !== undefined)
    return credentialsIn(provider, options, terminal);
  const made = await madeUp(provider);
  if (file !== undefined) {
    try {
      writeFileSync(file, asJson(made), { mode: 0o600, flag: 'wx' });
    } catch (error) {
      throw new InputError(`The file ${file} cannot be written: its directory must exist, and be writable.`, {
        cause: error,
      });
    }
  }
  return made;
}

const fixed: SandboxCredentials = {
  ...{ appCode: 'SANDBOX', clientKey: 'sandbox-client-key', appId: 2553, key1: 'sandbox-key-1', key2: 'sandbox-key-2' },
  ...{ partnerId: 'sandbox-partner', channelId: 'QR004', clientSecret: 'sandbox-client-secret' },
  ...{ clientId: 'sandbox-client', apiKey: 'sandbox-api-key', webhookSecret: 'sandbox-webhook-secret', keyVersion: 1 },
};

/** The same at every start, but for keys in pairs, which no source may hold. */
async function madeUp(provider: string): Promise<SandboxCredentials> {
  const names = namesByProvider[provider] ?? [...Object.keys(fixed), 'privateKey', 'gatewayPublicKey'];
  const made: Record<string, unknown> = {};
  for (const name of names.filter(each => Object.hasOwn(fixed, each))) made[name] = fixed[name];
  if (names.includes('privateKey')) made['privateKey'] = (await keyPair()).privateKey;
  if (!names.includes('gatewayPublicKey')) return made;
  const { publicKey, privateKey } = await keyPair();
  return { ...made, gatewayPublicKey: publicKey, [GATEWAYS_OWN]: privateKey };
}

/** What the merchant may know of them. */
export const shownOf = (credentials: SandboxCredentials): SandboxCredentials =>
  Object.fromEntries(Object.entries(credentials).filter(([name]) => name !== GATEWAYS_OWN));

/** How a provider speaks to that merchant. @throws {InputError} for credentials that are none */
export async function voiceOf(provider: string, credentials: SandboxCredentials): Promise<Voice> {
  const make = await simulatorOf(provider);
  return make(credentials);
}

async function keyPair(): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const pair = await crypto.subtle.generateKey({ ...algorithm, hash: 'SHA-256' }, true, ['sign', 'verify']);
  return {
    privateKey: pem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', pair.privateKey)),
    publicKey: pem('PUBLIC KEY', await crypto.subtle.exportKey('spki', pair.publicKey)),
  };
}

function pem(label: string, key: ArrayBuffer): string {
  const lines =
    Buffer.from(key)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
