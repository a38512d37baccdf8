import { defineConfig } from 'vitest/config';

// Meetings through a server that is already running, such as the one deploy/tests/engine starts.
export default defineConfig({
  test: {
    include: ['tests/deployed/**/*.ts'],
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 60_000,
  },
});
