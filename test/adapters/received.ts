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

/** Lets promises act, with the clock where it is. */
export const settleDown = async (): Promise<void> => {
  for (let turn = 0; turn < 60; turn++) await new Promise(resolve => setTimeout(resolve, 0));
};
