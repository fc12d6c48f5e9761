import { describe, it } from 'vitest';
import { memoryJournal } from '../../src/journal/index.ts';
import { journalContract, manualClock } from '../../src/testing/index.ts';

const clock = manualClock();
const { store } = memoryJournal({ clock });

journalContract(
  {
    name: 'memory',
    open: () => store,
    nowMs: () => clock.now(),
    pass: ms => clock.advance(ms),
    userTransaction: work => store.transaction(work),
  },
  { describe, it },
);
