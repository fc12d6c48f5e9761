import type { GatewayEvent } from '../../src/index.ts';
import { rules } from './invariants.ts';
import { findProviders } from './providers.ts';
import { STARTS_AT_MS, storm, type JournalKind } from './storm.ts';

/**
 * Runs one payment again and prints its weather, its timeline beside the gateway's, and what is wrong. Whether nothing
 * is.
 */
export async function printReplay(seed: number, journal: JournalKind = 'none'): Promise<boolean> {
  const heard: { readonly atMs: number; readonly line: string }[] = [];
  const listen = (
    {
      at: _at,
      elapsedMs: _elapsed,
      gateway: _gateway,
      operation: _operation,
      reference: _reference,
      ...fact
    }: GatewayEvent,
    atMs: number,
  ): void => {
    heard.push({ atMs, line: told(fact) });
  };
  const [story] = await storm([seed], await findProviders(), listen, journal);
  if (story === undefined) throw new Error('There is no such payment.');
  const { provider, scene, weather, endings, violations, world, leftOpen } = story;
  const gateway = (world?.simulator.requests ?? []).map(({ atMs, operation, reference, result, fault }) => ({
    atMs: atMs - weather.skewMs,
    line: `      gateway: ${operation ?? '?'} ${reference ?? ''} -> ${result}${fault === 'none' ? '' : ` (${fault})`}`,
  }));

  console.log(`\nseed ${seed}: ${provider} ${scene}, ${weather.way}`);
  for (const [name, value] of Object.entries(weather)) console.log(`  ${name}: ${JSON.stringify(value)}`);
  console.log('\n  seconds');
  const lines = [...heard, ...gateway].sort((one, other) => one.atMs - other.atMs);
  for (const { atMs, line } of lines) console.log(`${((atMs - STARTS_AT_MS) / 1000).toFixed(1).padStart(9)}  ${line}`);
  console.log('\n  calls');
  for (const { call, ending } of endings)
    console.log(`  ${call}: ${ending.outcome} ${ending.verdict?.code ?? ''} ${ending.verdict?.reason ?? ''}`);
  for (const entry of world?.simulator.ledger.entries ?? []) {
    console.log(
      `  ledger: ${entry.kind} ${entry.reference} ${entry.state}, ${entry.amount}, booked ${entry.bookings} times`,
    );
  }
  if (leftOpen !== undefined) console.log(`  left open: ${leftOpen}`);
  for (const { rule, says } of violations) console.log(`\n  ${rule}: ${rules[rule]}\n  ${says}`);
  if (violations.length === 0) console.log('\n  Every rule held.');
  return violations.length === 0;
}

function told(fact: object): string {
  const { type, verdict, ...rest } = fact as {
    type: string;
    verdict?: { kind: string; code: string; reason: string; outcome?: string };
  };
  const details = Object.entries(rest).map(([name, value]) => `${name} ${String(value)}`);
  const meaning =
    verdict === undefined ? [] : [`${verdict.outcome ?? verdict.kind} (${verdict.code}, ${verdict.reason})`];
  return [type, ...details, ...meaning].join(' ');
}
