import type { Settlement } from '../core/settlement.ts';

/**
 * A schema of zod, valibot, arktype or whoever else keeps to Standard Schema: as much of it as is used.
 *
 * @see https://standardschema.dev
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly validate: (value: unknown) => Checked<Output> | Promise<Checked<Output>>;
  };
}

/** What a schema says of an answer: its value, or why it is none. As Standard Schema has it. */
export type Checked<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly value?: undefined; readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * Checks a settlement's `answer` by a schema. The settlement stays as it is: what the answer looks like says nothing
 * about the money, so that an answer with issues is still paid, declined or open, as `outcome` says.
 *
 * Resolves to issues also where there is no answer (it was lost, or a journal keeps none) and where the schema threw.
 * It never rejects.
 *
 * @example
 * ```ts
 * import { z } from 'zod';
 *
 * const Order = z.object({ order_url: z.url(), zp_trans_token: z.string() });
 *
 * const settlement = await gateway.settle('payment.create', fields);
 * const { value, issues } = await validateAnswer(settlement, Order);
 * if (issues === undefined) showQrCode(value.order_url);
 * else if (settlement.outcome === 'created') await cancelAndMakeAnother(settlement.ticket); // It exists, with or without its link.
 * ```
 */
export async function validateAnswer<Output>(
  settlement: Settlement,
  schema: StandardSchema<Output>,
): Promise<Checked<Output>> {
  const { answer, answerOmitted } = settlement;
  if (answer === undefined)
    return noValue(
      answerOmitted === true
        ? 'There is no answer: it comes from a journal, which keeps none. The outcome stands.'
        : 'There is no answer: it was lost, or none came. The outcome stands.',
    );
  try {
    // A schema may change what it is given; the settlement is remembered, and given to others.
    const checked = await schema['~standard'].validate(structuredClone(answer));
    // Some libraries give, beside the issues, a value that has them.
    return checked.issues === undefined ? checked : { issues: checked.issues };
  } catch (error) {
    return noValue(`The schema threw ${error instanceof Error ? error.name : 'something'}. The outcome stands.`);
  }
}

const noValue = (message: string): Checked<never> => ({ issues: [{ message }] });
