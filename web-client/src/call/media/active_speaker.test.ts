import { describe, expect, it } from 'vitest';
import { FLOOR_MS, hear, PAUSE_MS, silence, without } from './active_speaker';

const levels = (...of: [number, number][]): Map<number, number> => new Map(of);

describe('who speaks', () => {
  it('is whoever is louder than breath, for a moment after the last word too', () => {
    let speaking = hear(silence, levels([1, 0.1], [2, 0.001]), undefined, 1000);
    expect([...speaking.now]).toEqual([1]);
    speaking = hear(speaking, levels([1, 0], [2, 0]), undefined, 1000 + PAUSE_MS - 1);
    expect([...speaking.now]).toEqual([1]);
    speaking = hear(speaking, levels([1, 0], [2, 0]), undefined, 1000 + PAUSE_MS);
    expect([...speaking.now]).toEqual([]);
  });

  it('does not change while nothing changes', () => {
    expect(hear(silence, levels([1, 0]), undefined, 5)).toBe(silence);
  });
});

describe('the floor', () => {
  it('goes to the loudest', () => {
    expect(hear(silence, levels([1, 0.1], [2, 0.3]), undefined, 1000).active).toBe(2);
  });

  it('stays with whoever goes on speaking, however loud the others are', () => {
    let speaking = hear(silence, levels([1, 0.1]), undefined, 1000);
    speaking = hear(speaking, levels([1, 0.1], [2, 0.9]), undefined, 1000 + FLOOR_MS * 3);
    expect(speaking.active).toBe(1);
  });

  it('is never taken by the own voice', () => {
    const speaking = hear(silence, levels([1, 0.1], [7, 0.9]), 7, 1000);
    expect(speaking.active).toBe(1);
    expect([...speaking.now].toSorted()).toEqual([1, 7]);
  });

  it('does not change hands too often', () => {
    let speaking = hear(silence, levels([1, 0.1]), undefined, 1000);
    speaking = hear(speaking, levels([1, 0], [2, 0.5]), undefined, 1000 + PAUSE_MS + 1);
    expect(speaking.active).toBe(1);
    speaking = hear(speaking, levels([1, 0], [2, 0.5]), undefined, 1000 + FLOOR_MS);
    expect(speaking.active).toBe(2);
  });

  it('stays with the last one while all are silent, and is free when that one leaves', () => {
    let speaking = hear(silence, levels([1, 0.1]), undefined, 1000);
    speaking = hear(speaking, levels([1, 0]), undefined, 60_000);
    expect(speaking.active).toBe(1);
    expect(without(speaking, new Set([2])).active).toBeUndefined();
  });
});
