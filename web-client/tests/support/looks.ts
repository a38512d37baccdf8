/** The three ways in which every screen is looked at, and the pictures that are made of it. */

import { mkdirSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { barriers } from './axe';

const DESKTOP = { width: 1280, height: 760 };
const PHONE = { width: 390, height: 844 };

const WAYS = [
  { way: 'light', colorScheme: 'light', viewport: DESKTOP },
  { way: 'dark', colorScheme: 'dark', viewport: DESKTOP },
  { way: 'mobile', colorScheme: 'light', viewport: PHONE },
] as const;

export type Way = (typeof WAYS)[number]['way'];

/** Where `SCREENSHOTS=1` puts the pictures. */
const PICTURES = 'docs/screens';

/** Waits until a change of colours or of the window has reached every element: Chromium takes some
 * frames to give text the other one of two colours. */
async function painted(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let frame = 0; frame < 30; frame += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one frame after the other
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  });
}

/**
 * Shows a screen in every way, and tells what axe finds. `prepare` brings forth what a change of
 * the window has closed.
 */
export async function inspect(
  page: Page,
  screen: string,
  prepare: (way: Way) => Promise<void> = async () => undefined,
): Promise<string[]> {
  const found: string[] = [];
  for (const { way, colorScheme, viewport } of WAYS) {
    // Nothing is half faded in while axe measures contrasts.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize(viewport);
    await prepare(way);
    await painted(page);
    const here = await barriers(page);
    found.push(...here.map((barrier) => `${screen}, ${way}: ${barrier}`));
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    if (overflow > 0) found.push(`${screen}, ${way}: ${overflow} pixels wider than the window`);
    if (process.env['SCREENSHOTS'] !== undefined) {
      mkdirSync(PICTURES, { recursive: true });
      await page.screenshot({ path: `${PICTURES}/${screen}.${way}.png` });
    }
  }
  await page.setViewportSize(DESKTOP);
  return found;
}
