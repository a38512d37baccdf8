import { afterEach, describe, expect, it, vi } from 'vitest';
import { isBoolean, isOneOf, stored } from './persisted_signal';

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

describe('a stored choice', () => {
  it('is what was chosen the last time', () => {
    storage({ 'orange-meets.theme': '"dark"' });
    expect(stored('theme', 'system', isOneOf('system', 'dark')).value).toBe('dark');
  });

  it('is remembered when it changes, and forgotten when it is as at first', () => {
    const map = storage({});
    const choice = stored('sounds', true, isBoolean);
    choice.value = false;
    expect(map.get('orange-meets.sounds')).toBe('false');
    choice.value = true;
    expect(map.size).toBe(0);
  });

  it.each(['"purple"', '{', '7', 'null'])('is the initial one where %s was stored', (text) => {
    storage({ 'orange-meets.theme': text });
    expect(stored('theme', 'system', isOneOf('system', 'dark')).value).toBe('system');
  });

  it('holds for the visit where nothing can be stored', () => {
    vi.stubGlobal('localStorage', undefined);
    const choice = stored('sounds', true, isBoolean);
    choice.value = false;
    expect(choice.value).toBe(false);
  });
});
