import { defineConfig } from 'vitest/config';
import { compiledMessages } from './src/i18n/compile.ts';

// The page runs under a strict content security policy: no inline script, no data: URLs for
// code, and workers as modules of their own.
export default defineConfig({
  plugins: [compiledMessages()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    rolldownOptions: {
      input: { index: 'index.html', 'service-worker': 'src/offline/service_worker.ts' },
      output: {
        // Its name is how the browser knows it again: it stays.
        entryFileNames: ({ name }) =>
          name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js',
      },
    },
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': { target: 'http://localhost:8080', ws: true } } },
  test: { include: ['src/**/*.test.ts'] },
});
