import { defineConfig } from 'vitest/config';

// Meetings through a server that runs already, as deploy/tests/engine starts one.
export default defineConfig({
  test: {
    include: ['tests/deployed/**/*.ts'],
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 60_000,
  },
});
