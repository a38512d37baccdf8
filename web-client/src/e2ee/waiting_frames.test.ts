import { describe, expect, it } from 'vitest';
import { MAX_FRAMES, WAIT_MS, WaitingFrames } from './waiting_frames';

describe('frames that wait for their key', () => {
  it('are returned in order', () => {
    const waiting = new WaitingFrames<number>();
    for (const frame of [1, 2, 3]) waiting.push(frame, 0);
    expect(waiting.take()).toEqual([1, 2, 3]);
    expect(waiting.length).toBe(0);
  });

  it('are dropped after a while', () => {
    const waiting = new WaitingFrames<number>();
    waiting.push(1, 0);
    waiting.push(2, WAIT_MS);
    expect(waiting.expire(WAIT_MS + 1)).toBe(1);
    expect(waiting.take()).toEqual([2]);
  });

  it('are bounded in number, and the oldest are dropped first', () => {
    const waiting = new WaitingFrames<number>();
    let dropped = 0;
    for (let frame = 0; frame < MAX_FRAMES + 10; frame += 1) dropped += waiting.push(frame, 0);
    expect(dropped).toBe(10);
    expect(waiting.take()[0]).toBe(10);
  });
});
