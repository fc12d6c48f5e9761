import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InputError } from '../core/errors.ts';
import type { Adapter } from '../kit/adapter.ts';
import { jsonIn } from './json-from.ts';
import type { Console } from './output.ts';
import { adapterMaker } from './providers.ts';

/** Where credentials are: never on the command line, which every process of the machine can read. */
export interface CredentialOptions {
  readonly credentials?: string;
  readonly credentialsEnv?: string;
}

export const CREDENTIALS = `
Credentials are what the provider's adapter takes, as JSON:
  zalopay    {"appId": 2553, "key1": "…", "key2": "…"}
  qfpay      {"appCode": "…", "clientKey": "…"}
  ifortepay  {"partnerId": "…", "channelId": "…", "privateKey": "…"}
  rebell     {"clientId": "…", "privateKey": "…", "keyVersion": 1}
  uqpay      {"clientId": "…", "apiKey": "…"}
A value may be elsewhere: {"env": "QFPAY_KEY"}, or {"file": "key.pem"}. "environment" is the ticket's by default;
"baseUrl" only where yours is not the provider's.`;

/**
 * A provider's adapter, made of credentials from a file or an environment variable.
 *
 * @throws {InputError} that quotes none of them
 */
export async function adapterWith(
  provider: string,
  environment: string,
  options: CredentialOptions,
  terminal: Console,
): Promise<Adapter> {
  const credentials = credentialsIn(provider, options, terminal);
  const make = await adapterMaker(provider);
  return make({ environment, ...credentials });
}

/** Credentials from a file or an environment variable. @throws {InputError} that quotes none of them */
export function credentialsIn(
  provider: string,
  { credentials: file, credentialsEnv: variable }: CredentialOptions,
  terminal: Console,
): Readonly<Record<string, unknown>> {
  if (file !== undefined && variable !== undefined)
    throw new InputError('Give --credentials or --credentials-env, one of them.');
  if (file !== undefined) {
    warnIfOpen(file, terminal);
    return objectOf(`The file ${file}`, textOfFile(file), dirname(file), terminal.env);
  }
  if (variable === undefined)
    throw new InputError(
      `Asking ${provider} needs your credentials: give --credentials <file>, or --credentials-env <NAME>.`,
    );
  return objectOf(`The environment variable ${variable}`, variableOf(variable, terminal.env), '.', terminal.env);
}

function objectOf(what: string, text: string, folder: string, env: Console['env']): Readonly<Record<string, unknown>> {
  const given = jsonIn(what, text);
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new InputError(`${what} must hold a JSON object with what the provider's adapter takes.`);
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, valueOf(value, folder, env)]));
}

/** A value as it stands, or where it is. */
function valueOf(value: unknown, folder: string, env: Console['env']): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { env: variable, file, ...rest } = value as { env?: unknown; file?: unknown };
  if (Object.keys(rest).length > 0) return value;
  if (typeof variable === 'string' && file === undefined) return variableOf(variable, env);
  if (typeof file === 'string' && variable === undefined) return textOfFile(resolve(folder, file)).trim();
  return value;
}

/** @throws {InputError} for one that is not set */
export function variableOf(name: string, env: Console['env']): string {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined || value === '') throw new InputError(`The environment variable ${name} is not set.`);
  return value;
}

/** @throws {InputError} */
export function textOfFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as { code?: string };
    const why =
      code === 'ENOENT' ? 'There is no file' : code === 'EISDIR' ? 'It is a directory:' : 'It cannot be read:';
    throw new InputError(`${why} ${JSON.stringify(path)}.`, { cause: error });
  }
}

const OTHERS = 0o077;

function warnIfOpen(path: string, { stderr }: Console): void {
  const { mode } = statSync(path, { throwIfNoEntry: false }) ?? { mode: 0 };
  if (process.platform !== 'win32' && (mode & OTHERS) !== 0)
    stderr(`tillpaid: other users can read ${path}. Keep it to yourself: chmod 600 ${path}\n`);
}
