/** The participants that the server reports as disconnected. */

import { type ReadonlySignal, signal } from '@preact/signals';
import type { RoomMessage } from '../../signaling/decode';

/** A little longer than the server keeps a disconnected participant. One that it reports as
 * disconnected for longer is back or gone, whatever the server says. */
const MAX_EXEMPTION_MS = 90_000;

/** Returns the disconnected participants after a message; the own participant is never one. */
export function updateDisconnected(
  disconnected: ReadonlySet<number>,
  message: RoomMessage,
  ownParticipant: number,
): ReadonlySet<number> {
  if (message.type === 'joined' || message.type === 'snapshot')
    return new Set(message.room.disconnected);
  if (message.type !== 'delta') return disconnected;
  const { delta } = message;
  if (delta.change !== 'connection_changed' && delta.change !== 'participant_left')
    return disconnected;
  const { participant } = delta;
  const is =
    delta.change === 'connection_changed' && delta.disconnected && participant !== ownParticipant;
  if (is === disconnected.has(participant)) return disconnected;
  const next = new Set(disconnected);
  if (is) next.add(participant);
  else next.delete(participant);
  return next;
}

export class DisconnectedParticipants {
  readonly #all = signal<ReadonlySet<number>>(new Set());
  readonly #exempt = signal<ReadonlySet<number>>(new Set());
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();

  /** All that the server reports. */
  readonly all: ReadonlySignal<ReadonlySet<number>> = this.#all;
  /** Those whose missing heartbeats do not count against the server yet. The exemption is short,
   * because members cannot verify the server's claim. */
  readonly exempt: ReadonlySignal<ReadonlySet<number>> = this.#exempt;

  handleRoomMessage(message: RoomMessage, ownParticipant: number): void {
    const next = updateDisconnected(this.#all.peek(), message, ownParticipant);
    if (next !== this.#all.peek()) this.#replace(next);
  }

  /** Forgets everything, before a rejoin or after the call. */
  reset(): void {
    this.#replace(new Set());
  }

  #replace(next: ReadonlySet<number>): void {
    const before = this.#all.peek();
    for (const [participant, timer] of this.#timers) {
      if (next.has(participant)) continue;
      clearTimeout(timer);
      this.#timers.delete(participant);
    }
    const exempt = new Set([...this.#exempt.peek()].filter((one) => next.has(one)));
    for (const participant of next) {
      if (before.has(participant)) continue;
      exempt.add(participant);
      this.#timers.set(
        participant,
        setTimeout(() => this.#endExemption(participant), MAX_EXEMPTION_MS),
      );
    }
    this.#all.value = next;
    this.#exempt.value = exempt;
  }

  #endExemption(participant: number): void {
    this.#exempt.value = new Set([...this.#exempt.peek()].filter((one) => one !== participant));
  }
}
