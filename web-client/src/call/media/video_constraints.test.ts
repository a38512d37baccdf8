import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReceiverVideoConstraint } from '../../signaling/protocol.gen';
import type { Tile } from '../layout/tiles';
import { type Showing, Wishes, wishesOf } from './video_constraints';

const tile = (participant: number, source: 'camera' | 'screen' = 'camera'): Tile => ({
  key: `${participant} ${source}`,
  participant,
  leaf: participant,
  name: `P${participant}`,
  source,
  slot: undefined,
  muted: false,
  outside: false,
});

const showing: Showing = {
  tiles: [tile(1), tile(2), tile(2, 'screen')],
  heights: new Map([
    ['1 camera', 90.4],
    ['2 screen', 500],
  ]),
  pinned: '2 screen',
  reception: 'all',
  ratio: 2,
};

const heights = (reception: Showing['reception']): number[] =>
  wishesOf({ ...showing, reception }).map((one) => one.height);

describe('wishes', () => {
  it('are in pixels of the screen, and nothing for what is on another page', () => {
    expect(wishesOf(showing)).toEqual([
      { participant: 1, source: 'camera', height: 181, pinned: false },
      { participant: 2, source: 'camera', height: 0, pinned: false },
      { participant: 2, source: 'screen', height: 1000, pinned: true },
    ]);
  });

  it('are small where data is saved, and nothing where only sound is wanted', () => {
    expect(heights('saver')).toEqual([180, 0, 180]);
    expect(heights('audio')).toEqual([0, 0, 0]);
  });

  it('are about members alone', () => {
    const outside = { ...tile(3), outside: true };
    expect(wishesOf({ ...showing, tiles: [outside] })).toEqual([]);
  });
});

describe('telling them', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('waits until the layout rests, and says nothing twice but on request', () => {
    const told: ReceiverVideoConstraint[][] = [];
    const wishes = new Wishes((all) => told.push(all));
    const [small, large] = [1, 2].map((ratio) => wishesOf({ ...showing, ratio }));
    wishes.show(small ?? []);
    vi.advanceTimersByTime(150);
    wishes.show(large ?? []);
    vi.advanceTimersByTime(150);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(50);
    expect(told).toEqual([large]);
    wishes.show(wishesOf({ ...showing, ratio: 2 }));
    vi.advanceTimersByTime(1000);
    expect(told).toEqual([large]);
    wishes.tell();
    expect(told).toEqual([large, large]);
  });
});
