/** Measures the longest gap between two consecutive events. */
export class GapMeter {
  #lastAt: number | undefined;
  #longest = 0;

  /** Records an event at `now`, in ms. */
  record(now: number): void {
    if (this.#lastAt !== undefined) this.#longest = Math.max(this.#longest, now - this.#lastAt);
    this.#lastAt = now;
  }

  /** Returns the longest gap in whole ms, and starts to measure anew. */
  take(): number {
    const longest = Math.ceil(this.#longest);
    this.#longest = 0;
    return longest;
  }
}
