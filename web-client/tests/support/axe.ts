/** Looks for barriers by axe: WCAG 2.2 A and AA, and its best practices. */

import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

/** What axe finds on the page as it is now, in words. */
export async function barriers(page: Page): Promise<string[]> {
  // By the debugger: the page itself lets no foreign script in.
  if (!(await page.evaluate(`'axe' in window`))) await page.evaluate(axe.source);
  // What is in order need not be described.
  const results = (await page.evaluate(`axe.run({ resultTypes: ['violations'] })`)) as AxeResults;
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.join(' ')}: ${node.failureSummary ?? ''}`),
  );
}
