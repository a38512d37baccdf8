/** Those whom the server names and the encrypted group does not. Whoever has just come is about to
 * be let into the group and is no cause for alarm; whoever stays outside is. */

import { type Signal, signal } from '@preact/signals';

/** Being let in takes a round trip or two, and some work on a slow machine. */
const GRACE_MS = 4000;

export class Outsiders {
  /** Those who have been outside for longer than being let in takes. */
  readonly lasting: Signal<ReadonlySet<number>> = signal(new Set());
  readonly #waits = new Map<number, ReturnType<typeof setTimeout>>();

  /** These participants are here, and those of them are in the group. */
  follow(here: Iterable<number>, inside: ReadonlySet<number>): void {
    const outside = new Set([...here].filter((one) => !inside.has(one)));
    for (const [one, wait] of this.#waits) {
      if (outside.has(one)) continue;
      clearTimeout(wait);
      this.#waits.delete(one);
    }
    for (const one of outside) {
      if (this.#waits.has(one)) continue;
      this.#waits.set(
        one,
        setTimeout(() => this.#show([...this.lasting.peek(), one]), GRACE_MS),
      );
    }
    const still = [...this.lasting.peek()].filter((one) => outside.has(one));
    if (still.length < this.lasting.peek().size) this.#show(still);
  }

  #show(these: readonly number[]): void {
    this.lasting.value = new Set(these);
  }
}
