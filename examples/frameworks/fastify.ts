import fastify, { type FastifyInstance } from 'fastify';
import { toRequest } from 'tillpaid/node';
import { webhook, type Receiver, type Store } from './webhook.ts';

/** Fastify 5: in a plugin of its own no parser touches the body; all other routes parse as ever. */
export function fastifyShop(gateway: Receiver, store: Store): FastifyInstance {
  const app = fastify();
  app.register((webhooks, _options, ready) => {
    webhooks.removeAllContentTypeParsers();
    webhooks.addContentTypeParser('*', (_request, _body, done) => done(null));
    webhooks.post('/webhooks/pay', request => webhook(toRequest(request), gateway, store));
    ready();
  });
  app.post('/orders', request => request.body);
  return app;
}
