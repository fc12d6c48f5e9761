import { describe, expect, it } from 'vitest';
import { constant, responseOf, type Settlement } from '../../src/index.ts';
import { bench, json, refused, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

const charge = { order: 'A1', amount: 100 };
const policy = { retry: { attempts: 1 }, poll: { backoff: constant(1000), deadlineMs: 5000 } };

const ended: [string, { sends: Step[]; polls?: Step[] }][] = [
  ['paid by its own answer', { sends: [said('PAID', { id: 'G1', nested: { list: [1, null, 'x'] } })] }],
  ['declined by its own answer', { sends: [said('DECLINED')] }],
  ['refused by its own answer', { sends: [said('REFUSED')] }],
  ['paid by a query', { sends: [reset()], polls: [state('paid', { id: 'G1' })] }],
  ['still open at the deadline', { sends: [reset()], polls: [state('pending')] }],
  ['never sent', { sends: [refused()] }],
  ['answered with a page of HTML', { sends: [() => new Response('<html>')], polls: [state('paid')] }],
];

const settled = async (script: { sends: Step[]; polls?: Step[] }): Promise<{ settlement: Settlement; b: Bench }> => {
  const b = bench({ ...script, policy });
  return { settlement: await b.clock.run(b.gateway.settle('payment.charge', charge)), b };
};

describe('a settlement is plain data', () => {
  it.each(ended)('%s: it survives structuredClone and JSON, whole', async (_title, script) => {
    const { settlement } = await settled(script);
    expect(structuredClone(settlement)).toEqual({ ...settlement });
    expect(JSON.parse(JSON.stringify(settlement))).toEqual({ ...settlement });
    expect(Object.values(settlement)).not.toContain(undefined);
  });

  it('what is asked for again is plain too', async () => {
    const { b } = await settled({ sends: [said('PAID')] });
    const again = await b.clock.run(b.gateway.settle('payment.charge', charge));
    expect(again).toMatchObject({ outcome: 'succeeded', repeated: true });
    expect(structuredClone(again)).toEqual({ ...again });
    expect(JSON.parse(JSON.stringify(again))).toEqual({ ...again });
  });

  it('whatever ended it from outside does not stand in its way', async () => {
    const thrown = Object.assign(new Error('a hook broke'), { response: new Response('x'), call: () => undefined });
    const b = bench({
      sends: [
        () => {
          throw thrown;
        },
      ],
      polls: [state('pending')],
      policy,
    });
    const settlement = await b.clock.run(b.gateway.settle('payment.charge', charge));
    expect(settlement.outcome).toBe('unresolved');
    expect(structuredClone(settlement)).toEqual({ ...settlement });
    expect(JSON.parse(JSON.stringify(settlement))).toEqual({ ...settlement });
  });

  it('keeps its cause for whoever asks by name, like an error does', async () => {
    const { settlement } = await settled({ sends: [refused()] });
    expect(settlement.outcome === 'unsent' && settlement.cause).toBeInstanceOf(TypeError);
    expect(Object.keys(settlement)).not.toContain('cause');
  });
});

describe('responseOf', () => {
  it('is the response of the exchange that settled it, the same each time', async () => {
    const { settlement } = await settled({ sends: [() => json({ code: 'PAID' }, { status: 201 })] });
    const response = responseOf(settlement);
    expect(response?.status).toBe(201);
    expect(await response?.clone().json()).toEqual({ code: 'PAID' });
    expect(responseOf(settlement)).toBe(response);
  });

  it('is what settlement.response is, which is no part of its data', async () => {
    const { settlement } = await settled({ sends: [reset()], polls: [state('paid')] });
    expect(Reflect.get(settlement, 'response')).toBe(responseOf(settlement));
    expect('response' in settlement).toBe(true);
    expect(Object.keys(settlement)).not.toContain('response');
  });

  it('is undefined where no exchange settled it, and of a copy', async () => {
    const { settlement } = await settled({ sends: [reset()], polls: [state('pending')] });
    expect(responseOf(settlement)).toBeUndefined();
    const paid = await settled({ sends: [said('PAID')] });
    expect(responseOf(structuredClone(paid.settlement))).toBeUndefined();
  });
});
