import { rules, type Rule } from './invariants.ts';
import type { Report } from './storm.ts';

/** What a storm came to. */
export function printReport(
  { payments, requests, endings, providers, leftOpen, shops, found }: Report,
  seconds: number,
): void {
  const speed = `${seconds.toFixed(0)} s, ${Math.round(payments / seconds)} payments a second`;
  console.log(`\n${grouped(payments)} payments, ${grouped(requests)} requests, ${speed}`);
  console.log(listed('providers', providers));
  console.log(listed('endings', endings));
  if (Object.keys(shops).length > 0) console.log(listed('many payments of one gateway object', shops));
  if (Object.keys(leftOpen).length > 0) console.log(listed('tickets that cannot find out, and say so', leftOpen));
  console.log();
  for (const [rule, sentence] of Object.entries(rules) as [Rule, string][]) {
    const times = found.filter(each => each.rule === rule).length;
    console.log(`${times === 0 ? '  held  ' : `BROKEN ${times} times`}  ${sentence}`);
  }
  for (const { seed, provider, scene, rule, says } of found.slice(0, 30))
    console.log(`\nseed ${seed}, ${provider} ${scene}: ${rule}\n  ${says.split('\n')[0] ?? ''}`);
  if (found.length > 30) console.log(`\n… and ${found.length - 30} more`);
}

const grouped = (count: number): string => count.toLocaleString('en');

const listed = (title: string, counts: Readonly<Record<string, number>>): string =>
  `${title}: ${Object.entries(counts)
    .sort(([, one], [, other]) => other - one)
    .map(([name, times]) => `${name} ${grouped(times)}`)
    .join(', ')}`;
