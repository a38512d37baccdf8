import { expect, it } from 'vitest';
import { Gap } from './gap';

it('is the longest since it was last taken, over that moment too', () => {
  const gap = new Gap();
  expect(gap.take()).toBe(0);
  for (const now of [0, 10, 40, 50]) gap.note(now);
  expect(gap.take()).toBe(30);
  gap.note(150.2);
  expect(gap.take(), 'from the one before').toBe(101);
  expect(gap.take()).toBe(0);
});
