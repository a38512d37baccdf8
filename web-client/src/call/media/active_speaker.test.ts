import { describe, expect, it } from 'vitest';
import {
  MIN_ACTIVE_MS,
  noSpeaker,
  PAUSE_MS,
  retainSpeakers,
  updateSpeakers,
} from './active_speaker';

const levels = (...of: [number, number][]): Map<number, number> => new Map(of);

describe('speaking', () => {
  it('is a level above breath, and lasts a moment after the last word', () => {
    let state = updateSpeakers(noSpeaker, levels([1, 0.1], [2, 0.001]), undefined, 1000);
    expect([...state.speaking]).toEqual([1]);
    state = updateSpeakers(state, levels([1, 0], [2, 0]), undefined, 1000 + PAUSE_MS - 1);
    expect([...state.speaking]).toEqual([1]);
    state = updateSpeakers(state, levels([1, 0], [2, 0]), undefined, 1000 + PAUSE_MS);
    expect([...state.speaking]).toEqual([]);
  });

  it('returns the same object while nothing changes', () => {
    expect(updateSpeakers(noSpeaker, levels([1, 0]), undefined, 5)).toBe(noSpeaker);
  });
});

describe('the active speaker', () => {
  it('is the loudest participant', () => {
    expect(updateSpeakers(noSpeaker, levels([1, 0.1], [2, 0.3]), undefined, 1000).active).toBe(2);
  });

  it('stays the same while speaking, however loud the others are', () => {
    let state = updateSpeakers(noSpeaker, levels([1, 0.1]), undefined, 1000);
    state = updateSpeakers(state, levels([1, 0.1], [2, 0.9]), undefined, 1000 + MIN_ACTIVE_MS * 3);
    expect(state.active).toBe(1);
  });

  it('is never the own leaf', () => {
    const state = updateSpeakers(noSpeaker, levels([1, 0.1], [7, 0.9]), 7, 1000);
    expect(state.active).toBe(1);
    expect([...state.speaking].toSorted()).toEqual([1, 7]);
  });

  it('does not change too often', () => {
    let state = updateSpeakers(noSpeaker, levels([1, 0.1]), undefined, 1000);
    state = updateSpeakers(state, levels([1, 0], [2, 0.5]), undefined, 1000 + PAUSE_MS + 1);
    expect(state.active).toBe(1);
    state = updateSpeakers(state, levels([1, 0], [2, 0.5]), undefined, 1000 + MIN_ACTIVE_MS);
    expect(state.active).toBe(2);
  });

  it('stays the same while all are silent, until it leaves', () => {
    let state = updateSpeakers(noSpeaker, levels([1, 0.1]), undefined, 1000);
    state = updateSpeakers(state, levels([1, 0]), undefined, 60_000);
    expect(state.active).toBe(1);
    expect(retainSpeakers(state, new Set([2])).active).toBeUndefined();
  });
});
