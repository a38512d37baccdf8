import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keepPlace, takePlace } from './predecessor_store';

const PLACE = { participant: 3, resume_token: 'token' };

describe('the place that a page leaves behind', () => {
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

  it('is taken once', () => {
    keepPlace('room', PLACE);
    expect(takePlace('room')).toEqual(PLACE);
    expect(takePlace('room')).toBeUndefined();
  });

  it('is of no use in another room', () => {
    keepPlace('room', PLACE);
    expect(takePlace('another')).toBeUndefined();
    expect(store.size).toBe(0);
  });

  it("is nobody's where what was stored is damaged", () => {
    for (const text of ['', '{', 'null', '{"room":"room","place":{"participant":"3"}}']) {
      store.set('orange-meets.place', text);
      expect(takePlace('room')).toBeUndefined();
    }
  });

  it('is not there where nothing can be stored', () => {
    vi.stubGlobal('sessionStorage', undefined);
    keepPlace('room', PLACE);
    expect(takePlace('room')).toBeUndefined();
  });
});
