/** The shutdown that the server announces in advance. */

import { type ReadonlySignal, signal } from '@preact/signals';
import { type Sentence, sentence } from '../../i18n/i18n';
import type { ControlMessage, RoomMessage } from '../../signaling/decode';

/** When the server shuts down: not announced, at an unknown time, or at a time in ms. */
export type Shutdown = 'none' | 'announced' | { at: number };

const MINUTE_MS = 60_000;

export class ShutdownNotice {
  readonly #shutdown = signal<Shutdown>('none');
  readonly shutdown: ReadonlySignal<Shutdown> = this.#shutdown;

  handleControlMessage(message: ControlMessage, now: number): void {
    switch (message.type) {
      case 'shutdown_notice': {
        const seconds = message.in_seconds;
        this.#shutdown.value = seconds === null ? 'announced' : { at: now + seconds * 1000 };
        break;
      }
      case 'shutdown_cancelled':
      case 'closing':
        this.#shutdown.value = 'none';
        break;
      default:
        break;
    }
  }

  /** Forgets the notice on a new socket; the server repeats one that still holds. */
  handleRoomMessage(message: RoomMessage): void {
    switch (message.type) {
      case 'joined':
      case 'resumed':
      case 'waiting':
        this.#shutdown.value = 'none';
        break;
      default:
        break;
    }
  }
}

/** Returns the notice in words, and for how many ms they stay true. */
export function shutdownSentence(
  shutdown: Shutdown,
  now: number,
): { sentence: Sentence; forMs: number | undefined } | undefined {
  if (shutdown === 'none') return undefined;
  if (shutdown === 'announced') {
    return { sentence: sentence('restart.planned'), forMs: undefined };
  }
  const left = shutdown.at - now;
  if (left < MINUTE_MS) return { sentence: sentence('restart.soon'), forMs: undefined };
  const minutes = Math.floor(left / MINUTE_MS);
  // One millisecond more: timers may fire early.
  return { sentence: sentence('restart.minutes', { minutes }), forMs: (left % MINUTE_MS) + 1 };
}
