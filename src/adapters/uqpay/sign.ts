import { integerOf, requestToken, textOf, tokenKeeper, type SendContext, type TokenStore } from '../../kit/index.ts';

/**
 * UQPAY's calls carry no signature but a token, which `clientId` and `apiKey` are exchanged for. It lives for 30
 * minutes, and a new one ends the one before: whoever shares a `clientId` must share the token too.
 *
 * @see https://developers.uqpay.com/account-center/v1.6/api-reference/access-token
 * @see https://developers-sandbox.uqpaytech.com/global-acquiring/v1.6/guide/integration-faq
 */
export function tokenOf(account: {
  baseUrl: string;
  clientId: string;
  apiKey: string;
  tokens: TokenStore | undefined;
}): (context: SendContext) => Promise<string> {
  const { baseUrl, clientId, apiKey, tokens } = account;
  return tokenKeeper({
    account: `uqpay ${baseUrl} ${clientId}`,
    secret: apiKey,
    store: tokens,
    async fetchToken(context) {
      const headers = { 'x-client-id': clientId, 'x-api-key': apiKey };
      const { ok, status, body } = await requestToken(context, `${baseUrl}/v1/connect/token`, { headers });
      const value = textOf(body, 'auth_token');
      const expiresAtSeconds = integerOf(body, 'expired_at');
      if (!ok || value === undefined || expiresAtSeconds === undefined) {
        const check = 'Check clientId, apiKey, environment and the allowed IP addresses.';
        throw new Error(`uqpay: the token request got no token (HTTP ${status}). ${check}`);
      }
      return { value, expiresAtMs: expiresAtSeconds * 1000 };
    },
  });
}
