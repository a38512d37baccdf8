import { describe, expect, it } from 'vitest';
import { orderTiles, SELF, selectStage } from './tile_order';
import type { Tile } from './tiles';

function tile(leaf: number, source: Tile['source'] = 'camera'): Tile {
  const key = `${leaf} ${source}`;
  const base = { name: `N${leaf}`, slot: undefined, muted: false, outside: false };
  return { key, participant: leaf, leaf, source, ...base };
}

const spoke = (...at: [number, number][]) => ({ lastSpokeAt: new Map(at) });
const FIVE = [1, 2, 3, 4, 5].map((leaf) => tile(leaf));

describe('the order of tiles', () => {
  it('is join order with the own tile last while all fit', () => {
    expect(orderTiles(FIVE, spoke([5, 100]), 9).at(-1)).toBe(SELF);
    expect(orderTiles(FIVE, spoke([5, 100]), 9)[0]).toBe('1 camera');
  });

  it('puts recent speakers and the own tile on the first page when not all fit', () => {
    expect(orderTiles(FIVE, spoke([5, 100], [4, 50]), 3).slice(0, 3)).toEqual([
      '4 camera',
      '5 camera',
      SELF,
    ]);
  });

  it('contains every tile once', () => {
    for (const size of [1, 2, 3, 4, 5, 6]) {
      expect(orderTiles(FIVE, spoke([2, 1]), size).toSorted()).toEqual(
        [...FIVE.map((one) => one.key), SELF].toSorted(),
      );
    }
  });

  it('puts screens before cameras', () => {
    const all = [...FIVE, tile(5, 'screen')];
    expect(orderTiles(all, spoke([1, 100]), 2)[0]).toBe('5 screen');
  });
});

describe('the stage', () => {
  const screen = tile(3, 'screen');

  it('prefers the pinned tile to a screen, and a screen to the speaker', () => {
    const all = [...FIVE, screen];
    expect(selectStage(all, '2 camera', 'speaker', 4)).toBe('2 camera');
    expect(selectStage(all, SELF, 'grid', 4)).toBe(SELF);
    expect(selectStage(all, 'gone', 'speaker', 4)).toBe(screen.key);
    expect(selectStage(FIVE, undefined, 'speaker', 4)).toBe('4 camera');
  });

  it('is empty in the grid view and never empty in the speaker view', () => {
    expect(selectStage(FIVE, undefined, 'grid', 4)).toBeUndefined();
    expect(selectStage(FIVE, undefined, 'speaker', undefined)).toBe('1 camera');
    expect(selectStage([], undefined, 'speaker', undefined)).toBeUndefined();
  });
});
