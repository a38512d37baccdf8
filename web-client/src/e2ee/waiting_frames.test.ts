import { describe, expect, it } from 'vitest';
import { WAIT_FRAMES, WAIT_MS, WaitingFrames } from './waiting_frames';

describe('frames that wait for a key', () => {
  it('come out in the order they came in', () => {
    const waiting = new WaitingFrames<number>();
    for (const frame of [1, 2, 3]) waiting.push(frame, 0);
    expect(waiting.take()).toEqual([1, 2, 3]);
    expect(waiting.length).toBe(0);
  });

  it('are let go after a while', () => {
    const waiting = new WaitingFrames<number>();
    waiting.push(1, 0);
    waiting.push(2, WAIT_MS);
    expect(waiting.expire(WAIT_MS + 1)).toBe(1);
    expect(waiting.take()).toEqual([2]);
  });

  it('are never more than the bound, and the oldest go first', () => {
    const waiting = new WaitingFrames<number>();
    let gone = 0;
    for (let frame = 0; frame < WAIT_FRAMES + 10; frame += 1) gone += waiting.push(frame, 0);
    expect(gone).toBe(10);
    expect(waiting.take()[0]).toBe(10);
  });
});
