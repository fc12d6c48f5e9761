import { InputError } from '../core/errors.ts';
import type { Simulator } from './simulator.ts';

/** What is used of msw's `http`. */
export interface MswHttp<Handler> {
  all(path: string, resolver: (info: { request: Request }) => Promise<Response>): Handler;
}

/**
 * Handlers for msw that stand for a gateway at its own addresses, the sandbox's and production's; what goes elsewhere is
 * left to your other handlers. Nothing of msw is imported: pass its `http`.
 *
 * @example
 * ```ts
 * import { http } from 'msw';
 * import { setupServer } from 'msw/node';
 *
 * const server = setupServer(...simulatorHandlers(http, simulated));
 * ```
 * @param addresses where the gateway is, instead of the provider's own addresses: the adapter's `baseUrl`, say
 * @throws {InputError} when the voice knows no address, or one is none
 */
export function simulatorHandlers<Handler>(
  http: MswHttp<Handler>,
  { voice, resolver }: Pick<Simulator, 'voice' | 'resolver'>,
  addresses: readonly string[] = voice.addresses ?? [],
): Handler[] {
  if (addresses.length === 0)
    throw new InputError(
      `simulatorHandlers: where is ${voice.gateway}? Pass its addresses: simulatorHandlers(http, simulated, [adapter.baseUrl]).`,
    );
  return addresses.map(address => {
    if (!URL.canParse(address))
      throw new InputError(
        `simulatorHandlers: ${JSON.stringify(address)} is no absolute address, such as https://api.acme.test.`,
      );
    return http.all(`${new URL(address).origin}/*`, resolver);
  });
}
