/** Who came and who went between two epochs. */

import type { Roster } from '../e2ee/messages';

export interface Arrivals {
  came: readonly string[];
  went: readonly string[];
}

/** Nobody "comes" with the first roster: these were there before. */
export function arrivals(before: Roster | undefined, after: Roster): Arrivals {
  if (before === undefined) return { came: [], went: [] };
  return { came: missing(after, before), went: missing(before, after) };
}

/** The names of those in `from` who are not in `here`. */
function missing(from: Roster, here: Roster): string[] {
  const present = new Set(here.members.map((one) => one.participant));
  const gone = from.members.filter((one) => !one.own && !present.has(one.participant));
  return gone.map((one) => one.name);
}
