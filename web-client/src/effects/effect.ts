/** Effects on a camera's video or a microphone's audio, applied before it is sent. */

export interface Effect {
  /** The output. */
  readonly track: MediaStreamTrack;
  /** Stops the effect, not the device. */
  close(): void;
}

/** Starts an effect on a device's track. Rejects if it cannot run. */
export type ApplyEffect = (raw: MediaStreamTrack) => Promise<Effect>;
