import { fileURLToPath } from 'node:url';
import { buildExplorer } from './build.ts';

/** `npm run explorer`: builds it into `site/explorer`, or into the folder that is named. */
const folder = process.argv[2] ?? fileURLToPath(new URL('../site/explorer/', import.meta.url));
const count = await buildExplorer(folder);
console.log(`${count} files in ${folder}. Open index.html there; it needs no server.`);
