/** Looks for barriers by axe: WCAG 2.2 A and AA, and its best practices. */

import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

/** What axe finds on the page as it is now, in words. */
export async function barriers(page: Page): Promise<string[]> {
  // By the debugger: the page itself lets no foreign script in.
  await page.evaluate(axe.source);
  const results = (await page.evaluate('axe.run()')) as AxeResults;
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.join(' ')}: ${node.failureSummary ?? ''}`),
  );
}
