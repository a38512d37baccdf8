/** Who speaks: a pure fold over the levels of the voices, which this browser measures after it
 * has opened them. The server's guess is not asked for. */

export interface Speaking {
  /** Leaves that speak now, or did a moment ago. */
  now: ReadonlySet<number>;
  /** When each was last heard, in ms. */
  heard: ReadonlyMap<number, number>;
  /** Whom the stage shows: the one who holds the floor. */
  active: number | undefined;
  activeSince: number;
}

export const silence: Speaking = {
  now: new Set(),
  heard: new Map(),
  active: undefined,
  activeSince: 0,
};

/** A voice; below are breath and keyboards. */
export const VOICE_LEVEL = 0.015;
/** Between two words nobody has stopped speaking. */
export const PAUSE_MS = 700;
/** The stage does not change hands more often. */
export const FLOOR_MS = 2000;

/** `levels` by leaf, measured at `at`. The own voice is among them, but never takes the floor:
 * nobody wants to look at themselves while they speak. */
export function hear(
  before: Speaking,
  levels: ReadonlyMap<number, number>,
  own: number | undefined,
  at: number,
): Speaking {
  const heard = new Map(before.heard);
  for (const [leaf, level] of levels) if (level >= VOICE_LEVEL) heard.set(leaf, at);
  const now = new Set<number>();
  for (const [leaf, last] of heard) if (levels.has(leaf) && at - last < PAUSE_MS) now.add(leaf);
  const others = [...now].filter((leaf) => leaf !== own);
  const { active, activeSince } = floor(before, others, levels, at);
  const same =
    now.size === before.now.size &&
    [...now].every((leaf) => before.now.has(leaf)) &&
    active === before.active;
  // What did not change is the same object: nobody redraws for it.
  return same && now.size === 0
    ? before
    : { now: same ? before.now : now, heard, active, activeSince };
}

/** Somebody left: they hold no floor. */
export function without(before: Speaking, members: ReadonlySet<number>): Speaking {
  if ([...before.heard.keys()].every((leaf) => members.has(leaf))) return before;
  const active =
    before.active !== undefined && members.has(before.active) ? before.active : undefined;
  const heard = new Map([...before.heard].filter(([leaf]) => members.has(leaf)));
  return { ...before, heard, active };
}

function floor(
  before: Speaking,
  voices: readonly number[],
  levels: ReadonlyMap<number, number>,
  at: number,
): Pick<Speaking, 'active' | 'activeSince'> {
  const { active, activeSince } = before;
  // Whoever speaks keeps the floor; whoever stopped keeps it until another one speaks.
  if (active !== undefined && (voices.includes(active) || at - activeSince < FLOOR_MS))
    return before;
  const loudest = voices.toSorted((a, b) => (levels.get(b) ?? 0) - (levels.get(a) ?? 0))[0];
  return loudest === undefined || loudest === active
    ? { active, activeSince }
    : { active: loudest, activeSince: at };
}
