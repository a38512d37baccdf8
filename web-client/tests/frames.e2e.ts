/**
 * What protecting a frame costs in a worker, in both browsers: what `docs/frames.md` says of the
 * choice between WebAssembly and WebCrypto.
 *
 *   FRAMES=full npm run e2e -- tests/frames.e2e.ts
 *
 * Without FRAMES=full it takes a quick look, whose figures are rough.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { build, preview, type PreviewServer } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Figure } from './pages/frames/frames.worker';
import { openFirefox } from './support/firefox';
import { openBrowser } from './support/person';

const RESULTS = `${import.meta.dirname}/results`;

/** Runs in the page. */
interface Measured {
  figures?: Figure[];
  failed?: string;
}
const done = (): boolean => 'figures' in window || 'failed' in window;
const measured = (): Measured => {
  const { figures, failed } = window as unknown as Measured;
  return { ...(figures && { figures }), ...(failed !== undefined && { failed }) };
};

/** One line for each size. */
function report(browser: string, { figures, failed }: Measured): void {
  expect(failed).toBeUndefined();
  if (figures === undefined) throw new Error('nothing was measured');
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}/frames-${browser}.json`, JSON.stringify(figures, undefined, 2));
  const columns = [...new Set(figures.map(({ what }) => what))];
  process.stdout.write(`${browser}, µs a frame | ${columns.join(' | ')}\n`);
  for (const bytes of new Set(figures.map((one) => one.bytes))) {
    const row = columns.map((what) => {
      const us = figures.find((one) => one.what === what && one.bytes === bytes)?.us;
      return us?.toFixed(us < 10 ? 1 : 0) ?? '–';
    });
    process.stdout.write(`${bytes} B | ${row.join(' | ')}\n`);
  }
  // A slow machine does not fail the test; a missing measurement does.
  expect(figures.every(({ us }) => us > 0)).toBe(true);
}

describe('a frame', () => {
  let served: PreviewServer | undefined;
  let url = '';

  beforeAll(async () => {
    const root = `${import.meta.dirname}/pages/frames`;
    const outDir = `${RESULTS}/frames`;
    await build({
      root,
      configFile: `${import.meta.dirname}/../vite.config.ts`,
      logLevel: 'warn',
      build: { outDir, emptyOutDir: true, rolldownOptions: { input: `${root}/index.html` } },
    });
    served = await preview({ root, build: { outDir }, logLevel: 'warn' });
    url = `${served.resolvedUrls?.local[0] ?? ''}#${process.env['FRAMES'] ?? 'quick'}`;
  });
  afterAll(() => served?.close());

  it('costs this in Chromium', async () => {
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(url);
      await page.waitForFunction(done, undefined, { timeout: 100_000 });
      report('chromium', await page.evaluate(measured));
    } finally {
      await browser.close();
    }
  });

  it('costs this in Firefox', async () => {
    const browser = await openFirefox();
    try {
      const page = await browser.newPage();
      await page.goto(url);
      await page.waitForFunction(done, { timeout: 100_000 });
      report('firefox', await page.evaluate(measured));
    } finally {
      await browser.close();
    }
  });
});
