import { z } from 'zod';
import { defineCommand } from '../command.ts';

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Check that everything the hub keeps is there and fits together.',
  positionals: [],
  flags: { full: { form: 'switch', doc: 'Also read and hash every large object, pack and hot row whole.' } },
  input: z.object({ full: z.boolean() }),
  prepare: (given) => ({ full: given.has('full') }),
  run: ({ runDoctor }, options) => runDoctor(options),
  print({ problems, checked }) {
    const looked = Object.entries(checked).map(([what, count]) => `${count} ${what}`);
    const lines = problems.map(
      ({ invariant, repo, what }) => `${invariant}  ${repo === undefined ? '' : `${repo}: `}${what}`,
    );
    const verdict =
      problems.length === 0 ? 'No problems.' : `${problems.length} problem${problems.length > 1 ? 's' : ''}.`;
    return [...lines, `${verdict} Checked: ${looked.join(', ') || 'nothing'}.`, ''].join('\n');
  },
  exitCode: ({ problems }) => (problems.length > 0 ? 1 : 0),
});
