import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TurnServers } from './turn';

const server = (username: string): RTCIceServer => ({ urls: ['turn:meet.example'], username });

describe('TURN servers', () => {
  beforeEach(() => vi.useFakeTimers({ now: 0 }));
  afterEach(() => vi.useRealTimers());

  it('are renewed only when their credentials expire', async () => {
    const renew = vi.fn(() =>
      Promise.resolve({ iceServers: [server('later')], iceServersExpireAt: Date.now() + 300_000 }),
    );
    const turn = new TurnServers(
      { iceServers: [server('first')], iceServersExpireAt: 300_000 },
      renew,
    );
    vi.setSystemTime(280_000);
    expect(await turn.usable()).toEqual([server('first')]);
    expect(renew).not.toHaveBeenCalled();
    vi.setSystemTime(290_000);
    expect(await turn.usable()).toEqual([server('later')]);
    expect(await turn.usable()).toEqual([server('later')]);
    expect(renew).toHaveBeenCalledOnce();
  });

  it('stay the same while the server cannot be reached', async () => {
    const renew = vi.fn(() => Promise.reject(new Error('unreachable')));
    const turn = new TurnServers({ iceServers: [server('first')], iceServersExpireAt: 0 }, renew);
    expect(await turn.usable()).toEqual([server('first')]);
  });

  it('are never renewed if there are none', async () => {
    const renew = vi.fn(() => Promise.reject(new Error('not requested')));
    expect(
      await new TurnServers({ iceServers: [], iceServersExpireAt: 0 }, renew).usable(),
    ).toEqual([]);
    expect(renew).not.toHaveBeenCalled();
  });
});
