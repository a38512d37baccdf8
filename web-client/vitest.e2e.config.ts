import { defineConfig } from 'vitest/config';

/** Tests that measure time or watch for gaps, and tests that keep two cores busy. They run alone. */
const ALONE = [
  'firefox',
  'five_people',
  'frames',
  'meeting',
  'quality',
  'reload',
  'simulcast',
  'sound',
  'speed',
].map((name) => `tests/${name}.e2e.ts`);

/** A busy machine may exceed any timeout here. A test that passes on its second try is reported as
 * "retry x1" and needs a look. */
const patience = { testTimeout: 120_000, hookTimeout: 60_000, retry: 1 };

// Meetings between real browsers. They mostly wait, so two run side by side.
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
