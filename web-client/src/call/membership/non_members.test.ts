import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Outsiders } from './non_members';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const shown = ({ lasting }: Outsiders): number[] => [...lasting.value];

describe('somebody outside the encrypted group', () => {
  it('is not shown while they are about to come in', () => {
    const outsiders = new Outsiders();
    outsiders.follow([1, 2], new Set([1]));
    vi.advanceTimersByTime(3000);
    outsiders.follow([1, 2], new Set([1, 2]));
    vi.advanceTimersByTime(60_000);
    expect(shown(outsiders)).toEqual([]);
  });

  it('is shown once they stay outside, whoever else comes meanwhile', () => {
    const outsiders = new Outsiders();
    outsiders.follow([1, 2], new Set([1]));
    vi.advanceTimersByTime(3000);
    outsiders.follow([1, 2, 3], new Set([1]));
    vi.advanceTimersByTime(1500);
    expect(shown(outsiders)).toEqual([2]);
    vi.advanceTimersByTime(3000);
    expect(shown(outsiders)).toEqual([2, 3]);
  });

  it('is gone when they leave or come in, and begins anew when they come again', () => {
    const outsiders = new Outsiders();
    outsiders.follow([2, 3], new Set());
    vi.advanceTimersByTime(5000);
    outsiders.follow([3], new Set([3]));
    expect(shown(outsiders)).toEqual([]);
    outsiders.follow([2, 3], new Set([3]));
    vi.advanceTimersByTime(3000);
    expect(shown(outsiders)).toEqual([]);
  });
});
