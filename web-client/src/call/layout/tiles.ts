/** What is shown: one tile per member of the encrypted group, and per shared screen; labelled by
 * the group, filled by the frames' own authenticated word. */

import { CONTEXTS, type Context, type Roster } from '../../e2ee/messages';
import type { Presence } from '../membership/presence';

export interface Label {
  leaf: number;
  context: number;
}

export interface Tile {
  key: string;
  participant: number;
  leaf: number | undefined;
  /** Empty for somebody outside. */
  name: string;
  source: 'camera' | 'screen';
  /** The slot whose frames are this member's; none while the camera is off. */
  slot: string | undefined;
  muted: boolean;
  /** Present for the server, but without a place in the encrypted group. */
  outside: boolean;
}

/** The tiles of everybody else, in the order of joining; those outside the group come last. */
export function tiles(
  roster: Roster | undefined,
  presence: Presence,
  labels: ReadonlyMap<string, Label>,
  outsiders: Iterable<number>,
): Tile[] {
  const shown: Tile[] = [];
  const members = [...(roster?.members ?? [])].toSorted((a, b) => a.participant - b.participant);
  for (const member of members) {
    if (member.own) continue;
    const sends = (source: Context): boolean =>
      presence.get(member.participant)?.some((one) => one.source === source && !one.muted) ?? false;
    const { leaf, name, participant } = member;
    const base = { leaf, name, participant, outside: false };
    const muted = !sends('microphone');
    const camera = sends('camera') ? slotOf(labels, member.leaf, 'camera') : undefined;
    shown.push({ key: `${member.leaf} camera`, source: 'camera', slot: camera, muted, ...base });
    if (sends('screen')) {
      const slot = slotOf(labels, member.leaf, 'screen');
      shown.push({ key: `${member.leaf} screen`, source: 'screen', slot, muted: false, ...base });
    }
  }
  for (const participant of outsiders) {
    shown.push({
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
  return shown;
}

function slotOf(
  labels: ReadonlyMap<string, Label>,
  leaf: number,
  source: Context,
): string | undefined {
  const context = CONTEXTS.indexOf(source);
  // The newest word counts: what moved to another slot has left its label on the old one.
  return [...labels.keys()].findLast((slot) => {
    const label = labels.get(slot);
    return slot.startsWith('video') && label?.leaf === leaf && label.context === context;
  });
}
