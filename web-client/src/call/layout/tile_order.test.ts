import { describe, expect, it } from 'vitest';
import { order, SELF, stageOf } from './tile_order';
import type { Tile } from './tiles';

function tile(leaf: number, source: Tile['source'] = 'camera'): Tile {
  const key = `${leaf} ${source}`;
  const base = { name: `N${leaf}`, slot: undefined, muted: false, outside: false };
  return { key, participant: leaf, leaf, source, ...base };
}

const heard = (...of: [number, number][]) => ({ heard: new Map(of) });
const FIVE = [1, 2, 3, 4, 5].map((leaf) => tile(leaf));

describe('the order of tiles', () => {
  it('is that of joining with oneself last while all fit, whoever speaks', () => {
    expect(order(FIVE, heard([5, 100]), 9).at(-1)).toBe(SELF);
    expect(order(FIVE, heard([5, 100]), 9)[0]).toBe('1 camera');
  });

  it('puts who spoke last, and oneself, on the first page when not all fit', () => {
    expect(order(FIVE, heard([5, 100], [4, 50]), 3).slice(0, 3)).toEqual([
      '4 camera',
      '5 camera',
      SELF,
    ]);
  });

  it('has everybody once', () => {
    for (const size of [1, 2, 3, 4, 5, 6]) {
      expect(order(FIVE, heard([2, 1]), size).toSorted()).toEqual(
        [...FIVE.map((one) => one.key), SELF].toSorted(),
      );
    }
  });

  it('puts screens before people', () => {
    const all = [...FIVE, tile(5, 'screen')];
    expect(order(all, heard([1, 100]), 2)[0]).toBe('5 screen');
  });
});

describe('the stage', () => {
  const screen = tile(3, 'screen');

  it('is what was pinned, before a screen, before the speaker', () => {
    const all = [...FIVE, screen];
    expect(stageOf(all, '2 camera', 'speaker', 4)).toBe('2 camera');
    expect(stageOf(all, SELF, 'grid', 4)).toBe(SELF);
    expect(stageOf(all, 'gone', 'speaker', 4)).toBe(screen.key);
    expect(stageOf(FIVE, undefined, 'speaker', 4)).toBe('4 camera');
  });

  it('is empty in the grid, and has somebody in the speaker view while nobody speaks', () => {
    expect(stageOf(FIVE, undefined, 'grid', 4)).toBeUndefined();
    expect(stageOf(FIVE, undefined, 'speaker', undefined)).toBe('1 camera');
    expect(stageOf([], undefined, 'speaker', undefined)).toBeUndefined();
  });
});
