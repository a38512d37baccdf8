import { expect, it } from 'vitest';
import { GapMeter } from './gap_meter';

it('measures the longest gap since the last report, also across it', () => {
  const gap = new GapMeter();
  expect(gap.take()).toBe(0);
  for (const now of [0, 10, 40, 50]) gap.record(now);
  expect(gap.take()).toBe(30);
  gap.record(150.2);
  expect(gap.take(), 'across the last report').toBe(101);
  expect(gap.take()).toBe(0);
});
