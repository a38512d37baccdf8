import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReceiverVideoConstraint } from '../../signaling/protocol.gen';
import type { Tile } from '../layout/tiles';
import { type ShownVideos, videoConstraints, VideoConstraintSender } from './video_constraints';

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

const shown: ShownVideos = {
  tiles: [tile(1), tile(2), tile(2, 'screen')],
  heights: new Map([
    ['1 camera', 90.4],
    ['2 screen', 500],
  ]),
  pinned: '2 screen',
  receiveMode: 'all',
  ratio: 2,
};

const heights = (receiveMode: ShownVideos['receiveMode']): number[] =>
  videoConstraints({ ...shown, receiveMode }).map((one) => one.height);

describe('video constraints', () => {
  it('are in device pixels, and 0 for tiles on another page', () => {
    expect(videoConstraints(shown)).toEqual([
      { participant: 1, source: 'camera', height: 181, pinned: false },
      { participant: 2, source: 'camera', height: 0, pinned: false },
      { participant: 2, source: 'screen', height: 1000, pinned: true },
    ]);
  });

  it('are small in data saver mode and 0 in audio mode', () => {
    expect(heights('saver')).toEqual([180, 0, 180]);
    expect(heights('audio')).toEqual([0, 0, 0]);
  });

  it('cover group members only', () => {
    const outside = { ...tile(3), outside: true };
    expect(videoConstraints({ ...shown, tiles: [outside] })).toEqual([]);
  });
});

describe('the sender of video constraints', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('waits until the layout settles, and repeats itself only on request', () => {
    const sent: ReceiverVideoConstraint[][] = [];
    const sender = new VideoConstraintSender((all) => sent.push(all));
    const [small, large] = [1, 2].map((ratio) => videoConstraints({ ...shown, ratio }));
    sender.update(small ?? []);
    vi.advanceTimersByTime(150);
    sender.update(large ?? []);
    vi.advanceTimersByTime(150);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(50);
    expect(sent).toEqual([large]);
    sender.update(videoConstraints({ ...shown, ratio: 2 }));
    vi.advanceTimersByTime(1000);
    expect(sent).toEqual([large]);
    sender.sendNow();
    expect(sent).toEqual([large, large]);
  });
});
