import { InputError } from '../core/errors.ts';

/** What every adapter factory accepts beside its credentials. */
export interface Location {
  environment: 'production' | 'sandbox';
  /** Replaces the provider's base URL. */
  baseUrl?: string;
}

/** What a ticket can hold. */
const LONGEST_URL = 256;

/** What {@link baseUrlOf} makes of a location, for `defineAdapter`. */
export interface BaseUrls {
  readonly environment: Location['environment'];
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly ownBaseUrl: boolean;
  readonly otherBaseUrls: Readonly<Partial<Record<Location['environment'], string>>>;
}

/**
 * Where an adapter sends to: the provider's base URL for the environment, or the user's own.
 *
 * @throws {InputError} for another environment, and as {@link checkAddress} for the base URL
 */
export function baseUrlOf(
  who: string,
  location: Location,
  known: Readonly<Record<Location['environment'], string>>,
): BaseUrls {
  const { environment, baseUrl } = location;
  if (!Object.hasOwn(known, environment))
    throw new InputError(`${who}: environment must be 'production' or 'sandbox'.`);
  if (baseUrl === undefined) {
    const { [environment]: own, ...otherBaseUrls } = known;
    return { environment, baseUrl: own, ownBaseUrl: false, otherBaseUrls };
  }
  checkAddress(`${who}: baseUrl`, baseUrl, environment, known);
  if (baseUrl.length > LONGEST_URL)
    throw new InputError(`${who}: baseUrl must have at most ${LONGEST_URL} characters, or no ticket could hold it.`);
  return { environment, baseUrl: baseUrl.replace(/\/+$/, ''), ownBaseUrl: true, otherBaseUrls: known };
}

/**
 * An address that credentials or payments are sent to.
 *
 * @param what names it in the error, such as `acme: tokenUrl`
 * @param known the provider's own addresses: one environment's is never the other's
 * @throws {InputError} for what is no http(s) URL, for plain http in production (this machine apart), and for the other
 * environment's host
 */
export function checkAddress(
  what: string,
  address: string,
  environment: Location['environment'],
  known: Readonly<Partial<Record<Location['environment'], string>>> = {},
): void {
  const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.password !== '' ||
    /[?#]/.test(address)
  ) {
    throw new InputError(`${what} must be an http or https URL without credentials, query or fragment.`);
  }
  if (environment === 'production' && url.protocol === 'http:' && !thisMachine.has(url.hostname)) {
    throw new InputError(
      `${what} must be https in production: over http everybody on the way reads what is sent, and can change it.`,
    );
  }
  const other = environment === 'production' ? 'sandbox' : 'production';
  const [own, others] = [known[environment], known[other]].map(each =>
    each === undefined ? undefined : hostOf(new URL(each)),
  );
  if (others !== undefined && others !== own && hostOf(url) === others)
    throw new InputError(`${what} is the provider's ${other}, but environment is '${environment}'.`);
}

const thisMachine: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** `host.` and `host` are one. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/\.$/, '');
