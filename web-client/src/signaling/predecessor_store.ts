/**
 * Hands a participant over from a page to the one that replaces it after a reload, in the same tab.
 * It is stored only from the end of the old page to the start of the new one, so that a duplicated
 * tab does not replace the first one.
 */

import * as v from 'valibot';
import type { Predecessor } from './protocol.gen';

const KEY = 'orange-meets.predecessor';

const stored: v.GenericSchema<{ room: string; predecessor: Predecessor }> = v.object({
  room: v.string(),
  predecessor: v.object({ participant: v.number(), resume_token: v.string() }),
});

/** Stores the participant for the next page. */
export function storePredecessor(room: string, predecessor: Predecessor): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ room, predecessor }));
  } catch {
    // Storage is unavailable: the server will notice that the participant is gone.
  }
}

/** Removes and returns what was stored; `undefined` if it belongs to another room. */
export function takePredecessor(room: string): Predecessor | undefined {
  try {
    const text = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    const found = v.safeParse(stored, text === null ? undefined : JSON.parse(text));
    return found.success && found.output.room === room ? found.output.predecessor : undefined;
  } catch {
    return undefined;
  }
}
