/** Accessibility checks by axe: WCAG 2.2 A and AA, and best practices. */

import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

/** Returns the violations that axe finds on the page, as readable lines. */
export async function accessibilityViolations(page: Page): Promise<string[]> {
  // Injected through the debugger, since the page's policy blocks foreign scripts.
  if (!(await page.evaluate(`'axe' in window`))) await page.evaluate(axe.source);
  // Only violations are reported in detail.
  const results = (await page.evaluate(`axe.run({ resultTypes: ['violations'] })`)) as AxeResults;
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.join(' ')}: ${node.failureSummary ?? ''}`),
  );
}
