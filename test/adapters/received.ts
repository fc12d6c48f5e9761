import type { Received } from '../../src/index.ts';

export const verified = (received: Received): Received & { verified: true } => {
  if (!received.verified) throw new Error(`refused: ${received.reason}`);
  return received;
};

/** Why it was refused. */
export const refused = (received: Received): string => {
  if (received.verified) throw new Error('it was verified');
  return received.reason;
};
