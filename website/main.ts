import { fileURLToPath } from 'node:url';
import { buildSite } from './build.ts';

/** `npm run docs`: builds it into `site/`, or into the folder that is named. */
const folder = process.argv[2] ?? fileURLToPath(new URL('../site/', import.meta.url));
const { pages } = await buildSite(folder);
console.log(`${pages} pages in ${folder}. Open index.html there; it needs no server.`);
