import { defineConfig } from 'vitest/config';

// Meetings between real browsers: one after the other, they share two cores.
export default defineConfig({
  test: {
    include: ['tests/**/*.e2e.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
