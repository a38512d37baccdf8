/** Orders tiles when they do not fit on one page, and selects the tile on the stage. */

import type { SpeakerState } from '../media/active_speaker';
import type { Tile } from './tiles';

/** The key of the own tile. */
export const SELF = 'self';

export type View = 'grid' | 'speaker';

/**
 * Returns the keys of all tiles in display order. While all fit on one page, that is join order with
 * the own tile last, so that no tile moves. Otherwise the first page holds screens, the own tile and
 * the most recent speakers; within a page the order is again join order.
 */
export function orderTiles(
  tiles: readonly Tile[],
  { lastSpokeAt }: Pick<SpeakerState, 'lastSpokeAt'>,
  capacity: number,
): string[] {
  const all = tiles.map((tile) => tile.key);
  if (all.length + 1 <= capacity) return [...all, SELF];
  const spokeAt = (tile: Tile): number =>
    tile.leaf === undefined ? 0 : (lastSpokeAt.get(tile.leaf) ?? 0);
  const ranked = tiles.toSorted((a, b) => {
    const screens = Number(b.source === 'screen') - Number(a.source === 'screen');
    return screens || spokeAt(b) - spokeAt(a);
  });
  const first = new Set(ranked.slice(0, Math.max(0, capacity - 1)).map((tile) => tile.key));
  return [...all.filter((key) => first.has(key)), SELF, ...all.filter((key) => !first.has(key))];
}

/** Returns the key of the tile on the stage: the pinned one, else a shared screen, else in the
 * speaker view the active speaker. `active` is a leaf. */
export function selectStage(
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
