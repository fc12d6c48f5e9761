import { html, type Html } from './markup.ts';

/** What every page has. */
export interface Page {
  /** In its tab, and in a search. */
  readonly title: string;
  readonly description: string;
  /** Its address below the explorer's folder. */
  readonly path: string;
  readonly main: Html;
  /** Scripts of its own, after `page.js`. */
  readonly scripts?: readonly string[];
}

/** The site that the explorer stands in. */
export interface Site {
  readonly version: string;
  readonly providers: readonly { readonly name: string; readonly title: string }[];
  /** The address of the documentation, seen from the explorer's first page. Default: it has none. */
  readonly home?: string | undefined;
}

/** The way from a page to the explorer's folder. */
export const upFrom = (path: string): string => '../'.repeat(path.split('/').length - 1);

/**
 * Nothing is fetched and nothing sent: what is pasted stays on the page. `file:` is for a page that is opened from a
 * folder.
 */
const contentPolicy =
  "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src data:; connect-src 'none'; form-action 'none'; base-uri 'none'";

/** A whole page. */
export function pageOf({ title, description, path, main, scripts = [] }: Page, site: Site): string {
  const up = upFrom(path);
  const link = (to: string, words: string): Html =>
    html`<a href="${up}${to}"${path === to ? html` aria-current="page"` : path.startsWith(to.replace('index.html', '')) && to !== 'index.html' ? html` aria-current="true"` : undefined}>${words}</a>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title}</title>
<meta name="description" content="${description}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy}">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${up}explorer.css">
<script src="${up}page.js"></script>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header class="bar">
<nav aria-label="Explorer"><ul>
${site.home === undefined ? undefined : html`<li><a href="${up}${site.home}">tillpaid</a></li>\n`}<li>${link('index.html', 'Explain')}</li>
${site.providers.map(({ name, title: words }) => html`<li>${link(`${name}/index.html`, words)}</li>\n`)}<li>${link('schedule.html', 'Schedule')}</li>
</ul></nav>
<button type="button" id="theme" hidden>Dark</button>
</header>
<main id="main">
${main}
</main>
<footer><p>From the tables of tillpaid ${site.version}. It sends nothing: what you paste stays in this page. The same in a terminal: <code>npx tillpaid explain</code>.</p></footer>
${scripts.map(script => html`<script src="${up}${script}"></script>\n`)}</body>
</html>
`.text;
}
