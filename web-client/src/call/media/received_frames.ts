/** Owns what the media worker reports of received frames: which member each slot carries, and how
 * many frames were decrypted or dropped. */

import { batch, type ReadonlySignal, signal } from '@preact/signals';
import type { FromMedia } from '../../e2ee/messages';
import type { SlotLabel } from '../layout/tiles';

export class ReceivedFrames {
  readonly #labels = signal<ReadonlyMap<string, SlotLabel>>(new Map());
  readonly #decrypted = signal(0);
  readonly #dropped = signal(0);

  /** By slot id, oldest label first. Labels are authenticated by the frames themselves. */
  readonly labels: ReadonlySignal<ReadonlyMap<string, SlotLabel>> = this.#labels;
  readonly decrypted: ReadonlySignal<number> = this.#decrypted;
  readonly dropped: ReadonlySignal<number> = this.#dropped;

  handleLabel({ slot, leaf, context }: FromMedia & { type: 'label' }): void {
    const labels = new Map(this.#labels.value);
    // Insertion order is age: the newest label comes last.
    labels.delete(slot);
    labels.set(slot, { leaf, context });
    this.#labels.value = labels;
  }

  handleCounters({ slots }: FromMedia & { type: 'counters' }): void {
    const all = Object.values(slots);
    // Replayed frames were shown once: the SFU probes the bandwidth by resending packets.
    const dropped = all
      .flatMap((one) => Object.entries(one.dropped))
      .filter(([reason]) => reason !== 'replay');
    batch(() => {
      this.#decrypted.value = all.reduce((sum, one) => sum + one.decrypted, 0);
      this.#dropped.value = dropped.reduce((sum, [, frames]) => sum + frames, 0);
    });
  }

  /** Forgets the labels before a rejoin. */
  reset(): void {
    this.#labels.value = new Map();
  }
}
