/** The server's end, told before it comes: a pure fold over its messages. */

import { type Sentence, sentence } from '../../i18n/i18n';
import type { PageMessage } from '../../signaling/decode';

/** When the server will be restarted, in ms. */
export type Restart = 'none' | 'some time' | { at: number };

const MINUTE_MS = 60_000;

export function followRestart(restart: Restart, message: PageMessage, now: number): Restart {
  switch (message.type) {
    // It has come, or it is told again after these if it is still so.
    case 'closing':
    case 'joined':
    case 'resumed':
    case 'waiting':
    case 'shutdown_cancelled':
      return 'none';
    case 'shutdown_notice': {
      const seconds = message.in_seconds;
      return seconds === null ? 'some time' : { at: now + seconds * 1000 };
    }
    case 'snapshot':
    case 'delta':
    case 'lobby_participants':
    case 'asked_to_mute':
    case 'commit_pending':
    case 'commit_rejected':
    case 'answer':
    case 'media_lost':
    case 'subscribed_quality':
    case 'downlink':
    case 'heartbeat_echo':
    case 'refused':
      return restart;
  }
}

/** The same in words, and for how long they are true, in ms. */
export function restartWords(
  restart: Restart,
  now: number,
): { words: Sentence; forMs: number | undefined } | undefined {
  if (restart === 'none') return undefined;
  if (restart === 'some time') return { words: sentence('restart.planned'), forMs: undefined };
  const left = restart.at - now;
  if (left < MINUTE_MS) return { words: sentence('restart.soon'), forMs: undefined };
  const minutes = Math.floor(left / MINUTE_MS);
  // A millisecond more: timers may come early.
  return { words: sentence('restart.minutes', { minutes }), forMs: (left % MINUTE_MS) + 1 };
}
