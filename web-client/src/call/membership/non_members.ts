/** Participants that the server reports and the encrypted group does not contain. One that has just
 * joined is about to be added and no cause for alarm; one that stays outside is. */

import { type ReadonlySignal, signal } from '@preact/signals';

/** Being added takes a round trip or two, and some work on a slow machine. */
const GRACE_MS = 4000;

export class NonMembers {
  readonly #overdue = signal<ReadonlySet<number>>(new Set());
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();

  /** Those that have been outside the group for longer than being added takes. */
  readonly overdue: ReadonlySignal<ReadonlySet<number>> = this.#overdue;

  /** Compares the participants that are present with those in the group. */
  update(present: Iterable<number>, members: ReadonlySet<number>): void {
    const outside = new Set([...present].filter((one) => !members.has(one)));
    for (const [participant, timer] of this.#timers) {
      if (outside.has(participant)) continue;
      clearTimeout(timer);
      this.#timers.delete(participant);
    }
    for (const participant of outside) {
      if (this.#timers.has(participant)) continue;
      this.#timers.set(
        participant,
        setTimeout(() => this.#replace([...this.#overdue.peek(), participant]), GRACE_MS),
      );
    }
    const remaining = [...this.#overdue.peek()].filter((one) => outside.has(one));
    if (remaining.length < this.#overdue.peek().size) this.#replace(remaining);
  }

  #replace(participants: readonly number[]): void {
    this.#overdue.value = new Set(participants);
  }
}
