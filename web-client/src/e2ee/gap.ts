/** The longest time between two events that follow one another, until somebody asks. */
export class Gap {
  #last: number | undefined;
  #longest = 0;

  note(now: number): void {
    if (this.#last !== undefined) this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
  }

  /** What it was, in whole milliseconds; from now on it is measured anew. */
  take(): number {
    const longest = Math.ceil(this.#longest);
    this.#longest = 0;
    return longest;
  }
}
