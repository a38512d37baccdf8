import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RoomMessage } from '../../signaling/decode';
import { DisconnectedParticipants } from './disconnected';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const OWN = 1;
const changed = (participant: number, disconnected: boolean): RoomMessage => ({
  type: 'delta',
  seq: 1,
  delta: { change: 'connection_changed', participant, disconnected },
});
const joined = (disconnected: number[]): RoomMessage => ({
  type: 'joined',
  participant: OWN,
  resume_token: 'token',
  seq: 1,
  room: { participants: [], rules: { join_policy: 'open', hosts: [] }, disconnected },
  log: { position: 0 },
  slots: { audio: 1, video: 1 },
});
const sets = ({ all, exempt }: DisconnectedParticipants): number[][] => [
  [...all.value],
  [...exempt.value],
];

describe('disconnected participants', () => {
  it('are those that the server reports until they are back or gone', () => {
    const disconnected = new DisconnectedParticipants();
    disconnected.handleRoomMessage(joined([2]), OWN);
    disconnected.handleRoomMessage(changed(3, true), OWN);
    disconnected.handleRoomMessage(changed(OWN, true), OWN);
    expect(sets(disconnected)).toEqual([
      [2, 3],
      [2, 3],
    ]);
    disconnected.handleRoomMessage(changed(2, false), OWN);
    expect(sets(disconnected)).toEqual([[3], [3]]);
    const left = { change: 'participant_left', participant: 3 } as const;
    disconnected.handleRoomMessage({ type: 'delta', seq: 2, delta: left }, OWN);
    expect(sets(disconnected)).toEqual([[], []]);
  });

  it('are exempt for a bounded time, and again the next time', () => {
    const disconnected = new DisconnectedParticipants();
    disconnected.handleRoomMessage(changed(2, true), OWN);
    vi.advanceTimersByTime(80_000);
    disconnected.handleRoomMessage(changed(3, true), OWN);
    disconnected.handleRoomMessage(changed(2, true), OWN);
    vi.advanceTimersByTime(20_000);
    expect(sets(disconnected)).toEqual([[2, 3], [3]]);
    disconnected.handleRoomMessage(changed(2, false), OWN);
    disconnected.handleRoomMessage(changed(2, true), OWN);
    expect(sets(disconnected)).toEqual([
      [3, 2],
      [3, 2],
    ]);
    disconnected.reset();
    expect(sets(disconnected)).toEqual([[], []]);
  });
});
