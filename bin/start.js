// `npm start`. No static imports: node-version.js says what is wrong where Node is too old.
import('./node-version.js').then(({ onRightNode }) =>
  onRightNode(import.meta.url, async () => {
    const { setProcessMemory } = await import('./process-memory.js');
    setProcessMemory();
    const { ensureRenderer } = await import('./build.js');
    await ensureRenderer();
    await import('../server/main.ts');
  }),
);
