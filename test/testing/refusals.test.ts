import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  always,
  faultNames,
  lifeNames,
  lives,
  manualClock,
  simulateGateway,
  type FaultName,
  type Script,
} from 'tillpaid/testing';
import { acmeVoice } from './acme.ts';

/** As a test in JavaScript, or one with a cast, passes it. */
const given = (value: unknown): never => value as never;

describe('a simulator refuses at once', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ voices: acmeVoice() }, 'simulateGateway: there is no option "voices". Did you mean voice?'],
    [
      { voice: 'acme' },
      'simulateGateway: voice must be a voice: the one that tillpaid/testing/<provider> makes from credentials.',
    ],
    [
      { lives: { charges: lives.paid() } },
      'simulateGateway: lives: there is no option "charges". Did you mean charge?',
    ],
    [
      { lives: { charge: 'paid' } },
      'simulateGateway: lives: charge must be a life: take one of lives, such as lives.paid().',
    ],
    [{ faults: { onSends: [] } }, 'simulateGateway: faults: there is no option "onSends". Did you mean onSend?'],
    [
      { faults: { onSend: ['reset-after-boking'] } },
      'There is no fault "reset-after-boking". Did you mean reset-after-booking?',
    ],
    [{ sameReference: 'replay' }, "simulateGateway: sameReference must be 'replays', 'refuses' or 'books-again'."],
  ])('the options %j', (options, message) => {
    expect(() => simulateGateway(given({ voice: acmeVoice(), ...options })).script('A', {})).toThrow(message);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ lives: lives.paid() }, 'script of A1: there is no option "lives". Known: life, nextTry, onSend, onQuery, on.'],
    [{ onSent: ['none'] }, 'script of A1: there is no option "onSent". Did you mean onSend?'],
    [
      { onSend: 'maintenance' },
      "script of A1: onSend must be a list of faults, one for each exchange: ['reset-after-booking'].",
    ],
    [{ onQuery: ['not-fond'] }, 'There is no fault "not-fond". Did you mean not-found?'],
    [{ onQuery: [always(given('emty'))] }, 'There is no fault "emty". Did you mean empty?'],
    [{ on: { 'payment.cancel': ['toString'] } }, 'There is no fault "toString". Known: none, refused-connection'],
    [{ life: [{ state: 'payd' }] }, 'script of A1: there is no state "payd". Did you mean paid?'],
    [{ onSend: [7] }, 'A fault is a name, or an object with "books" and "does".'],
  ])('the script %j', (script, message) => {
    const simulated = simulateGateway({ voice: acmeVoice(), clock: manualClock() });
    expect(() => simulated.script('A1', given(script))).toThrow(message);
  });

  it('a time or a count that is none', () => {
    expect(() => lives.paidAfter(-1)).toThrow('lives.paidAfter: pass a number of milliseconds, 0 or more.');
    expect(() => lives.expiresAfter(given('15 min'))).toThrow('lives.expiresAfter: pass a number of milliseconds');
    expect(() => lives.paidAfterQueries(Number.NaN)).toThrow('lives.paidAfterQueries: pass a number of queries');
    expect(() => lives.steps([{ state: given('settled') }])).toThrow(
      'lives.steps: there is no state "settled". Known: open',
    );
  });

  it('nothing that there is', () => {
    const simulated = simulateGateway({ voice: acmeVoice(), lives: {}, faults: {} });
    const script: Script = { life: lives.open(), onSend: [always('none' satisfies FaultName)], on: {}, onQuery: [] };
    expect(() => simulated.script('A1', script)).not.toThrow();
  });
});

describe('docs/testing.md', () => {
  const page = readFileSync(new URL('../../docs/testing.md', import.meta.url), 'utf8');

  it('names every fault and every life', () => {
    expect(faultNames.filter(name => !page.includes(`\`${name}\``))).toEqual([]);
    expect(lifeNames.filter(name => !page.includes(`lives.${name}(`))).toEqual([]);
  });
});
