/**
 * Runs the tests: all projects of vitest.config.ts, or those named as arguments (`npm test -- unit house`). Other
 * arguments go to vitest (`npm test -- unit -t 'name'`). Says at the end what was skipped and why; the last line
 * is `N passed, N failed, N skipped`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECTS = ['house', 'unit', 'conformance', 'integration', 'clients', 'desktop'];

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const projects = args.filter((arg) => PROJECTS.includes(arg));
const others = args.filter((arg) => !PROJECTS.includes(arg));

const scratch = await mkdtemp(join(tmpdir(), 'atoll-test-'));
let counts;
let exitCode;
try {
  const reportFile = join(scratch, 'report.json');
  exitCode = await runVitest(reportFile);
  counts = await readReport(reportFile);
} finally {
  await rm(scratch, { recursive: true, force: true });
}

if (counts === undefined) {
  console.log('\nvitest ended without a report.');
  counts = { passed: 0, failed: 1, skipped: [] };
}
if (counts.skipped.length > 0) {
  console.log('\nSkipped:');
  for (const line of counts.skipped) console.log(`  ${line}`);
}
// A file that fails outside its tests, or an unhandled error, fails the run without a failed test.
if (exitCode !== 0 && counts.failed === 0) counts.failed = 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped`);
process.exitCode = exitCode === 0 && counts.failed === 0 ? 0 : 1;

/** Node 24 of the project comes first on the path, also for what the tests start. */
async function runVitest(reportFile) {
  const child = spawn(
    'node',
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${reportFile}`,
      ...projects.flatMap((name) => ['--project', name]),
      ...others,
    ],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, PATH: join(root, 'node_modules/.bin') + delimiter + process.env.PATH },
    },
  );
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

/** `undefined` if vitest did not get as far as writing a report. */
async function readReport(reportFile) {
  let text;
  try {
    text = await readFile(reportFile, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
  const counted = { passed: 0, failed: 0, skipped: [] };
  for (const file of JSON.parse(text).testResults) {
    const path = relative(root, file.name);
    if (file.status === 'failed' && file.assertionResults.length === 0) counted.failed++;
    for (const { status, ancestorTitles, title } of file.assertionResults) {
      if (status === 'passed') counted.passed++;
      else if (status === 'failed') counted.failed++;
      else counted.skipped.push([path, ...ancestorTitles, title].join(' > '));
    }
  }
  return counted;
}
