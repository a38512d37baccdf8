/**
 * Trust in identity keys: on first use, and by comparing codes. A key is stored when it is first
 * seen; comparing the pairwise code pins it. A known name with another key causes a warning.
 */

/** The stored record of an identity key. */
export interface KnownIdentity {
  /** The Ed25519 public key in hexadecimal. */
  key: string;
  /** The name that it was last used with. */
  name: string;
  /** Its pairwise code was compared and was the same. */
  verified: boolean;
  /** In ms. */
  firstMet: number;
  /** In ms. */
  lastMet: number;
  /** The rooms in which it was seen, newest last. */
  rooms: readonly string[];
}

export type Trust =
  /** This browser's own key, also in another window. */
  | 'own'
  /** Its code was compared. */
  | 'verified'
  /** Seen before. */
  | 'known'
  /** Seen for the first time. */
  | 'new'
  /** This name had another key in this room before. */
  | 'changed';

/** The most keys stored. The least recently seen are evicted first, verified ones last. */
export const MAX_IDENTITIES = 2000;
const MAX_ROOMS = 20;

/** Known identities by key. */
export type KnownIdentities = ReadonlyMap<string, KnownIdentity>;

/** Returns the trust in a member. `present` are the keys of all members of the call. */
export function evaluateTrust(
  identities: KnownIdentities,
  room: string,
  member: { key: string; name: string },
  present: ReadonlySet<string>,
): Trust {
  const known = identities.get(member.key);
  if (known?.verified === true) return 'verified';
  const name = normalize(member.name);
  for (const other of identities.values()) {
    const namesake = other.key !== member.key && normalize(other.name) === name;
    // Two members may have the same name.
    if (namesake && other.rooms.includes(room) && !present.has(other.key)) return 'changed';
  }
  return known === undefined ? 'new' : 'known';
}

/** Returns the record of a member after it was seen in a room. */
export function recordMeeting(
  identities: KnownIdentities,
  room: string,
  member: { key: string; name: string },
  now: number,
): KnownIdentity {
  const known = identities.get(member.key);
  const rooms = [...(known?.rooms ?? []).filter((one) => one !== room), room].slice(-MAX_ROOMS);
  return {
    key: member.key,
    name: member.name,
    verified: known?.verified ?? false,
    firstMet: known?.firstMet ?? now,
    lastMet: now,
    rooms,
  };
}

/** Returns the keys to evict so that at most `MAX_IDENTITIES` remain. */
export function selectEvictions(identities: KnownIdentities): string[] {
  const rank = (one: KnownIdentity): number => one.lastMet + (one.verified ? Number.MAX_SAFE_INTEGER / 2 : 0);
  const byRank = [...identities.values()].toSorted((a, b) => rank(b) - rank(a));
  return byRank.slice(MAX_IDENTITIES).map((one) => one.key);
}

/** Normalizes a name so that names that look alike compare as equal. */
function normalize(name: string): string {
  return name.normalize('NFKC').trim().toLocaleLowerCase();
}
