import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NonMembers } from './non_members';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const overdue = (nonMembers: NonMembers): number[] => [...nonMembers.overdue.value];

describe('a participant outside the encrypted group', () => {
  it('is not reported while it is being added', () => {
    const nonMembers = new NonMembers();
    nonMembers.update([1, 2], new Set([1]));
    vi.advanceTimersByTime(3000);
    nonMembers.update([1, 2], new Set([1, 2]));
    vi.advanceTimersByTime(60_000);
    expect(overdue(nonMembers)).toEqual([]);
  });

  it('is reported once it stays outside, even if others join meanwhile', () => {
    const nonMembers = new NonMembers();
    nonMembers.update([1, 2], new Set([1]));
    vi.advanceTimersByTime(3000);
    nonMembers.update([1, 2, 3], new Set([1]));
    vi.advanceTimersByTime(1500);
    expect(overdue(nonMembers)).toEqual([2]);
    vi.advanceTimersByTime(3000);
    expect(overdue(nonMembers)).toEqual([2, 3]);
  });

  it('is forgotten when it leaves or is added, and gets a new grace period when it returns', () => {
    const nonMembers = new NonMembers();
    nonMembers.update([2, 3], new Set());
    vi.advanceTimersByTime(5000);
    nonMembers.update([3], new Set([3]));
    expect(overdue(nonMembers)).toEqual([]);
    nonMembers.update([2, 3], new Set([3]));
    vi.advanceTimersByTime(3000);
    expect(overdue(nonMembers)).toEqual([]);
  });
});
