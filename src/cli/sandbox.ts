import { existsSync, writeFileSync } from 'node:fs';
import { InputError } from '../core/errors.ts';
import type { Voice } from '../testing/index.ts';
import { credentialsIn, type CredentialOptions } from './credentials.ts';
import { asJson, type Console } from './output.ts';
import { adapterMaker, simulatorOf } from './providers.ts';

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
    return checked(provider, credentialsIn(provider, options, terminal));
  const credentials = await madeUp(provider);
  made.add(credentials);
  if (file !== undefined) {
    try {
      writeFileSync(file, asJson(credentials), { mode: 0o600, flag: 'wx' });
    } catch (error) {
      throw new InputError(`The file ${file} cannot be written: its directory must exist, and be writable.`, {
        cause: error,
      });
    }
  }
  return credentials;
}

/** Those that are nobody's. */
const made = new WeakSet<SandboxCredentials>();

/** Those of another provider would start a gateway that refuses everything. @throws {InputError} that quotes none */
async function checked(provider: string, credentials: SandboxCredentials): Promise<SandboxCredentials> {
  const make = await adapterMaker(provider);
  const { [GATEWAYS_OWN]: _own, ...merchants } = credentials;
  make({ environment: 'sandbox', ...merchants });
  return credentials;
}

const fixed: SandboxCredentials = {
  ...{ appCode: 'SANDBOX', clientKey: 'sandbox-client-key', appId: 2553, key1: 'sandbox-key-1', key2: 'sandbox-key-2' },
  ...{ partnerId: 'sandbox-partner', channelId: 'QR004', clientSecret: 'sandbox-client-secret' },
  ...{ clientId: 'sandbox-client', apiKey: 'sandbox-api-key', webhookSecret: 'sandbox-webhook-secret', keyVersion: 1 },
};

/** The same at every start, but for keys in pairs, which no source may hold. */
async function madeUp(provider: string): Promise<SandboxCredentials> {
  const names = namesByProvider[provider] ?? [...Object.keys(fixed), 'privateKey', 'gatewayPublicKey'];
  const own: Record<string, unknown> = {};
  for (const name of names.filter(each => Object.hasOwn(fixed, each))) own[name] = fixed[name];
  if (names.includes('privateKey')) own['privateKey'] = (await keyPair()).privateKey;
  if (!names.includes('gatewayPublicKey')) return own;
  const { publicKey, privateKey } = await keyPair();
  return { ...own, gatewayPublicKey: publicKey, [GATEWAYS_OWN]: privateKey };
}

/** What is no secret of a merchant's. */
const publicNames: ReadonlySet<string> = new Set([
  ...['appCode', 'mchid', 'signType', 'appId', 'partnerId', 'channelId', 'clientId', 'keyVersion', 'gatewayPublicKey'],
  ...['onBehalfOf', 'environment', 'baseUrl'],
]);

/**
 * What the merchant may know of them, for a screen or a log: what was made up, whole; of his own, which may be those that
 * he has with the provider, no secret.
 */
export function shownOf(credentials: SandboxCredentials): SandboxCredentials {
  const isMade = made.has(credentials) || Object.hasOwn(credentials, GATEWAYS_OWN);
  const isShown = (name: string, value: unknown): boolean => isMade || publicNames.has(name) || value === fixed[name];
  return Object.fromEntries(
    Object.entries(credentials)
      .filter(([name]) => name !== GATEWAYS_OWN)
      .map(([name, value]) => [name, isShown(name, value) ? value : '(as you gave it)']),
  );
}

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
