import { describe, expect, it } from 'vitest';
import { sentence } from '../../i18n/i18n';
import { followRestart, restartWords } from './shutdown';

const ahead = (seconds: number | null) =>
  ({ type: 'shutdown_notice', in_seconds: seconds }) as const;

describe('the end of the server', () => {
  it('is told in minutes, then as near, and each for as long as it is true', () => {
    const restart = followRestart('none', ahead(150), 1000);
    expect(restartWords(restart, 1000)).toEqual({
      words: sentence('restart.minutes', { minutes: 2 }),
      forMs: 30_001,
    });
    expect(restartWords(restart, 31_001)?.words).toEqual(
      sentence('restart.minutes', { minutes: 1 }),
    );
    expect(restartWords(restart, 91_001)).toEqual({
      words: sentence('restart.soon'),
      forMs: undefined,
    });
  });

  it('is told without a time where there is none', () => {
    const restart = followRestart('none', ahead(null), 0);
    expect(restartWords(restart, 0)?.words).toEqual(sentence('restart.planned'));
  });

  it('is called off, or over once one is back', () => {
    const restart = followRestart('none', ahead(60), 0);
    expect(followRestart(restart, { type: 'heartbeat_echo' }, 1)).toBe(restart);
    for (const message of [{ type: 'shutdown_cancelled' }, { type: 'resumed', seq: 1 }] as const) {
      const then = followRestart(restart, message, 1);
      expect(restartWords(then, 1)).toBeUndefined();
    }
  });
});
