/** Polls the statistics of the connection during a call. */

import { type ReadonlySignal, signal } from '@preact/signals';
import { emptyStatistics, type Entry, type Statistics, updateStatistics } from './statistics';

const INTERVAL_MS = 2000;

/** The part of a connection that is polled. */
export interface PolledConnection {
  stats(): Promise<RTCStatsReport>;
  /** The use of each m-line by its `mid`. */
  readonly lines: ReadonlyMap<string, string>;
}

export class StatisticsPoller {
  readonly #statistics = signal(emptyStatistics);
  readonly statistics: ReadonlySignal<Statistics> = this.#statistics;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(readonly connection: () => PolledConnection | undefined) {
    this.#timer = setInterval(() => void this.#poll(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #poll(): Promise<void> {
    const connection = this.connection();
    if (connection === undefined) {
      this.#statistics.value = emptyStatistics;
      return;
    }
    const report = await connection.stats().catch(() => undefined);
    if (report === undefined) return;
    const entries: Entry[] = [];
    // oxlint-disable-next-line unicorn/no-array-for-each -- an RTCStatsReport is typed for it only
    report.forEach((entry: Entry) => entries.push(entry));
    this.#statistics.value = updateStatistics(entries, this.#statistics.value, connection.lines);
  }
}
