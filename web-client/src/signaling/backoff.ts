/** Delays between reconnection attempts: short at first, then longer, with jitter. */

const STEPS_MS = [0, 300, 700, 1500, 3000, 5000];

/** Returns the delay before an attempt (from 0), in ms; `random` is in 0…1. */
export function backoff(attempt: number, random: number): number {
  const step = STEPS_MS[Math.min(attempt, STEPS_MS.length - 1)] ?? 5000;
  return Math.round(step * (0.5 + random / 2));
}
