/** Inspects a screen in three modes (light, dark, phone), and takes its screenshots. */

import { mkdirSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { accessibilityViolations } from './axe';

const DESKTOP = { width: 1280, height: 760 };
const PHONE = { width: 390, height: 844 };

const MODES = [
  { mode: 'light', colorScheme: 'light', viewport: DESKTOP },
  { mode: 'dark', colorScheme: 'dark', viewport: DESKTOP },
  { mode: 'mobile', colorScheme: 'light', viewport: PHONE },
] as const;

export type Mode = (typeof MODES)[number]['mode'];

/** Folder for the screenshots that `SCREENSHOTS=1` takes. */
const SCREENSHOTS = 'docs/screens';

/** Waits until a change of theme or window size is painted. Chromium takes several frames to switch
 * the colour of text. */
async function painted(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let frame = 0; frame < 30; frame += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one frame after the other
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  });
}

/**
 * Shows a screen in every mode and returns its accessibility violations. `prepare` reopens what a
 * change of the window size has closed.
 */
export async function inspect(
  page: Page,
  screen: string,
  prepare: (mode: Mode) => Promise<void> = async () => undefined,
): Promise<string[]> {
  const found: string[] = [];
  for (const { mode, colorScheme, viewport } of MODES) {
    // No element is half faded in while axe measures contrast.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize(viewport);
    await prepare(mode);
    await painted(page);
    const violations = await accessibilityViolations(page);
    found.push(...violations.map((violation) => `${screen}, ${mode}: ${violation}`));
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    if (overflow > 0) found.push(`${screen}, ${mode}: ${overflow} pixels wider than the window`);
    if (process.env['SCREENSHOTS'] !== undefined) {
      mkdirSync(SCREENSHOTS, { recursive: true });
      await page.screenshot({ path: `${SCREENSHOTS}/${screen}.${mode}.png` });
    }
  }
  await page.setViewportSize(DESKTOP);
  return found;
}
