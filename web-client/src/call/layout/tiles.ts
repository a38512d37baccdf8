/** The tiles of a call: one per member of the encrypted group, and one per shared screen. The group
 * names them; the authenticated labels of received frames tell which slot carries their video. */

import { CONTEXTS, type Context, type Roster } from '../../e2ee/messages';
import type { Presence } from '../membership/presence';

/** The track that a slot carries, as authenticated by its frames. */
export interface SlotLabel {
  leaf: number;
  context: number;
}

export interface Tile {
  key: string;
  participant: number;
  leaf: number | undefined;
  /** Empty for a participant outside the group. */
  name: string;
  source: 'camera' | 'screen';
  /** The slot that carries the video; `undefined` while there is none. */
  slot: string | undefined;
  muted: boolean;
  /** Reported by the server, but not in the encrypted group. */
  outside: boolean;
}

/** Returns the tiles of all other participants in join order; those outside the group come last. */
export function buildTiles(
  roster: Roster | undefined,
  presence: Presence,
  labels: ReadonlyMap<string, SlotLabel>,
  nonMembers: Iterable<number>,
): Tile[] {
  const tiles: Tile[] = [];
  const members = [...(roster?.members ?? [])].toSorted((a, b) => a.participant - b.participant);
  for (const member of members) {
    if (member.own) continue;
    const sends = (source: Context): boolean =>
      presence.get(member.participant)?.some((one) => one.source === source && !one.muted) ?? false;
    const { leaf, name, participant } = member;
    const base = { leaf, name, participant, outside: false };
    const muted = !sends('microphone');
    const camera = sends('camera') ? slotOf(labels, member.leaf, 'camera') : undefined;
    tiles.push({ key: `${member.leaf} camera`, source: 'camera', slot: camera, muted, ...base });
    if (sends('screen')) {
      const slot = slotOf(labels, member.leaf, 'screen');
      tiles.push({ key: `${member.leaf} screen`, source: 'screen', slot, muted: false, ...base });
    }
  }
  for (const participant of nonMembers) {
    tiles.push({
      key: `outside ${participant}`,
      participant,
      leaf: undefined,
      name: '',
      source: 'camera',
      slot: undefined,
      muted: true,
      outside: true,
    });
  }
  return tiles;
}

function slotOf(
  labels: ReadonlyMap<string, SlotLabel>,
  leaf: number,
  source: Context,
): string | undefined {
  const context = CONTEXTS.indexOf(source);
  // Video that moved to another slot leaves its old label behind: the newest one counts.
  return [...labels.keys()].findLast((slot) => {
    const label = labels.get(slot);
    return slot.startsWith('video') && label?.leaf === leaf && label.context === context;
  });
}
