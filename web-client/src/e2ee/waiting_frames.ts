/** Holds frames that arrived before their key: for a moment, in order, and a bounded number. */

export const WAIT_MS = 500;
export const MAX_FRAMES = 64;

export class WaitingFrames<Frame> {
  #frames: { frame: Frame; since: number }[] = [];

  get length(): number {
    return this.#frames.length;
  }

  /** Adds a frame; returns how many older ones were dropped. */
  push(frame: Frame, now: number): number {
    const dropped = this.expire(now);
    this.#frames.push({ frame, since: now });
    if (this.#frames.length <= MAX_FRAMES) return dropped;
    this.#frames.shift();
    return dropped + 1;
  }

  /** Drops frames that waited longer than `WAIT_MS`; returns how many. */
  expire(now: number): number {
    const before = this.#frames.length;
    this.#frames = this.#frames.filter(({ since }) => now - since <= WAIT_MS);
    return before - this.#frames.length;
  }

  /** Removes and returns all frames in order. */
  take(): Frame[] {
    const frames = this.#frames.map(({ frame }) => frame);
    this.#frames = [];
    return frames;
  }
}
