import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Relays } from './turn';

const server = (username: string): RTCIceServer => ({ urls: ['turn:meet.example'], username });

describe('relays', () => {
  beforeEach(() => vi.useFakeTimers({ now: 0 }));
  afterEach(() => vi.useRealTimers());

  it('are asked for again only when their credentials run out', async () => {
    const renew = vi.fn(() =>
      Promise.resolve({ relays: [server('later')], relaysUntil: Date.now() + 300_000 }),
    );
    const relays = new Relays({ relays: [server('first')], relaysUntil: 300_000 }, renew);
    vi.setSystemTime(280_000);
    expect(await relays.usable()).toEqual([server('first')]);
    expect(renew).not.toHaveBeenCalled();
    vi.setSystemTime(290_000);
    expect(await relays.usable()).toEqual([server('later')]);
    expect(await relays.usable()).toEqual([server('later')]);
    expect(renew).toHaveBeenCalledOnce();
  });

  it('stay as they are while the server cannot be reached', async () => {
    const renew = vi.fn(() => Promise.reject(new Error('unreachable')));
    const relays = new Relays({ relays: [server('first')], relaysUntil: 0 }, renew);
    expect(await relays.usable()).toEqual([server('first')]);
  });

  it('are never asked for where there are none', async () => {
    const renew = vi.fn(() => Promise.reject(new Error('not asked')));
    expect(await new Relays({ relays: [], relaysUntil: 0 }, renew).usable()).toEqual([]);
    expect(renew).not.toHaveBeenCalled();
  });
});
