/** Asks the connection for its counters, every two seconds for as long as the call lasts. */

import { type Signal, signal } from '@preact/signals';
import { digest, type Entry, nothing, type Statistics } from './statistics';

const INTERVAL_MS = 2000;

export interface Watched {
  stats(): Promise<RTCStatsReport>;
  /** Names of the m-lines by `mid`. */
  readonly lines: ReadonlyMap<string, string>;
}

export class StatisticsWatch {
  readonly statistics: Signal<Statistics> = signal(nothing);
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(readonly connection: () => Watched | undefined) {
    this.#timer = setInterval(() => void this.#look(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const connection = this.connection();
    if (connection === undefined) {
      this.statistics.value = nothing;
      return;
    }
    const report = await connection.stats().catch(() => undefined);
    if (report === undefined) return;
    const entries: Entry[] = [];
    // oxlint-disable-next-line unicorn/no-array-for-each -- an RTCStatsReport is typed for it only
    report.forEach((entry: Entry) => entries.push(entry));
    this.statistics.value = digest(entries, this.statistics.value, connection.lines);
  }
}
