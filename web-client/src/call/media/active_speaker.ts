/** Speaker detection as a pure fold over audio levels, which this browser measures after decryption.
 * The server's view is not used. */

export interface SpeakerState {
  /** Leaves that are speaking, or were a moment ago. */
  speaking: ReadonlySet<number>;
  /** When each leaf last spoke, in ms. */
  lastSpokeAt: ReadonlyMap<number, number>;
  /** The leaf of the active speaker. */
  active: number | undefined;
  activeSince: number;
}

export const noSpeaker: SpeakerState = {
  speaking: new Set(),
  lastSpokeAt: new Map(),
  active: undefined,
  activeSince: 0,
};

/** The lowest level of speech; below are breath and keyboards. */
export const SPEECH_LEVEL = 0.015;
/** A pause between words does not end speaking. */
export const PAUSE_MS = 700;
/** The shortest time between two changes of the active speaker. */
export const MIN_ACTIVE_MS = 2000;

/** Returns the state after a measurement. `levels` are by leaf, measured at `now`. The own leaf is
 * among them but never becomes the active speaker. Returns the same object if nothing changed. */
export function updateSpeakers(
  before: SpeakerState,
  levels: ReadonlyMap<number, number>,
  ownLeaf: number | undefined,
  now: number,
): SpeakerState {
  const lastSpokeAt = new Map(before.lastSpokeAt);
  for (const [leaf, level] of levels) if (level >= SPEECH_LEVEL) lastSpokeAt.set(leaf, now);
  const speaking = new Set<number>();
  for (const [leaf, at] of lastSpokeAt) {
    if (levels.has(leaf) && now - at < PAUSE_MS) speaking.add(leaf);
  }
  const others = [...speaking].filter((leaf) => leaf !== ownLeaf);
  const { active, activeSince } = selectActive(before, others, levels, now);
  const same =
    speaking.size === before.speaking.size &&
    [...speaking].every((leaf) => before.speaking.has(leaf)) &&
    active === before.active;
  return same && speaking.size === 0
    ? before
    : { speaking: same ? before.speaking : speaking, lastSpokeAt, active, activeSince };
}

/** Removes leaves that are no longer members. */
export function retainSpeakers(before: SpeakerState, members: ReadonlySet<number>): SpeakerState {
  if ([...before.lastSpokeAt.keys()].every((leaf) => members.has(leaf))) return before;
  const active =
    before.active !== undefined && members.has(before.active) ? before.active : undefined;
  const lastSpokeAt = new Map([...before.lastSpokeAt].filter(([leaf]) => members.has(leaf)));
  return { ...before, lastSpokeAt, active };
}

function selectActive(
  before: SpeakerState,
  speaking: readonly number[],
  levels: ReadonlyMap<number, number>,
  now: number,
): Pick<SpeakerState, 'active' | 'activeSince'> {
  const { active, activeSince } = before;
  // The active speaker stays while speaking, and afterwards until another participant speaks.
  if (active !== undefined && (speaking.includes(active) || now - activeSince < MIN_ACTIVE_MS))
    return before;
  const loudest = speaking.toSorted((a, b) => (levels.get(b) ?? 0) - (levels.get(a) ?? 0))[0];
  return loudest === undefined || loudest === active
    ? { active, activeSince }
    : { active: loudest, activeSince: now };
}
