import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quotable, quotableCode } from '../../src/core/quotable.ts';
import { journaledEntry, journaledSettlement } from '../../src/engine/journaled.ts';
import { lastVerdictOf, repeatedSettlement, withoutSecrets, type LastVerdict } from '../../src/engine/last-verdict.ts';
import type { Entry, SettledEntry } from '../../src/engine/payment-store.ts';
import { storedOf } from '../../src/engine/stored-answer.ts';
import { constant, type Settlement, type Ticket, type Verdict } from '../../src/index.ts';
import { unlikeItsType } from '../settlement-shape.ts';
import { bench, refused, reset, said, state, type Step } from '../testing/bench.ts';

/** What a journal stores outlives the payment: nothing may be in it that opens or names anything. */

const policy = {
  retry: { attempts: 2, backoff: constant(100) },
  poll: { backoff: constant(1000), deadlineMs: 6000, absentAfterMs: 2000 },
};
const card = '4111 1111 1111 1111';
const token = 'tok_live_51HxyzABCDEFGHIJKLMN';
/** In every answer: what it says beside its code. */
const told = {
  id: 'G1',
  link: 'https://pay.test/private-link',
  client_secret: 'body-text-4711',
  message: `No: card ${card} of jane@doe.test, ${token}`,
};
const secrets = [
  card,
  card.replaceAll(' ', ''),
  token,
  'jane',
  'private-link',
  'body-text',
  'client_secret',
  'cause-text',
];

const sends: Record<string, Step> = {
  paid: said('PAID', told),
  created: said('CREATED', told),
  held: said('HELD', told),
  declined: said('DECLINED', told),
  refused: said('REFUSED', told),
  busy: said('BUSY', told),
  pending: said('PENDING', told),
  unlisted: said(token, told),
  duplicate: said('DUPLICATE', told),
  'not sent': Object.assign(refused(), { message: 'cause-text' }),
  lost: Object.assign(reset(), { message: 'cause-text' }),
};
const polls: Record<string, Step> = {
  paid: state('paid', told),
  open: state('open', told),
  declined: state('declined', told),
  canceled: state('canceled', told),
  'not found': state('none', told),
  unlisted: state('4111111111111111', told),
};
const fields = { order: 'A1', amount: 100 };

/** A payment that ended so, and what whoever asks again is told. */
async function ended(send: Step, poll: Step, name: 'payment.charge' | 'payment.create'): Promise<Settlement[]> {
  const b = bench({ sends: [send], polls: [poll], policy });
  const first = await b.clock.run(b.gateway.settle(name, fields));
  return [first, await b.clock.run(b.gateway.settle(name, fields))];
}

const roundTrip = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const holdsNoSecret = (value: unknown): void => {
  const text = JSON.stringify(value);
  for (const secret of secrets) expect(text).not.toContain(secret);
};

/** Every name in it, however deep. */
function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [...(Array.isArray(value) ? [] : [name]), ...namesIn(inner)]);
}

describe('a settlement in a journal', () => {
  const outcomes = new Set<string>();

  it.each(
    Object.keys(sends).flatMap(send => Object.keys(polls).map(poll => [send, poll] as const)),
  )('of a send that is %s, and queries that say %s, holds no answer, and nothing of one', async (send, poll) => {
    for (const name of ['payment.charge', 'payment.create'] as const) {
      for (const settlement of await ended(sends[send] ?? reset(), polls[poll] ?? reset(), name)) {
        const before = structuredClone(settlement);
        const kept = journaledSettlement(settlement);
        outcomes.add(kept.outcome);
        holdsNoSecret(kept);
        expect(namesIn(kept)).not.toEqual(
          expect.arrayContaining([expect.stringMatching(/^(?:answer|body|response|cause)$/)]),
        );
        for (const left of ['response', 'cause']) expect(left in kept).toBe(false);
        expect(kept.answerOmitted).toBe(settlement.answer === undefined ? undefined : true);
        expect(unlikeItsType(kept)).toBeUndefined();
        expect(roundTrip(kept)).toStrictEqual(kept);
        expect(journaledSettlement(kept)).toStrictEqual(kept);
        expect(settlement).toEqual(before);
      }
    }
  });

  it('and that was so for every outcome that these can have', () => {
    expect([...outcomes].sort()).toEqual(
      ['absent', 'authorized', 'canceled', 'created', 'failed', 'rejected', 'succeeded', 'unresolved', 'unsent'].sort(),
    );
  });

  it('keeps all else: the outcome, the numbers, the timeline, and what the codes mean', async () => {
    const [settlement] = await ended(said('PENDING', told), state('paid', told), 'payment.charge');
    const kept = settlement && journaledSettlement(settlement);
    const short = 'No: card … of … …';
    expect(kept).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      verdict: { ...settlement?.verdict, message: short },
      ticket: settlement?.ticket,
      reference: { merchant: 'A1', provider: 'G1' },
      attempts: 1,
      polls: 1,
      answerOmitted: true,
    });
    expect(kept?.timeline.map(({ type, at, elapsedMs }) => [type, at, elapsedMs])).toEqual(
      settlement?.timeline.map(({ type, at, elapsedMs }) => [type, at, elapsedMs]),
    );
    const messages = kept?.timeline.flatMap(line => ('verdict' in line ? [line.verdict.message] : []));
    expect(messages).toEqual([short, short]);
  });

  it('is the journal’s own: what becomes of the ticket later changes nothing in it', async () => {
    const [settlement] = await ended(said('CREATED', told), state('open', told), 'payment.create');
    const kept = settlement && journaledSettlement(settlement);
    if (settlement !== undefined) settlement.ticket.reference['id'] = 'another';
    expect(kept?.ticket.reference['id']).toBe('G1');
  });
});

const ticket: Ticket = {
  ...{ version: 1, gateway: 'acme', account: 'shop-1', environment: 'sandbox', operation: 'payment.charge' },
  ...{ reference: { order: 'A1' }, openedAt: '2026-11-28T10:00:00.000Z', seen: true, polls: 2 },
};
const answer = (body: unknown) =>
  storedOf({
    ...{ status: 200, statusText: '', url: 'https://acme.test/charge', headers: new Headers({ 'x-key': token }) },
    bytes: new TextEncoder().encode(JSON.stringify(body)),
  });
const verdict: Verdict = {
  ...{ kind: 'terminal', outcome: 'succeeded', code: 'paid', reason: 'approved', listed: true },
  message: told.message,
};
const last: LastVerdict = {
  ...{ outcome: 'succeeded', verdict, settledBy: 'query', reference: { merchant: 'A1' } },
  ...{ attempts: 1, polls: 2, elapsedMs: 3000, own: answer(told), status: answer({ state: 'paid', ...told }) },
};
const base = { key: '["order","A1"]', digest: 'made-up-digest', atMs: 1, earlierNumbers: ['G0'], ticket };
const settled: SettledEntry = { ...base, state: 'settled', last };

describe('what is known of a payment, in a journal', () => {
  it.each<[string, Entry]>([
    ['open', { ...base, state: 'open', absent: true }],
    ['noticed', { ...base, state: 'noticed', read: 'payment.query' }],
    ['followed only', { ...base, digest: undefined, state: 'open', absent: false }],
    ['settled', settled],
    ['settled by its own answer', { ...settled, last: { ...last, settledBy: 'answer', status: undefined } }],
    ['settled by a notice', { ...settled, last: { ...last, settledBy: 'webhook', own: undefined, status: undefined } }],
  ])('holds no answer where it is %s', (_title, entry) => {
    const kept = journaledEntry(entry);
    holdsNoSecret(kept);
    expect(namesIn(kept)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(?:own|status|bytes|headers)$/)]),
    );
    expect(roundTrip(kept)).toStrictEqual(kept);
    expect(journaledEntry(kept)).toStrictEqual(kept);
    if (entry.state !== 'settled') return expect(kept).toEqual(entry);
    const { own, status: _status, ...rest } = entry.last;
    expect(kept).toEqual({
      ...entry,
      last: {
        ...rest,
        verdict: { ...verdict, message: 'No: card … of … …' },
        ...(own !== undefined && { answerOmitted: true }),
      },
    });
  });

  const kept = journaledEntry(settled);
  const keptLast = kept.state === 'settled' ? kept.last : last;

  it('tells who asks again that its answer was omitted', () => {
    const repeated = repeatedSettlement(keptLast, ticket, 1);
    expect(repeated).toMatchObject({ outcome: 'succeeded', repeated: true, answerOmitted: true });
    expect(repeated).not.toHaveProperty('answer');
    expect(unlikeItsType(repeated)).toBeUndefined();
    expect(repeatedSettlement(last, ticket, 1)).not.toHaveProperty('answerOmitted');
  });

  it('says so of a later word on it too, and no longer once there is an answer', () => {
    const { own, status, ...facts } = last;
    const paid: Settlement = { ...facts, outcome: 'succeeded', verdict, settledBy: 'query', ticket, timeline: [] };
    const none = { own: undefined, status: undefined };
    expect(lastVerdictOf(paid, none, keptLast)).toMatchObject({ answerOmitted: true });
    expect(lastVerdictOf(paid, none, undefined)).not.toHaveProperty('answerOmitted');
    expect(lastVerdictOf({ ...paid, answerOmitted: true }, none, undefined)).toMatchObject({ answerOmitted: true });
    const answers = { own: { ...answerIn(told) }, status: undefined };
    const byAnswer = lastVerdictOf({ ...paid, settledBy: 'answer', answer: told }, answers, keptLast);
    expect(byAnswer?.own).toBeDefined();
    expect(byAnswer).not.toHaveProperty('answerOmitted');
    expect(own).toBeDefined();
    expect(status).toBeDefined();
  });

  it('stays so when the secrets of an order that has ended are forgotten', () => {
    expect(withoutSecrets(keptLast, ['client_secret'])).toEqual(keptLast);
  });
});

const answerIn = (body: unknown) => ({
  ...{ status: 200, statusText: '', url: 'https://acme.test/charge', headers: new Headers() },
  bytes: new TextEncoder().encode(JSON.stringify(body)),
});

describe('a provider’s message, as far as it is kept', () => {
  const digits = (min: number, max: number): fc.Arbitrary<string> =>
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map(all => all.join(''));
  const separators = fc.constantFrom('', ' ', '-', '\u00A0', '_', '/', ' - '.slice(1), '\u200B', '\t', '–');
  const cards = fc
    .tuple(fc.array(digits(4, 4), { minLength: 3, maxLength: 4 }), digits(1, 4), separators)
    .map(([groups, rest, between]) => [...groups, rest].join(between));
  const visible = fc.string({ unit: fc.integer({ min: 33, max: 126 }).map(each => String.fromCharCode(each)) });
  const tokens = fc.tuple(
    digits(1, 9),
    fc.string({ unit: fc.constantFrom('a', 'c', 'X', 'Z', '0', '9', '-', '_', '.', '='), minLength: 24 }),
  );
  const words = fc.constantFrom('', 'Card ', 'declined: ', 'Kartu ', '卡 ', 'số ', '(', ' ');
  const said = (what: string): void => {
    const kept = quotable(what);
    const inDigits = kept.replaceAll(/[^\p{L}\p{Nd}]/gu, '');
    expect(inDigits).not.toMatch(/\p{Nd}{12,}/u);
    expect(kept).not.toMatch(/[!-~]{24,}/);
    expect(kept).not.toContain('@');
    expect(kept.length).toBeLessThanOrEqual(121);
    expect(quotable(kept)).toBe(kept);
  };

  it('has no number of a card, whatever stands between its digits', () => {
    fc.assert(fc.property(words, cards, words, (before, card, after) => said(`${before}${card}${after}`)));
    for (const card of [
      '4111.1111.1111.1111',
      '3782.822463.10005',
      '４１１１１１１１１１１１１１１１',
      '4111,1111,1111,1111',
    ])
      said(`card ${card}`);
  });

  it('has no token, link or address', () => {
    fc.assert(
      fc.property(words, tokens, words, (before, [head, tail], after) => said(`${before}${head}${tail}${after}`)),
    );
    fc.assert(fc.property(words, visible, (before, text) => said(`${before}${text}@shop.test`)));
  });

  it('is one line of what is left, and says what is harmless as it was', () => {
    expect(quotable('Insufficient balance (51), try 10000.00 VND')).toBe('Insufficient balance (51), try 10000.00 VND');
    expect(quotable('a\nb\u001b[31m')).toBe('a b\uFFFD[31m');
    expect(quotable('x '.repeat(200))).toHaveLength(121);
    expect(quotable('')).toBe('');
  });

  it.each([
    ['2005599/06', '2005599/06'],
    ['payment_method_not_allowed/DO_NOT_HONOR', 'payment_method_not_allowed/DO_NOT_HONOR'],
    ['network/ECONNRESET', 'network/ECONNRESET'],
    ['2/-999', '2/-999'],
    ['4111111111111111', '…'],
    ['error/4111 1111 1111 1111', 'error/…'],
    [token, '…'],
  ])('and a code that no table lists, %s, is kept as %s', (code, kept) => {
    expect(quotableCode(code)).toBe(kept);
  });
});
