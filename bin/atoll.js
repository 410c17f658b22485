#!/usr/bin/env node
// The command line. No static imports: node-version.js says what is wrong where Node is too old.
import('./node-version.js').then(({ onRightNode }) =>
  onRightNode(import.meta.url, async () => {
    const { runCommandLine } = await import('../server/cli.ts');
    process.exitCode = await runCommandLine(process.argv.slice(2), {
      async beforeStart() {
        (await import('./process-memory.js')).setProcessMemory();
        await (await import('./build.js')).ensureRenderer();
      },
    });
  }),
);
