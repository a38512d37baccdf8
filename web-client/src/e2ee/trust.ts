/**
 * Whom this browser knows: trust on first use, and verification by comparing codes. An identity
 * key is remembered when it is first met; comparing the pairwise code pins it for good. Somebody
 * who comes under a known name with another key is told apart loudly.
 */

/** What is remembered of an identity key. */
export interface Known {
  /** The Ed25519 key, as hexadecimal digits. */
  key: string;
  /** The name that it came with last. */
  name: string;
  /** Its code was compared and found the same. */
  verified: boolean;
  firstMet: number;
  lastMet: number;
  /** The rooms where it was met, newest last. */
  rooms: readonly string[];
}

export type Trust =
  /** This browser's own key, here or in another window. */
  | 'own'
  /** Compared by code. */
  | 'verified'
  /** Met before, under the same key. */
  | 'known'
  /** Met for the first time. */
  | 'new'
  /** Whoever had this name in this room had another key. */
  | 'changed';

/** Keys that are remembered; the ones not met for the longest time are forgotten, verified ones
 * last. */
export const PEOPLE = 2000;
const ROOMS = 20;

export type People = ReadonlyMap<string, Known>;

/** Somebody's standing. `present` are the keys of all who are in the call now. */
export function trustIn(
  people: People,
  room: string,
  person: { key: string; name: string },
  present: ReadonlySet<string>,
): Trust {
  const known = people.get(person.key);
  if (known?.verified === true) return 'verified';
  const name = fold(person.name);
  for (const other of people.values()) {
    const namesake = other.key !== person.key && fold(other.name) === name;
    // Two people of one name may both be here.
    if (namesake && other.rooms.includes(room) && !present.has(other.key)) return 'changed';
  }
  return known === undefined ? 'new' : 'known';
}

/** Remembers that somebody was met. */
export function meet(
  people: People,
  room: string,
  person: { key: string; name: string },
  now: number,
): Known {
  const known = people.get(person.key);
  const rooms = [...(known?.rooms ?? []).filter((one) => one !== room), room].slice(-ROOMS);
  return {
    key: person.key,
    name: person.name,
    verified: known?.verified ?? false,
    firstMet: known?.firstMet ?? now,
    lastMet: now,
    rooms,
  };
}

/** The keys to forget so that there is room. */
export function excess(people: People): string[] {
  const rank = (one: Known): number => one.lastMet + (one.verified ? Number.MAX_SAFE_INTEGER / 2 : 0);
  const byRank = [...people.values()].toSorted((a, b) => rank(b) - rank(a));
  return byRank.slice(PEOPLE).map((one) => one.key);
}

/** Names that look alike are alike. */
function fold(name: string): string {
  return name.normalize('NFKC').trim().toLocaleLowerCase();
}
