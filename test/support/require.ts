import { describe, test } from 'vitest';
import { findTool, variableOf, type ToolName } from './tools.ts';

/**
 * `describe` for tests that need outside programs; their paths are handed in. When one is missing, the tests are
 * skipped and the title says why; with `ATOLL_TEST_REQUIRE=all` they fail instead.
 */
export function describeWithTools<Name extends ToolName>(
  title: string,
  names: readonly Name[],
  tests: (tools: Readonly<Record<Name, string>>) => void,
): void {
  const tools: Partial<Record<Name, string>> = {};
  const missing: Name[] = [];
  for (const name of names) {
    const path = findTool(name);
    if (path === undefined) missing.push(name);
    else tools[name] = path;
  }
  if (missing.length === 0) {
    describe(title, () => tests(tools as Record<Name, string>));
    return;
  }
  const variables = missing.map(variableOf).join(', ');
  const sentence = `${missing.join(', ')} not found: run .ci/tools or set ${variables}`;
  describe(title, () => {
    if (process.env.ATOLL_TEST_REQUIRE === 'all') {
      test(sentence, () => {
        throw new Error(sentence);
      });
    } else {
      test.skip(sentence);
    }
  });
}
