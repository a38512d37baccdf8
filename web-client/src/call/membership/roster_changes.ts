/** Finds the members that joined and left the group between two epochs. */

import type { Member, Roster } from '../../e2ee/messages';

/** Names, in roster order. */
export interface RosterChanges {
  joined: readonly string[];
  left: readonly string[];
}

/** Compares two rosters. Members of the first roster were there before, so none of them joined. */
export function rosterChanges(before: Roster | undefined, after: Roster): RosterChanges {
  if (before === undefined) return { joined: [], left: [] };
  const [joined, left] = [missing(after, before), missing(before, after)];
  return { joined: names(joined, left), left: names(left, joined) };
}

/** Returns the members of one roster that another one does not have. */
function missing(from: Roster, other: Roster): Member[] {
  const present = new Set(other.members.map((one) => one.participant));
  return from.members.filter((one) => !one.own && !present.has(one.participant));
}

/** Returns the names without members that only changed their participant id: the same person, whose
 * page was reloaded. */
function names(these: Member[], those: Member[]): string[] {
  const codes = new Set(those.map((one) => one.pairwiseCode));
  const rejoined = (one: Member): boolean =>
    one.pairwiseCode !== undefined && codes.has(one.pairwiseCode);
  return these.filter((one) => !rejoined(one)).map((one) => one.name);
}
