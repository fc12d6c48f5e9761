import { isErrorCode } from '../core/error-text.ts';
import type { Evidence } from '../core/settlement.ts';

/**
 * What a failed send proves, read from the error shapes of Node (undici), Bun and Deno. Whatever is not listed may have
 * been sent: a reset connection, a timeout, a body cut short.
 *
 * @param otherwise the code of an error that has none
 */
export function evidenceOf(error: unknown, otherwise = 'network/unknown'): { evidence: Evidence; code: string } {
  const causes = chain(error);
  // The outermost error that says what failed speaks of this send; what it wraps may be older.
  const telling = causes.find(each => codeOf(each) !== undefined || provesNotSent(each));
  const code = codeOf(telling)?.slice(0, 60);
  return {
    evidence: telling !== undefined && provesNotSent(telling) ? 'not-sent' : 'maybe-sent',
    // Whoever throws may put anything into it, and the code is logged and stored.
    code: code === undefined ? otherwise : `network/${isErrorCode(code) ? code : 'unknown'}`,
  };
}

/** Failed before a connection stood, so that no byte of the request can have left. */
const beforeConnecting: ReadonlySet<string> = new Set([
  // Node, undici: name not found, connection refused, connect timed out.
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'EAI_NONAME',
  'ECONNREFUSED',
  'UND_ERR_CONNECT_TIMEOUT',
  // Bun.
  'ConnectionRefused',
  'FailedToOpenSocket',
  // The certificate did not pass: the handshake ends before the request.
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** These say "not sent" only of the `connect` call; on an open connection they come after the request. */
const whileConnecting: ReadonlySet<string> = new Set([
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ENETDOWN',
  'EHOSTDOWN',
]);

/** Deno has no codes: it puts the system's words into the message of the cause. */
const denoWords = /\b(?:tcp connect error|dns error|invalid peer certificate)\b/i;

function provesNotSent(error: object): boolean {
  // Happy eyeballs: several addresses were tried, and each of them must prove it.
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) {
    return error.errors.every((each: unknown) => evidenceOf(each).evidence === 'not-sent');
  }
  const code = codeOf(error);
  if (code !== undefined && beforeConnecting.has(code)) return true;
  if (code !== undefined && whileConnecting.has(code)) return 'syscall' in error && error.syscall === 'connect';
  return 'message' in error && typeof error.message === 'string' && denoWords.test(error.message);
}

function codeOf(error: object | undefined): string | undefined {
  return error !== undefined && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The error and its causes, outermost first. */
function chain(error: unknown): object[] {
  const found: object[] = [];
  let next: unknown = error;
  while (typeof next === 'object' && next !== null && found.length < 8) {
    found.push(next);
    next = 'cause' in next ? next.cause : undefined;
  }
  return found;
}
