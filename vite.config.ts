import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import vue from '@vitejs/plugin-vue';
import { defineConfig, type Plugin } from 'vite';

const root = fileURLToPath(new URL('./renderer', import.meta.url));
const FIRST_PAINT = '/first-paint.js';

/** Ships the classic script of index.html as a hashed asset; Vite itself bundles module scripts only. */
function firstPaintScript(): Plugin {
  let fileName = '';
  return {
    name: 'atoll-first-paint',
    apply: 'build',
    async buildStart() {
      const source = await readFile(`${root}${FIRST_PAINT}`, 'utf8');
      fileName = `assets/first-paint-${createHash('sha256').update(source).digest('hex').slice(0, 8)}.js`;
      this.emitFile({ type: 'asset', fileName, source });
    },
    transformIndexHtml: {
      order: 'post',
      handler: (html) => html.replace(FIRST_PAINT, `/${fileName}`),
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
