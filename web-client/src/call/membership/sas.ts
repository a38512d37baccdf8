/** Comparison by voice, as the person sees it. */

import { signal } from '@preact/signals';
import type { Comparison as Said } from '../../e2ee/messages';

export type ComparisonView =
  /** Nobody has begun. */
  | { kind: 'none' }
  /** These participants have not answered yet. */
  | { kind: 'waiting'; participants: readonly number[] }
  /** To be read out: five numbers from 0 to 63. */
  | { kind: 'emoji'; emoji: readonly number[] }
  /** The person has said that all are the same, or that they are not. */
  | { kind: 'same' }
  | { kind: 'different' }
  /** This participant tried to choose the emoji. */
  | { kind: 'cheated'; participant: number }
  /** Somebody came or left meanwhile. */
  | { kind: 'interrupted' };

interface Way {
  /** Has all members answer. */
  begin(): void;
  /** Pins everybody who took part. */
  allSame(): void;
  /** Somebody else has begun. */
  invited(): void;
}

export class Comparison {
  readonly view = signal<ComparisonView>({ kind: 'none' });
  readonly #way: Way;
  #mine = false;

  constructor(way: Way) {
    this.#way = way;
  }

  begin(): void {
    this.#mine = true;
    this.#way.begin();
  }

  /** What the person has heard from the others. */
  heard(same: boolean): void {
    if (this.view.value.kind !== 'emoji') return;
    if (same) this.#way.allSame();
    this.view.value = { kind: same ? 'same' : 'different' };
  }

  /** How it stands, by the encryption. */
  follow(said: Said): void {
    const begins = said.state === 'waiting' && this.view.value.kind !== 'waiting';
    if (begins && !this.#mine) this.#way.invited();
    this.view.value = viewOf(said);
    if (said.state !== 'waiting') this.#mine = false;
  }

  /** The person comes in anew: nothing of before counts. */
  forget(): void {
    this.#mine = false;
    this.view.value = { kind: 'none' };
  }
}

function viewOf(said: Said): ComparisonView {
  switch (said.state) {
    case 'waiting':
      return { kind: 'waiting', participants: said.participants };
    case 'emoji':
      return { kind: 'emoji', emoji: said.emoji };
    case 'cheated':
      return { kind: 'cheated', participant: said.participant };
    case 'interrupted':
      return { kind: 'interrupted' };
  }
}
