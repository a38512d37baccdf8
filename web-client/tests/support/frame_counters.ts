/** The media worker's frame counters, read from its reports to the page. */

import type { Page } from 'playwright-core';
import type { Counters, SentCounters } from '../../src/e2ee/messages';

/** A report and its arrival time, in ms. */
export interface Report {
  at: number;
  slots: Record<string, Counters>;
  sent: Record<number, SentCounters>;
}

interface ReportingWindow {
  reports: Report[];
}

/** Keeps every report from the next page load. */
export async function keepReports(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const reports: Report[] = [];
    Object.assign(window, { reports });
    const Original = window.Worker;
    window.Worker = class extends Original {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        if (options?.name !== 'media') return;
        this.addEventListener('message', ({ data }: MessageEvent) => {
          const report = data as Report & { type: string };
          if (report.type === 'counters') reports.push({ ...report, at: performance.now() });
        });
      }
    };
  });
}

export function reportsOf(page: Page): Promise<Report[]> {
  return page.evaluate(() => (window as unknown as ReportingWindow).reports);
}

/** The change of a source's or slot's counters between two reports. */
export interface CounterDelta {
  frames: number;
  /** Frames withheld or dropped, by reason. */
  lost: Record<string, number>;
  /** Frames that arrived before their key. */
  waited: number;
  gapMs: number;
}

/** Returns the change of an own context's counters over these reports. */
export function sentOver(reports: readonly Report[], context: number): CounterDelta {
  const all = reports.flatMap(({ sent }) => sent[context] ?? []);
  const [first, last] = [all[0], all.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was sent');
  return {
    frames: last.encrypted - first.encrypted,
    lost: differences({ withheld: first.withheld }, { withheld: last.withheld }),
    waited: 0,
    gapMs: longest(all),
  };
}

/** Returns the change of a slot's counters over these reports. */
export function receivedOver(reports: readonly Report[], slot: string): CounterDelta {
  const all = reports.flatMap(({ slots }) => slots[slot] ?? []);
  const [first, last] = [all[0], all.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was received');
  return {
    frames: last.decrypted - first.decrypted,
    lost: differences(first.dropped, last.dropped),
    waited: last.waited - first.waited + last.waiting,
    gapMs: longest(all),
  };
}

/** Returns the longest gap. The first report's gap lies before the interval. */
function longest(all: readonly { gapMs: number }[]): number {
  return Math.max(0, ...all.slice(1).map(({ gapMs }) => gapMs));
}

function differences(
  before: Record<string, number>,
  after: Record<string, number>,
): Record<string, number> {
  const counted = Object.entries(after).map(
    ([reason, count]) => [reason, count - (before[reason] ?? 0)] as const,
  );
  return Object.fromEntries(counted.filter(([, count]) => count > 0));
}
