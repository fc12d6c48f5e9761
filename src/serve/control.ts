import { didYouMean } from '../core/did-you-mean.ts';
import { InputError } from '../core/errors.ts';
import { faultNames } from '../testing/faults.ts';
import type { NoticeRecord } from '../testing/notify.ts';
import { lifeNames, scriptFrom } from '../testing/script-from.ts';
import type { Simulator } from '../testing/simulator.ts';
import { isoOf, ledgerPage, requestFacts } from './facts.ts';

interface Page {
  readonly method: 'GET' | 'POST';
  readonly what: string;
  readonly answer: (request: Request, url: URL) => unknown;
}

/** The simulator's own pages, all under `/__`, where no gateway has any. */
export function controlPages(
  simulated: Simulator,
  notices: readonly NoticeRecord[],
  reset: () => void,
): (request: Request) => Promise<Response> | undefined {
  const { voice, clock } = simulated;
  const pages: Readonly<Record<string, Page>> = {
    '/__': {
      method: 'GET',
      what: 'this page',
      answer: () => ({
        gateway: voice.gateway,
        pages: Object.fromEntries(Object.entries(pages).map(([path, { method, what }]) => [`${method} ${path}`, what])),
        lives: lifeNames,
        faults: faultNames,
      }),
    },
    '/__ledger': {
      method: 'GET',
      what: 'what became of each number; ?reference=ORDER-1 for one',
      answer: (_request, url) => {
        const reference = url.searchParams.get('reference');
        const entries = simulated.ledger.entries.filter(entry => reference === null || entry.reference === reference);
        return ledgerPage(voice.gateway, clock.now(), entries, simulated.requests.length);
      },
    },
    '/__requests': {
      method: 'GET',
      what: 'every request, in the order it came',
      answer: () => ({ requests: simulated.requests.map(requestFacts) }),
    },
    '/__notices': {
      method: 'GET',
      what: 'every webhook that was sent, and how the shop replied',
      answer: () => ({ notices: notices.map(({ atMs, ...rest }) => ({ at: isoOf(atMs), ...rest })) }),
    },
    '/__script': {
      method: 'POST',
      what: 'what happens to a number: {"reference":"ORDER-1","life":"paidAfter:3000","onSend":["reset-after-booking"]}',
      answer: async request => {
        const { reference, script } = scriptedIn(await request.text());
        simulated.script(reference, script);
        return { scripted: reference };
      },
    },
    '/__reset': {
      method: 'POST',
      what: 'empties the ledger and the scripts',
      answer: () => {
        reset();
        return { reset: true };
      },
    },
  };
  return request => {
    const url = new URL(request.url);
    if (!url.pathname.startsWith('/__')) return undefined;
    const why = strangerTo(request, url);
    return why === undefined ? shown(pages, request, url) : Promise.resolve(json(403, { error: why }));
  };
}

/**
 * Names that no stranger can have in the public DNS: of this machine, of one beside it, of a container's host, or an
 * address in numbers.
 */
const localName = /^(?:[^.]+|\[[\da-f:.]+\]|\d+(?:\.\d+){3}|.+\.(?:localhost|local|internal|test))$/i;

/** Why it is not answered: any web page that a browser of this machine shows could read and script the simulator. */
function strangerTo({ headers }: Request, { hostname }: URL): string | undefined {
  if (!localName.test(hostname))
    return `This is a simulator of this machine: ask it by 127.0.0.1 or localhost, and not as ${hostname}.`;
  const origin = headers.get('origin');
  const isLocal = origin === null || (URL.canParse(origin) && localName.test(new URL(origin).hostname));
  return isLocal ? undefined : 'A web page from elsewhere can neither read nor script this simulator.';
}

async function shown(pages: Readonly<Record<string, Page>>, request: Request, url: URL): Promise<Response> {
  const { pathname } = url;
  const page = Object.hasOwn(pages, pathname) ? pages[pathname] : undefined;
  if (page === undefined)
    return json(404, { error: `The simulator has no page ${didYouMean(pathname, Object.keys(pages))}` });
  if (page.method !== request.method) return json(405, { error: `Ask ${pathname} by ${page.method}.` });
  try {
    return json(200, await page.answer(request, url));
  } catch (error) {
    if (error instanceof InputError) return json(400, { error: error.message });
    throw error;
  }
}

function scriptedIn(text: string): { reference: string; script: ReturnType<typeof scriptFrom> } {
  const { reference, ...script } = objectIn(text);
  if (typeof reference !== 'string' || reference === '')
    throw new InputError('Name the order that this is about: {"reference":"ORDER-1", ...}.');
  return { reference, script: scriptFrom(script) };
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InputError('The body must be a JSON object, such as {"reference":"ORDER-1","life":"declined"}.');
  return value as Readonly<Record<string, unknown>>;
}

const json = (status: number, body: unknown): Response =>
  new Response(`${JSON.stringify(body, undefined, 2)}\n`, { status, headers: { 'content-type': 'application/json' } });
