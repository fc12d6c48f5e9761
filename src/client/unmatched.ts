import type { Clock } from '../clock.ts';
import { InputError } from '../core/errors.ts';
import type { UnmatchedEvent } from '../core/events.ts';
import type { Reporter } from '../engine/timeline.ts';
import type { Adapter } from '../kit/adapter.ts';
import { nearest } from '../core/did-you-mean.ts';
import { candidates, mayMatch, placeIn } from './match.ts';

/** What becomes of a request that matches no operation. @throws {InputError} when it is refused */
export type Unmatched = (method: string, url: string) => void;

/** Where events go, and whether anybody listens. */
interface Informed {
  readonly inform: (event: UnmatchedEvent) => void;
  readonly reporter: Pick<Reporter, 'listens'>;
}

/**
 * A write that matches no operation is sent as it is: unsigned, unread, sent again by whatever retries. A caller who
 * meant a payment must know.
 */
export function whenUnmatched(
  adapter: Adapter,
  clock: Clock,
  mode: 'event' | 'refuse',
  { inform, reporter }: Informed,
): Unmatched {
  return (method, given) => {
    if (/^(?:GET|HEAD|OPTIONS)$/i.test(method) || (!reporter.listens && mode === 'event')) return;
    const url = new URL(given);
    const hint = hintFor(adapter, method.toUpperCase(), url);
    inform({
      type: 'unmatched',
      at: new Date(clock.now()).toISOString(),
      elapsedMs: 0,
      gateway: adapter.name,
      operation: '',
      reference: {},
      method,
      url: shown(url),
      ...(hint !== undefined && { hint }),
    });
    if (mode === 'refuse' && isTheGateways(adapter, url)) {
      throw new InputError(
        `${adapter.name}: ${method} ${shown(url)} matches no operation, and nothing was sent. ${hint ?? `Known paths: ${paths(adapter).join(', ')}.`}`,
      );
    }
  };
}

const LONGEST_URL = 300;

const shown = (url: URL): string =>
  (url.origin === 'null' ? url.protocol : url.origin + url.pathname).slice(0, LONGEST_URL);

/** The same machine, be it by http or https. */
const isHostOf = (baseUrl: string, url: URL): boolean => {
  const base = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  return base?.hostname === url.hostname && base.port === url.port;
};

const isTheGateways = (adapter: Adapter, url: URL): boolean =>
  [adapter.baseUrl, ...Object.values(adapter.otherBaseUrls)].some(base => isHostOf(base, url));

const paths = (adapter: Adapter): string[] => [
  ...new Set(Object.values(adapter.operations).flatMap(({ path, sendable }) => (sendable === false ? [] : [path]))),
];

function hintFor(adapter: Adapter, method: string, url: URL): string | undefined {
  const { name, baseUrl, environment, otherBaseUrls } = adapter;
  const [other] = Object.entries(otherBaseUrls).find(([, base]) => isHostOf(base, url)) ?? [];
  if (other !== undefined && !isHostOf(baseUrl, url))
    return `That is ${name}'s ${other} host, and this adapter is made for ${environment}: ${baseUrl}.`;
  const place = placeIn(url.href);
  if (candidates(adapter, method, place).length > 0) return 'Its fields are of no operation of that path.';
  if (mayMatch(adapter, place)) {
    const methods = Object.values(adapter.operations)
      .map(operation => operation.method ?? 'POST')
      .filter(each => candidates(adapter, each, place).length > 0);
    return `That path takes ${[...new Set(methods)].join(' and ')}.`;
  }
  const near = nearPath(adapter, url);
  return near === undefined ? undefined : `Did you mean ${near}?`;
}

/** The operation's URL that a path nearly is, below the base URL or below none. */
function nearPath(adapter: Adapter, url: URL): string | undefined {
  if (!URL.canParse(adapter.baseUrl)) return undefined;
  const base = new URL(adapter.baseUrl).pathname.replace(/\/$/, '');
  const path = url.pathname.replaceAll(/\/{2,}/g, '/').replace(/\/$/, '');
  for (const [asked, prefix] of [
    [path, base],
    [path, ''],
  ] as const) {
    const segments = asked.split('/');
    // A variable segment is whatever the request has in its place.
    const known = paths(adapter).map(template => {
      const named = (prefix + template).split('/');
      return {
        template,
        filled:
          named.length === segments.length
            ? named.map((segment, at) => (segment.includes('{') ? segments[at] : segment)).join('/')
            : '',
      };
    });
    const near = nearest(
      asked,
      known.map(({ filled }) => filled),
    );
    const found = near === undefined ? undefined : known.find(({ filled }) => filled === near);
    if (found !== undefined) return adapter.baseUrl + found.template;
  }
  return undefined;
}
