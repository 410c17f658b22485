import { z } from 'zod';

/*
 * Query strings arrive as lists of texts by name; `name[]` and `name` are the same (contract 0.1). A name that
 * is not a list may stand once.
 */
const once = z.array(z.string()).max(1, 'must be given once');

/** `true`, `false`, and the spellings of old clients. */
export const flag = once.optional().transform((values, context): boolean | undefined => {
  const text = values?.[0];
  if (text === undefined) return undefined;
  if (['true', 'True', '1'].includes(text)) return true;
  if (['false', 'False', '0'].includes(text)) return false;
  context.addIssue({ code: 'custom', message: 'must be true or false' });
  return z.NEVER;
});

export const text = (maxLength: number): z.ZodType<string | undefined, string[] | undefined> =>
  once.optional().transform((values, context): string | undefined => {
    const value = values?.[0];
    if (value !== undefined && value.length > maxLength) {
      context.addIssue({ code: 'custom', message: `must have at most ${maxLength} characters` });
      return z.NEVER;
    }
    return value;
  });

/** A plain decimal integer. Values above `max` are clamped to it, as the Hub does for page sizes. */
export const integer = (min: number, max: number): z.ZodType<number | undefined, string[] | undefined> =>
  once.optional().transform((values, context): number | undefined => {
    const value = values?.[0];
    if (value === undefined) return undefined;
    if (!/^[0-9]{1,15}$/.test(value) || Number(value) < min) {
      context.addIssue({ code: 'custom', message: `must be an integer of at least ${min}` });
      return z.NEVER;
    }
    return Math.min(Number(value), max);
  });

export const choice = <const Values extends readonly [string, ...string[]]>(
  values: Values,
): z.ZodType<Values[number] | undefined, string[] | undefined> =>
  once.optional().transform((given, context): Values[number] | undefined => {
    const value = given?.[0];
    if (value === undefined) return undefined;
    if (!values.includes(value)) {
      context.addIssue({ code: 'custom', message: `must be one of [${values.join(', ')}]` });
      return z.NEVER;
    }
    return value;
  });

const lists = new WeakSet<z.core.$ZodType>();

export function list(maxItems: number): z.ZodType<readonly string[], string[] | undefined> {
  const schema = z
    .array(z.string().max(256))
    .max(maxItems)
    .optional()
    .transform((values) => values ?? []);
  lists.add(schema);
  return schema;
}

/** Values that clients repeat, or put commas between; empty ones do not count. */
export function commaList(maxItems: number): z.ZodType<readonly string[], string[] | undefined> {
  const schema = list(maxItems).transform((given) =>
    given.flatMap((one) => one.split(',')).filter((one) => one !== ''),
  );
  lists.add(schema);
  return schema;
}

/** Whether a query takes a value of this name, and whether several of them. */
export function takes(query: z.ZodType, name: string): 'list' | 'one' | undefined {
  if (!(query instanceof z.ZodObject) || !Object.hasOwn(query.shape, name)) return undefined;
  return lists.has(query.shape[name] as z.core.$ZodType) ? 'list' : 'one';
}

/** A query whose names do not matter: clients may send what they like, and it is not read. */
export const ignored = z.looseObject({});
