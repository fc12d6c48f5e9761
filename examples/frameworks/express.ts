import express, { type Express } from 'express';
import { sendResponse, toRequest } from 'tillpaid/node';
import { webhook, type Receiver, type Store } from './webhook.ts';

/** Express 5: the route stands above `express.json()`, which would leave nothing of the bytes that are signed. */
export function expressShop(gateway: Receiver, store: Store): Express {
  const app = express();
  app.post('/webhooks/pay', async (req, res) => sendResponse(await webhook(toRequest(req), gateway, store), res));
  app.use(express.json());
  app.post('/orders', (req, res) => void res.json(req.body));
  return app;
}
