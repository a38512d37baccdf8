/**
 * The place in a meeting that a page leaves behind when it is loaded anew, for its successor in
 * the same tab. It lies there only from the old page's end to the new one's beginning, so that a
 * tab which is duplicated does not throw the first one out.
 */

import * as v from 'valibot';
import type { Predecessor } from './protocol.gen';

const KEY = 'orange-meets.place';

const kept: v.GenericSchema<{ room: string; place: Predecessor }> = v.object({
  room: v.string(),
  place: v.object({ participant: v.number(), resume_token: v.string() }),
});

/** Leaves a place behind. */
export function keepPlace(room: string, place: Predecessor): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ room, place }));
  } catch {
    // Nothing can be stored here: the server notices by itself that nobody is there any more.
  }
}

/** Takes what was left behind, once; of another room it is of no use to anybody. */
export function takePlace(room: string): Predecessor | undefined {
  try {
    const text = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    const found = v.safeParse(kept, text === null ? undefined : JSON.parse(text));
    return found.success && found.output.room === room ? found.output.place : undefined;
  } catch {
    return undefined;
  }
}
