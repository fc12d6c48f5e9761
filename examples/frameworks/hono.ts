import { Hono } from 'hono';
import { webhook, type Receiver, type Store } from './webhook.ts';

/** Hono: `c.req.raw` is the web-standard request, and the reply is the response. Let nothing call `c.req.json()` before. */
export function honoShop(gateway: Receiver, store: Store): Hono {
  const app = new Hono();
  app.post('/webhooks/pay', c => webhook(c.req.raw, gateway, store));
  return app;
}
