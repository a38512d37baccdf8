/** Who comes first when not all tiles fit on one page, and who is on the stage. */

import type { Speaking } from '../media/active_speaker';
import type { Tile } from './tiles';

/** The key of the own tile. */
export const SELF = 'self';

export type View = 'grid' | 'speaker';

/**
 * The keys of all tiles in the order in which they are shown. As long as all fit, that is the
 * order of joining with oneself last, and nobody jumps. When they do not, the first page goes to
 * screens, oneself and those who spoke last; within a page the order is again that of joining.
 */
export function order(
  tiles: readonly Tile[],
  { heard }: Pick<Speaking, 'heard'>,
  capacity: number,
): string[] {
  const all = tiles.map((tile) => tile.key);
  if (all.length + 1 <= capacity) return [...all, SELF];
  const lately = (tile: Tile): number =>
    tile.leaf === undefined ? 0 : (heard.get(tile.leaf) ?? 0);
  const ranked = tiles.toSorted((a, b) => {
    const screens = Number(b.source === 'screen') - Number(a.source === 'screen');
    return screens || lately(b) - lately(a);
  });
  const first = new Set(ranked.slice(0, Math.max(0, capacity - 1)).map((tile) => tile.key));
  return [...all.filter((key) => first.has(key)), SELF, ...all.filter((key) => !first.has(key))];
}

/** The tile on the stage: what is pinned, else a shared screen, else in the speaker view whoever
 * has the floor. */
export function stageOf(
  tiles: readonly Tile[],
  pinned: string | undefined,
  view: View,
  active: number | undefined,
): string | undefined {
  if (pinned === SELF || tiles.some((tile) => tile.key === pinned)) return pinned;
  const screen = tiles.findLast((tile) => tile.source === 'screen');
  if (screen !== undefined) return screen.key;
  if (view === 'grid') return undefined;
  const cameras = tiles.filter((tile) => tile.source === 'camera' && !tile.outside);
  return (cameras.find((tile) => tile.leaf === active) ?? cameras[0])?.key;
}
