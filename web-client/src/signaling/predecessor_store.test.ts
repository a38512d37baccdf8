import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { storePredecessor, takePredecessor } from './predecessor_store';

const PREDECESSOR = { participant: 3, resume_token: 'token' };

describe('a stored predecessor', () => {
  const store = new Map<string, string>();
  beforeEach(() => {
    store.clear();
    vi.stubGlobal('sessionStorage', {
      getItem: (key: string) => store.get(key) ?? null,
      setItem: (key: string, text: string) => store.set(key, text),
      removeItem: (key: string) => store.delete(key),
    });
  });
  afterEach(() => vi.unstubAllGlobals());

  it('can be taken once', () => {
    storePredecessor('room', PREDECESSOR);
    expect(takePredecessor('room')).toEqual(PREDECESSOR);
    expect(takePredecessor('room')).toBeUndefined();
  });

  it('is not returned in another room', () => {
    storePredecessor('room', PREDECESSOR);
    expect(takePredecessor('another')).toBeUndefined();
    expect(store.size).toBe(0);
  });

  it('is not returned if it is damaged', () => {
    for (const text of ['', '{', 'null', '{"room":"room","predecessor":{"participant":"3"}}']) {
      store.set('orange-meets.predecessor', text);
      expect(takePredecessor('room')).toBeUndefined();
    }
  });

  it('is not returned without storage', () => {
    vi.stubGlobal('sessionStorage', undefined);
    storePredecessor('room', PREDECESSOR);
    expect(takePredecessor('room')).toBeUndefined();
  });
});
