import { defineConfig } from 'vitest/config';

/** Those that measure times or watch for gaps, and those that keep both cores busy by themselves. */
const ALONE = [
  'firefox',
  'five',
  'frames',
  'meeting',
  'quality',
  'reload',
  'simulcast',
  'sound',
  'speed',
].map((name) => `tests/${name}.e2e.ts`);

/** Two cores may be kept from their work for longer than any timeout here. What passes at the second
 * try is named in the report ("retry x1"), and is to be looked at. */
const patience = { testTimeout: 120_000, hookTimeout: 60_000, retry: 1 };

// Meetings between real browsers. They wait more than they work: two go side by side.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'side by side',
          include: ['tests/**/*.e2e.ts'],
          exclude: ALONE,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
          ...patience,
        },
      },
      {
        test: {
          name: 'alone',
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          ...patience,
        },
      },
    ],
  },
});
