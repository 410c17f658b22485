import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import vue from '@vitejs/plugin-vue';
import { defineConfig, type Plugin } from 'vite';

const root = fileURLToPath(new URL('./renderer', import.meta.url));
const FIRST_PAINT = '/first-paint.js';

/** Puts the classic script into the page's head, hashed when built; Vite itself bundles module scripts only. */
function firstPaintScript(): Plugin {
  let src = FIRST_PAINT;
  return {
    name: 'atoll-first-paint',
    async buildStart() {
      if (this.environment.mode !== 'build') return;
      const source = await readFile(`${root}${FIRST_PAINT}`, 'utf8');
      const hash = createHash('sha256').update(source).digest('hex').slice(0, 8);
      const fileName = `assets/first-paint-${hash}.js`;
      this.emitFile({ type: 'asset', fileName, source });
      src = `/${fileName}`;
    },
    transformIndexHtml: {
      order: 'post',
      handler: () => [{ tag: 'script', attrs: { src }, injectTo: 'head' }],
    },
  };
}

export default defineConfig({
  root,
  plugins: [vue(), tailwindcss(), firstPaintScript()],
  // The server puts the nonce of each response in place of this text.
  html: { cspNonce: '__ATOLL_NONCE__' },
  build: {
    outDir: '../dist/renderer',
    emptyOutDir: true,
    target: 'chrome120',
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  worker: { format: 'es' },
  server: {
    // `npm run dev` shows the page with hot reload in front of a hub started with `npm start`.
    proxy: Object.fromEntries(
      ['^/api/', '^/(?:datasets/|spaces/)?[^/]+/[^/]+/(?:resolve|raw)/', '\\.git/'].map((path) => [
        path,
        { target: 'http://127.0.0.1:8790' },
      ]),
    ),
  },
});
