import { describe, expect, it } from 'vitest';
import { backoff } from './backoff';

describe('the wait before the next try', () => {
  it('is nothing at first, then grows up to five seconds', () => {
    const waits = [0, 1, 2, 3, 4, 5, 50].map((attempt) => backoff(attempt, 1));
    expect(waits).toEqual([0, 300, 700, 1500, 3000, 5000, 5000]);
  });

  it('differs between people by up to a half', () => {
    expect(backoff(3, 0)).toBe(750);
    expect(backoff(3, 0.5)).toBe(1125);
  });
});
