/** Who came and who went between two epochs. */

import type { Member, Roster } from '../../e2ee/messages';

export interface Arrivals {
  came: readonly string[];
  went: readonly string[];
}

/** Nobody "comes" with the first roster: these were there before. */
export function arrivals(before: Roster | undefined, after: Roster): Arrivals {
  if (before === undefined) return { came: [], went: [] };
  const [came, went] = [missing(after, before), missing(before, after)];
  return { came: names(came, went), went: names(went, came) };
}

/** Those in `from` who are not in `here`. */
function missing(from: Roster, here: Roster): Member[] {
  const present = new Set(here.members.map((one) => one.participant));
  return from.members.filter((one) => !one.own && !present.has(one.participant));
}

/** Their names, without those who only change places: the same person, whose page was loaded
 * anew. */
function names(these: Member[], those: Member[]): string[] {
  const codes = new Set(those.map((one) => one.pairwiseCode));
  const moved = (one: Member): boolean =>
    one.pairwiseCode !== undefined && codes.has(one.pairwiseCode);
  return these.filter((one) => !moved(one)).map((one) => one.name);
}
