import type { SettledBy, Settlement, Verdict } from '../src/index.ts';

/** The shape of an outcome, as the compiler knows it. */
type Of<O, S = Settlement> = S extends { outcome: infer Own } ? (O extends Own ? S : never) : never;

/** What a settlement may have beside what every one has. */
type Beside = 'answer' | 'answerOmitted' | 'body' | 'response' | 'ownVerdict' | 'otherVerdict' | 'repeated' | 'cause';

/** Of these, what a settlement's type says that there may be. */
type MayHave<S, Name extends Beside = Beside> = Name extends keyof S
  ? [Exclude<S[Name], undefined>] extends [never]
    ? never
    : Name
  : never;

interface Shape {
  readonly verdicts: readonly Verdict['kind'][];
  readonly settledBy: readonly SettledBy[];
  readonly mayHave: readonly Beside[];
}

type Shapes = {
  readonly [O in Settlement['outcome']]: {
    readonly verdicts: readonly Of<O>['verdict']['kind'][];
    readonly settledBy: readonly Of<O>['settledBy'][];
    readonly mayHave: readonly MayHave<Of<O>>[];
  };
};

const ended = {
  verdicts: ['terminal'],
  settledBy: ['answer', 'query', 'webhook'],
  mayHave: ['answer', 'answerOmitted', 'body', 'response', 'ownVerdict', 'repeated'],
} as const;

/** The types once more, as data: the compiler refuses what they do not allow. */
const shapes: Readonly<Record<Settlement['outcome'], Shape>> = {
  succeeded: ended,
  failed: ended,
  canceled: ended,
  expired: ended,
  refunded: ended,
  authorized: ended,
  created: { ...ended, settledBy: ['answer', 'query'] },
  rejected: {
    verdicts: ['terminal', 'retryable'],
    settledBy: ['answer'],
    mayHave: ['answer', 'answerOmitted', 'body', 'response', 'otherVerdict'],
  },
  absent: { verdicts: ['poll-required'], settledBy: ['query'], mayHave: ['body', 'response', 'ownVerdict'] },
  unresolved: {
    verdicts: ['terminal', 'retryable', 'poll-required'],
    settledBy: ['none'],
    mayHave: ['answer', 'answerOmitted', 'ownVerdict', 'otherVerdict', 'cause'],
  },
  unsent: { verdicts: ['retryable', 'poll-required'], settledBy: ['none'], mayHave: ['cause'] },
} satisfies Shapes;

const always = ['outcome', 'verdict', 'settledBy', 'ticket', 'reference', 'attempts', 'polls', 'elapsedMs', 'timeline'];
/** Whatever the outcome, `cancel` may be there: it says nothing about it. */
const beside: readonly Beside[] = [
  'answer',
  'answerOmitted',
  'body',
  'response',
  'ownVerdict',
  'otherVerdict',
  'repeated',
  'cause',
];

/** In what a settlement is not what its type says; `undefined` when it is. */
export function unlikeItsType(settlement: Settlement): string | undefined {
  const { outcome, verdict, settledBy } = settlement;
  const shape = shapes[outcome];
  const missing = always.filter(name => Reflect.get(settlement, name) === undefined);
  if (missing.length > 0) return `${outcome} without ${missing.join(', ')}`;
  if (!shape.settledBy.includes(settledBy)) return `${outcome} by ${settledBy}`;
  if (!shape.verdicts.includes(verdict.kind)) return `${outcome} with a verdict that is ${verdict.kind}`;
  if (outcome !== 'unresolved' && verdict.kind === 'terminal' && verdict.outcome !== outcome)
    return `${outcome} with a verdict that says ${verdict.outcome}`;
  const tooMuch = beside.filter(name => !shape.mayHave.includes(name) && name in settlement);
  if (tooMuch.length > 0) return `${outcome} with ${tooMuch.join(', ')}`;
  const unknown = Object.keys(settlement).filter(
    name =>
      name !== 'cancel' &&
      !always.includes(name) &&
      (!beside.some(each => each === name) || ['response', 'cause'].includes(name)),
  );
  if (unknown.length > 0) return `${outcome} with ${unknown.join(', ')} for all to see`;
  const copied = JSON.stringify(structuredClone(settlement));
  return copied === JSON.stringify(settlement) ? undefined : `${outcome} that is no plain data`;
}
