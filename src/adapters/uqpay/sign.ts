import type { SendContext } from '../../kit/adapter.ts';
import { MOST_TOKEN_BYTES, readUpTo } from '../../kit/read-up-to.ts';
import { integerOf, textOf } from '../../kit/readers.ts';
import { tokenKeeper, type TokenStore } from '../../kit/token.ts';

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
    async fetchToken({ fetch, signal }) {
      // A redirect must not carry the key to another place.
      const init = {
        method: 'POST',
        headers: { 'x-client-id': clientId, 'x-api-key': apiKey },
        redirect: 'manual',
        signal,
      } as const;
      const response = await fetch(new Request(`${baseUrl}/v1/connect/token`, init));
      const body = parse(new TextDecoder().decode(await readUpTo(response.body, MOST_TOKEN_BYTES, signal)));
      const value = textOf(body, 'auth_token');
      const expiresAtSeconds = integerOf(body, 'expired_at');
      if (!response.ok || value === undefined || expiresAtSeconds === undefined) {
        const check = 'Check clientId, apiKey, environment and the allowed IP addresses.';
        throw new Error(`uqpay: the token request got no token (HTTP ${response.status}). ${check}`);
      }
      return { value, expiresAtMs: expiresAtSeconds * 1000 };
    },
  });
}

/** `undefined` for what is not JSON: a parser's own error would quote the text, and with it a token. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
