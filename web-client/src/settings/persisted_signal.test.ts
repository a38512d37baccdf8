import { afterEach, describe, expect, it, vi } from 'vitest';
import { isBoolean, isOneOf, persistedSignal } from './persisted_signal';

function storage(content: Record<string, string>): Map<string, string> {
  const map = new Map(Object.entries(content));
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => map.get(key) ?? null,
    setItem: (key: string, value: string) => map.set(key, value),
    removeItem: (key: string) => map.delete(key),
  });
  return map;
}

afterEach(() => vi.unstubAllGlobals());

describe('a persisted signal', () => {
  it('has the stored value', () => {
    storage({ 'orange-meets.theme': '"dark"' });
    expect(persistedSignal('theme', 'system', isOneOf('system', 'dark')).value).toBe('dark');
  });

  it('is stored when it changes, and removed when it has its initial value', () => {
    const map = storage({});
    const value = persistedSignal('sounds', true, isBoolean);
    value.value = false;
    expect(map.get('orange-meets.sounds')).toBe('false');
    value.value = true;
    expect(map.size).toBe(0);
  });

  it.each(['"purple"', '{', '7', 'null'])('has its initial value if %s was stored', (text) => {
    storage({ 'orange-meets.theme': text });
    expect(persistedSignal('theme', 'system', isOneOf('system', 'dark')).value).toBe('system');
  });

  it('works without storage', () => {
    vi.stubGlobal('localStorage', undefined);
    const value = persistedSignal('sounds', true, isBoolean);
    value.value = false;
    expect(value.value).toBe(false);
  });
});
