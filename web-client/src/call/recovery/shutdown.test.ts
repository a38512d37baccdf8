import { describe, expect, it } from 'vitest';
import { sentence } from '../../i18n/i18n';
import { ShutdownNotice, shutdownSentence } from './shutdown';

function announced(seconds: number | null, now: number): ShutdownNotice {
  const notice = new ShutdownNotice();
  notice.handleControlMessage({ type: 'shutdown_notice', in_seconds: seconds }, now);
  return notice;
}

describe('a shutdown notice', () => {
  it('counts down in minutes, then says soon, each for as long as it is true', () => {
    const { shutdown } = announced(150, 1000);
    expect(shutdownSentence(shutdown.value, 1000)).toEqual({
      sentence: sentence('restart.minutes', { minutes: 2 }),
      forMs: 30_001,
    });
    expect(shutdownSentence(shutdown.value, 31_001)?.sentence).toEqual(
      sentence('restart.minutes', { minutes: 1 }),
    );
    expect(shutdownSentence(shutdown.value, 91_001)).toEqual({
      sentence: sentence('restart.soon'),
      forMs: undefined,
    });
  });

  it('is shown without a time if the server gave none', () => {
    const { shutdown } = announced(null, 0);
    expect(shutdownSentence(shutdown.value, 0)?.sentence).toEqual(sentence('restart.planned'));
  });

  it('is cleared when it is cancelled, and after a reconnect', () => {
    const cancelled = announced(60, 0);
    cancelled.handleControlMessage({ type: 'heartbeat_echo' }, 1);
    expect(cancelled.shutdown.value).toEqual({ at: 60_000 });
    cancelled.handleControlMessage({ type: 'shutdown_cancelled' }, 1);
    expect(shutdownSentence(cancelled.shutdown.value, 1)).toBeUndefined();
    const resumed = announced(60, 0);
    resumed.handleRoomMessage({ type: 'resumed', seq: 1 });
    expect(shutdownSentence(resumed.shutdown.value, 1)).toBeUndefined();
  });
});
