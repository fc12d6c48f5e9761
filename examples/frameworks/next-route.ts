import { webhook, type Receiver, type Store } from './webhook.ts';

/**
 * Next.js, and whatever else calls a function of a `Request`: SvelteKit, Remix, Astro, Cloudflare Workers, Bun, Deno. In
 * `app/webhooks/pay/route.ts`:
 *
 * ```ts
 * export const POST = nextRoute(gateway, store);
 * export const dynamic = 'force-dynamic';
 * ```
 *
 * A function that has answered may be frozen: a payment that is followed there is forgotten. Keep its ticket, and let a
 * job follow it.
 */
export function nextRoute(gateway: Receiver, store: Store): (request: Request) => Promise<Response> {
  return request => webhook(request, gateway, store);
}
