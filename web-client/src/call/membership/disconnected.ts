/** Whose connection is broken, by the word of the server. */

import { type Signal, signal } from '@preact/signals';
import type { PageMessage } from '../../signaling/decode';

/** So long the server keeps a place, and some more. Whoever is said to be away for longer is either
 * back or gone, whatever the server says. */
const LONGEST_MS = 90_000;

/** These participants are away, once this message is heard. */
export function followAway(
  away: ReadonlySet<number>,
  message: PageMessage,
  own: number,
): ReadonlySet<number> {
  if (message.type === 'joined' || message.type === 'snapshot')
    return new Set(message.room.disconnected);
  if (message.type !== 'delta') return away;
  const { delta } = message;
  if (delta.change !== 'connection_changed' && delta.change !== 'participant_left') return away;
  const { participant } = delta;
  const is = delta.change === 'connection_changed' && delta.disconnected && participant !== own;
  if (is === away.has(participant)) return away;
  const next = new Set(away);
  if (is) next.add(participant);
  else next.delete(participant);
  return next;
}

export class Away {
  readonly shown: Signal<ReadonlySet<number>> = signal(new Set());
  /** Of these nothing is to be heard for now, and that says nothing against the server. It cannot
   * excuse anybody for long: what it says here nobody can check. */
  readonly excused: Signal<ReadonlySet<number>> = signal(new Set());
  readonly #ends = new Map<number, ReturnType<typeof setTimeout>>();

  hear(message: PageMessage, own: number): void {
    const away = followAway(this.shown.peek(), message, own);
    if (away === this.shown.peek()) return;
    this.#show(away);
  }

  /** The call is joined anew, or over. */
  reset(): void {
    this.#show(new Set());
  }

  #show(away: ReadonlySet<number>): void {
    const before = this.shown.peek();
    for (const [one, end] of this.#ends) {
      if (away.has(one)) continue;
      clearTimeout(end);
      this.#ends.delete(one);
    }
    const excused = new Set([...this.excused.peek()].filter((one) => away.has(one)));
    for (const one of away) {
      if (before.has(one)) continue;
      excused.add(one);
      this.#ends.set(
        one,
        setTimeout(() => this.#excuseNoMore(one), LONGEST_MS),
      );
    }
    this.shown.value = away;
    this.excused.value = excused;
  }

  #excuseNoMore(one: number): void {
    this.excused.value = new Set([...this.excused.peek()].filter((other) => other !== one));
  }
}
