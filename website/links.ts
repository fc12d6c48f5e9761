import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

/**
 * The links of built pages that lead nowhere: `index.html: documents/Webhooks.html#no-such-heading`. What a page loads may
 * not be elsewhere: the site works without a network.
 */
export function brokenLinks(folder: string, pages: readonly string[]): string[] {
  const known = new Map<string, ReadonlySet<string>>();
  const anchorsOf = (page: string): ReadonlySet<string> => {
    const anchors =
      known.get(page) ??
      new Set([...htmlOf(page).matchAll(/\s(?:id|name)="([^"]*)"/g)].map(([, name = '']) => decoded(name)));
    known.set(page, anchors);
    return anchors;
  };
  const htmlOf = (page: string): string => readFileSync(posix.join(folder, page), 'utf8');

  const isBroken = (page: string, link: string, isLoaded: boolean): boolean => {
    if (/^(?:[a-z]+:)?\/\//.test(link)) return isLoaded;
    if (/^(?:mailto|data):/.test(link)) return false;
    if (link.startsWith('/')) return true;
    const [path = '', anchor = ''] = link.split('#').map(decoded);
    const target = path === '' ? page : posix.join(posix.dirname(page), path.replace(/\?.*$/, ''));
    if (target.endsWith('/') || !existsSync(posix.join(folder, target))) return true;
    // What has a `=` is a state for the page's script.
    const isHeading = anchor !== '' && !anchor.includes('=') && target.endsWith('.html');
    return isHeading && !anchorsOf(target).has(anchor);
  };
  return pages.flatMap(page =>
    [...htmlOf(page).matchAll(/<(a|link|script|img|use|iframe)\b[^>]*?\s(?:href|src)="([^"]*)"/g)]
      .filter(([, element, link = '']) => isBroken(page, link, element !== 'a'))
      .map(([, , link = '']) => `${page}: ${link}`),
  );
}

const decoded = (text: string): string => {
  const plain = text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'");
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
};
