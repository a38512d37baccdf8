/** Verification of all members by voice with a short authentication string (SAS), as the person
 * sees it. */

import { type ReadonlySignal, signal } from '@preact/signals';
import type { SasState as SasProgress } from '../../e2ee/messages';

export type SasState =
  /** Not started. */
  | { kind: 'none' }
  /** These participants have not answered yet. */
  | { kind: 'waiting'; participants: readonly number[] }
  /** To be read out: five emoji, as numbers from 0 to 63. */
  | { kind: 'emoji'; emoji: readonly number[] }
  /** The person confirmed that all members read out the same emoji, or that they did not. */
  | { kind: 'same' }
  | { kind: 'different' }
  /** This participant tried to choose the emoji. */
  | { kind: 'cheated'; participant: number }
  /** The membership changed meanwhile. */
  | { kind: 'interrupted' };

export interface SasEvents {
  /** Starts a verification with all members. */
  start(): void;
  /** Pins the identity keys of all members that took part. */
  confirm(): void;
  /** Another member started a verification. */
  invited(): void;
}

export class SasVerification {
  readonly #state = signal<SasState>({ kind: 'none' });
  readonly #events: SasEvents;
  #startedHere = false;

  readonly state: ReadonlySignal<SasState> = this.#state;

  constructor(events: SasEvents) {
    this.#events = events;
  }

  /** Starts a verification with all members. */
  start(): void {
    this.#startedHere = true;
    this.#events.start();
  }

  /** Records the person's comparison: all members have the same emoji, or not. */
  finish(same: boolean): void {
    if (this.#state.value.kind !== 'emoji') return;
    if (same) this.#events.confirm();
    this.#state.value = { kind: same ? 'same' : 'different' };
  }

  /** Takes the progress that the encryption reports. */
  handleProgress(progress: SasProgress): void {
    const starts = progress.state === 'waiting' && this.#state.value.kind !== 'waiting';
    if (starts && !this.#startedHere) this.#events.invited();
    this.#state.value = stateOf(progress);
    if (progress.state !== 'waiting') this.#startedHere = false;
  }

  /** Forgets the verification before a rejoin. */
  reset(): void {
    this.#startedHere = false;
    this.#state.value = { kind: 'none' };
  }
}

function stateOf(progress: SasProgress): SasState {
  switch (progress.state) {
    case 'waiting':
      return { kind: 'waiting', participants: progress.participants };
    case 'emoji':
      return { kind: 'emoji', emoji: progress.emoji };
    case 'commitment_mismatch':
      return { kind: 'cheated', participant: progress.participant };
    case 'interrupted':
      return { kind: 'interrupted' };
  }
}
