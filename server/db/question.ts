import type { Compilable, CompiledQuery, Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** Stands for a value that is only known when the question is asked. */
class Slot {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A question whose SQL is built once. Building and compiling a query costs several times what SQLite takes to
 * answer it, so the questions of every request are made with this: `build` gets a stand-in for each value, and the
 * values themselves are bound when the question is asked.
 */
export function createQuestion<Values extends object, Row>(
  db: Kysely<Tables>,
  build: (value: <Name extends keyof Values & string>(name: Name) => Values[Name]) => Compilable<Row>,
): (values: Values) => Promise<readonly Row[]> {
  let compiled: CompiledQuery<Row> | undefined;
  return async (values) => {
    compiled ??= build(
      <Name extends keyof Values & string>(name: Name) => new Slot(name) as Values[Name],
    ).compile();
    const parameters = compiled.parameters.map((parameter) =>
      parameter instanceof Slot ? values[parameter.name as keyof Values] : parameter,
    );
    return (await db.executeQuery<Row>({ ...compiled, parameters })).rows;
  };
}
