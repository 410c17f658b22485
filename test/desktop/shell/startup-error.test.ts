import { expect, test } from 'vitest';
import { hubFailureCodes } from '../../../server/contract/desktop.ts';
import type { HubFailure } from '../../../electron/hub-process.ts';
import { startupProblem } from '../../../electron/startup-error.ts';

const failure = (code: HubFailure['code'], details: HubFailure['details'] = {}): HubFailure => ({
  code,
  message: 'What the hub said.',
  details,
  output: ['printed last'],
});
const actionsOf = (code: HubFailure['code']): string[] =>
  startupProblem(failure(code)).actions.map(({ action }) => action);

test.each([...hubFailureCodes, 'Timeout', 'Crashed'] as const)(
  '%s has a page without any facts known, a way out, and the hub’s own words in the details',
  (code) => {
    const problem = startupProblem(failure(code));
    expect(problem.code).toBe(code);
    expect(problem.title).toMatch(/^[A-Z][^.!]+$/);
    expect(problem.text).toMatch(/[.]$/);
    expect(problem.actions.map(({ action }) => action)).toContain('quit');
    expect(problem.output).toEqual(['What the hub said.', 'printed last']);
    expect(JSON.stringify(problem)).not.toContain('undefined');
  },
);

test('each failure offers what helps against it', () => {
  expect(actionsOf('PortTaken')[0]).toBe('usePort');
  expect(actionsOf('DataFolderLocked')).toEqual(['restartServer', 'quit']);
  expect(actionsOf('NewerDatabase')).not.toContain('restartServer');
  for (const code of ['FolderNotWritable', 'BadConfig', 'StartFailed', 'Crashed', 'Timeout'] as const) {
    expect(actionsOf(code)).toEqual(['restartServer', 'openDataFolder', 'quit']);
  }
});

test('the pages name what the hub found', () => {
  const port = startupProblem(failure('PortTaken', { port: 8790, holder: 'nginx (pid 812)' }));
  expect(port.title).toBe('Port 8790 is in use');
  expect(port.facts).toEqual(['Held by nginx (pid 812)']);
  expect(startupProblem(failure('PortTaken', { port: 8790 })).facts).toEqual(['What the hub said.']);
  const locked = startupProblem(failure('DataFolderLocked', { folder: '/data', holder: 'atoll (pid 9)' }));
  expect(locked.facts).toEqual(['Data folder: /data', 'Held by atoll (pid 9)']);
  const config = startupProblem(failure('BadConfig', { problems: ['port (ATOLL_PORT) is no number'] }));
  expect(config.facts).toEqual(['port (ATOLL_PORT) is no number']);
  const newer = startupProblem(failure('NewerDatabase', { folder: '/data', writtenBy: '2.0.0' }));
  expect(newer.facts).toEqual(['Data folder: /data', 'Last used by version 2.0.0']);
});
