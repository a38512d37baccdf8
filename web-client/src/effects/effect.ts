/** What is done to a camera's picture or a microphone's sound before anybody gets it. */

export interface Effect {
  /** What comes out. */
  readonly track: MediaStreamTrack;
  /** Ends the effect, not the device. */
  close(): void;
}

/** Puts the effect behind a device. Rejects where it cannot run. */
export type ApplyEffect = (raw: MediaStreamTrack) => Promise<Effect>;
