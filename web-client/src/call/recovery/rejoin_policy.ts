/** Decides when to join again after a call was lost, and when to give it up. */

import { REFUSAL_RETRY, type Refusal } from '../../signaling/protocol.gen';

/** Consecutive joins that reach the server without becoming a call before it is given up. */
export const MAX_FAILED_JOINS = 5;
/** The longest delay between two attempts. */
export const MAX_DELAY_MS = 8000;

export type RejoinCause =
  /** The server cannot be reached; the network may come back. */
  | 'unreachable'
  /** The server or the encryption requires a new join. */
  | 'lost';

export class RejoinPolicy {
  #attempts = 0;
  #failedJoins = 0;

  /** Counts an attempt; returns the delay before it in ms, or `undefined` to give up. */
  nextDelay(cause: RejoinCause, refusal?: Refusal): number | undefined {
    this.#attempts += 1;
    if (cause === 'lost') this.#failedJoins += 1;
    if (this.#failedJoins > MAX_FAILED_JOINS) return undefined;
    const requested = (refusal?.retry_after_seconds ?? 0) * 1000;
    return Math.max(requested, Math.min(MAX_DELAY_MS, this.#attempts * 500));
  }

  /** Starts counting anew: the call is live. */
  reset(): void {
    this.#attempts = 0;
    this.#failedJoins = 0;
  }
}

/** Returns whether a new join may succeed after this refusal, or after a lost connection. */
export function isRetryable(refusal: Refusal | undefined): boolean {
  return refusal === undefined || REFUSAL_RETRY[refusal.code] === 'rejoin';
}
