import { writeFileSync } from 'node:fs';
import { thirdParty } from './licences.ts';

/** `npm run licences`. */
writeFileSync(new URL('../../THIRD-PARTY.md', import.meta.url), thirdParty());
