import express, { type Express } from 'express';

/** A server that does not listen. */
export const app: Express = express();
