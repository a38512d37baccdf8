/** Frames whose key is not here yet: they wait a moment, in order, and not without bound. */

export const WAIT_MS = 500;
export const WAIT_FRAMES = 64;

export class WaitingFrames<Frame> {
  #frames: { frame: Frame; since: number }[] = [];

  get length(): number {
    return this.#frames.length;
  }

  /** Keeps a frame; returns how many older ones had to go for it. */
  push(frame: Frame, now: number): number {
    const gone = this.expire(now);
    this.#frames.push({ frame, since: now });
    if (this.#frames.length <= WAIT_FRAMES) return gone;
    this.#frames.shift();
    return gone + 1;
  }

  /** Lets go of what has waited too long; returns how many that were. */
  expire(now: number): number {
    const before = this.#frames.length;
    this.#frames = this.#frames.filter(({ since }) => now - since <= WAIT_MS);
    return before - this.#frames.length;
  }

  /** Takes all that waits, in order. */
  take(): Frame[] {
    const frames = this.#frames.map(({ frame }) => frame);
    this.#frames = [];
    return frames;
  }
}
