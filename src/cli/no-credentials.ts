const text = 'tables-only';
const notAKey = `-----BEGIN PRIVATE KEY-----\n${btoa('tables only, not a key')}\n-----END PRIVATE KEY-----`;

/** What any adapter can be made of where only its tables are looked at and nothing can be signed or sent. */
export const noCredentials: Readonly<Record<string, string | number>> = {
  environment: 'sandbox',
  ...{ appCode: text, clientKey: text },
  ...{ appId: 1, key1: text, key2: text },
  ...{ partnerId: text, channelId: text },
  ...{ clientId: text, apiKey: text, keyVersion: 1 },
  privateKey: notAKey,
};
