import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { isCut, type Simulator } from 'tillpaid/testing';

/** Simulated gateways behind real HTTP servers on this machine. */
export interface Servers {
  readonly baseUrlOf: (gateway: Simulator) => string;
  readonly close: () => void;
}

/** @param travel how long a request or an answer is on its way */
export async function serve(
  gateways: readonly Simulator[],
  travel: () => Promise<void> = betweenContinents,
): Promise<Servers> {
  const servers = new Map<Simulator, Server>();
  for (const gateway of gateways) {
    const server = createServer((incoming, outgoing) => void answer(gateway, incoming, outgoing, travel));
    servers.set(gateway, server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
  }
  const baseUrlOf = (gateway: Simulator): string => `http://127.0.0.1:${portOf(servers.get(gateway))}`;
  // The first request of a process loads what `fetch` is made of: not on the payments' time.
  for (const gateway of gateways) await fetch(baseUrlOf(gateway));
  return {
    baseUrlOf,
    close() {
      for (const server of servers.values()) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function portOf(server: Server | undefined): number {
  const address = server?.address();
  if (typeof address !== 'object' || address === null) throw new Error('This gateway is not served.');
  return address.port;
}

/** A request and its answer take 80 to 160 ms each, as they do between continents. */
const betweenContinents = (): Promise<void> => sleep(80 + 80 * Math.random());

async function answer(
  gateway: Simulator,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  travel: () => Promise<void>,
): Promise<void> {
  const clientLeft = new AbortController();
  outgoing.on('close', () => clientLeft.abort());
  try {
    const request = await requestOf(incoming, clientLeft.signal);
    await travel();
    const response = await gateway.fetch(request);
    const body = await response.text();
    await travel();
    outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(body);
  } catch (error) {
    if (clientLeft.signal.aborted) return;
    if (!isCut(error)) throw error;
    // What is cut there is cut here.
    await travel();
    incoming.socket.resetAndDestroy();
  }
}

async function requestOf(incoming: IncomingMessage, signal: AbortSignal): Promise<Request> {
  const { method = 'GET', url = '/', headers } = incoming;
  const body = await buffer(incoming);
  return new Request(new URL(url, `http://${headers.host ?? '127.0.0.1'}`), {
    method,
    headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
    signal,
    redirect: 'manual',
    ...(body.length > 0 && { body }),
  });
}
