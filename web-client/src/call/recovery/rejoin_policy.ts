/** When to try again, and when to give a call up. */

import type { Refusal } from '../../signaling/protocol.gen';

/** Joins in a row that reached the server and did not become a call before it is given up. */
export const FRUITLESS = 5;
/** The longest wait between two tries. */
export const LONGEST_MS = 8000;

export type Cause =
  /** There is no way to the server; it may come back with the network. */
  | 'unreachable'
  /** The server, or the encryption, wants a new join. */
  | 'lost';

export class Rejoining {
  #tries = 0;
  #fruitless = 0;

  /** How long to wait before the next try, in ms; nothing when it is given up. */
  next(cause: Cause, refusal?: Refusal): number | undefined {
    this.#tries += 1;
    if (cause === 'lost') this.#fruitless += 1;
    if (this.#fruitless > FRUITLESS) return undefined;
    const asked = (refusal?.retry_after_seconds ?? 0) * 1000;
    return Math.max(asked, Math.min(LONGEST_MS, this.#tries * 500));
  }

  /** The call is live again. */
  succeeded(): void {
    this.#tries = 0;
    this.#fruitless = 0;
  }
}

/** Whether a new join can mend what the server ended the conversation for. */
export function isMendable(refusal: Refusal | undefined): boolean {
  switch (refusal?.code) {
    case undefined:
    case 'resume_expired':
    case 'shutting_down':
    case 'storage_unavailable':
    case 'too_slow':
    case 'bad_token':
      return true;
    default:
      return false;
  }
}
