import type { Simulator } from 'tillpaid/testing';
import { serveSimulator } from 'tillpaid/testing/serve';

/** Simulated gateways behind real HTTP servers on this machine. */
export interface Servers {
  readonly baseUrlOf: (gateway: Simulator) => string;
  readonly close: () => Promise<void>;
}

/** @param latencyMs how long a request or an answer is on its way; default: as between continents */
export async function serve(
  gateways: readonly Simulator[],
  latencyMs = (): number => 80 + 80 * Math.random(),
): Promise<Servers> {
  const served = await Promise.all(gateways.map(simulated => serveSimulator({ simulated, latencyMs })));
  // The first request of a process loads what `fetch` is made of: not on the payments' time.
  for (const { url } of served) await fetch(`${url}/__`);
  return {
    baseUrlOf(gateway) {
      const own = served.find(({ simulated }) => simulated === gateway);
      if (own === undefined) throw new Error('This gateway is not served.');
      return own.url;
    },
    async close() {
      for (const each of served) await each.close();
    },
  };
}
