import { describe, expect, it } from 'vitest';
import { FRUITLESS, isMendable, LONGEST_MS, Rejoining } from './rejoin_policy';

describe('rejoining', () => {
  it('goes on for as long as the network is away, and waits longer each time', () => {
    const rejoining = new Rejoining();
    const waits = Array.from({ length: 100 }, () => rejoining.next('unreachable'));
    expect(waits.slice(0, 3)).toEqual([500, 1000, 1500]);
    expect(waits.at(-1)).toBe(LONGEST_MS);
  });

  it('gives up a call that it reaches again and again in vain', () => {
    const rejoining = new Rejoining();
    for (let n = 0; n < FRUITLESS; n += 1) expect(rejoining.next('lost')).toBeDefined();
    expect(rejoining.next('lost')).toBeUndefined();
  });

  it('begins to count anew once the call was live', () => {
    const rejoining = new Rejoining();
    for (let n = 0; n < FRUITLESS; n += 1) rejoining.next('lost');
    rejoining.succeeded();
    expect(rejoining.next('lost')).toBe(500);
  });

  it('waits for as long as the server asks', () => {
    const code = 'storage_unavailable';
    const refusal = {
      code,
      message: '',
      current: null,
      retry_after_seconds: 30,
      message_id: null,
    } as const;
    expect(new Rejoining().next('lost', refusal)).toBe(30_000);
    expect(isMendable(refusal)).toBe(true);
    expect(isMendable({ ...refusal, code: 'room_full' })).toBe(false);
  });
});
