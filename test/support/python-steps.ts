import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { beforeAll, test } from 'vitest';

interface Report {
  readonly step: string;
  readonly seconds: number;
  readonly failure: string | null;
}

export interface PythonLane {
  /** As in its title; the scripts read the era of the client from it. */
  readonly name: string;
  readonly python: string;
  /** A file of test/clients/python, without `.py`. */
  readonly script: string;
  readonly env?: Readonly<Record<string, string>>;
}

const fileOf = (script: string): string =>
  fileURLToPath(new URL(`../clients/python/${script}.py`, import.meta.url));

/** Nothing of the tests' own environment but what a program needs to run. */
const environment = (lane: PythonLane): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  LANG: 'C.UTF-8',
  PYTHONDONTWRITEBYTECODE: '1',
  LANE: lane.name,
  ...lane.env,
});

/**
 * One test per step of a script, all steps run by one process with `facts` as its standard input. The process
 * starts before the first test and each test waits for its step.
 */
export function testPythonSteps(lane: PythonLane, facts: () => unknown): void {
  const listed = execFileSync(lane.python, [fileOf(lane.script), '--list'], { env: environment(lane) });
  const steps = JSON.parse(listed.toString()) as readonly string[];
  const reports = new Map(steps.map((step) => [step, Promise.withResolvers<Report>()]));

  beforeAll(() => {
    const child = spawn(lane.python, [fileOf(lane.script)], {
      env: environment(lane),
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
    child.stdin.end(JSON.stringify(facts()));
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-20_000)));
    createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => {
      const report = JSON.parse(line) as Report;
      reports.get(report.step)?.resolve(report);
    });
    child.on('close', (code) => {
      for (const [step, report] of reports)
        report.resolve({ step, seconds: 0, failure: `The process ended with ${String(code)}: ${output}` });
    });
    return () => {
      child.kill();
    };
  });

  for (const [step, report] of reports) {
    test(step, async ({ annotate }) => {
      const { seconds, failure } = await report.promise;
      await annotate(`${seconds.toFixed(1)} s`, 'duration');
      if (failure !== null) throw new Error(failure);
    });
  }
}
