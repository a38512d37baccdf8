import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PageMessage } from '../../signaling/decode';
import { Away } from './disconnected';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const OWN = 1;
const changed = (participant: number, away: boolean): PageMessage => ({
  type: 'delta',
  seq: 1,
  delta: { change: 'connection_changed', participant, disconnected: away },
});
const joined = (away: number[]): PageMessage => ({
  type: 'joined',
  participant: OWN,
  resume_token: 'token',
  seq: 1,
  room: { participants: [], rules: { join_policy: 'open', hosts: [] }, disconnected: away },
  log: { position: 0 },
  slots: { audio: 1, video: 1 },
});
const sets = ({ shown, excused }: Away): number[][] => [[...shown.value], [...excused.value]];

describe('whoever is away', () => {
  it('is shown from the word of the server until they are back or gone', () => {
    const away = new Away();
    away.hear(joined([2]), OWN);
    away.hear(changed(3, true), OWN);
    away.hear(changed(OWN, true), OWN);
    expect(sets(away)).toEqual([
      [2, 3],
      [2, 3],
    ]);
    away.hear(changed(2, false), OWN);
    expect(sets(away)).toEqual([[3], [3]]);
    const left = { change: 'participant_left', participant: 3 } as const;
    away.hear({ type: 'delta', seq: 2, delta: left }, OWN);
    expect(sets(away)).toEqual([[], []]);
  });

  it('is excused for no longer than a place is kept, and anew the next time', () => {
    const away = new Away();
    away.hear(changed(2, true), OWN);
    vi.advanceTimersByTime(80_000);
    away.hear(changed(3, true), OWN);
    away.hear(changed(2, true), OWN);
    vi.advanceTimersByTime(20_000);
    expect(sets(away)).toEqual([[2, 3], [3]]);
    away.hear(changed(2, false), OWN);
    away.hear(changed(2, true), OWN);
    expect(sets(away)).toEqual([
      [3, 2],
      [3, 2],
    ]);
    away.reset();
    expect(sets(away)).toEqual([[], []]);
  });
});
