/** Toasts, which disappear by themselves, and notices, which stay until they are dismissed. */

import { type ReadonlySignal, signal } from '@preact/signals';
import { sameSentence, type Sentence } from '../i18n/i18n';

export type ToastKind = 'joined' | 'left' | 'other';

export interface Toast {
  id: number;
  kind: ToastKind;
  sentence: Sentence;
}

const TOAST_MS = 5000;
const MAX_SHOWN = 4;

export class Toasts {
  readonly #shown = signal<readonly Toast[]>([]);
  #lastId = 0;

  /** Oldest first. */
  readonly shown: ReadonlySignal<readonly Toast[]> = this.#shown;

  add(kind: ToastKind, sentence: Sentence): void {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#shown.value = [...this.#shown.value.slice(1 - MAX_SHOWN), { id, kind, sentence }];
    setTimeout(() => {
      this.#shown.value = this.#shown.value.filter((one) => one.id !== id);
    }, TOAST_MS);
  }
}

export class Notices {
  readonly #shown = signal<readonly Sentence[]>([]);

  /** Oldest first, without duplicates. */
  readonly shown: ReadonlySignal<readonly Sentence[]> = this.#shown;

  add(sentence: Sentence): void {
    const known = this.#shown.value;
    if (known.some((one) => sameSentence(one, sentence))) return;
    this.#shown.value = [...known.slice(1 - MAX_SHOWN), sentence];
  }

  dismiss(sentence: Sentence): void {
    this.#shown.value = this.#shown.value.filter((one) => one !== sentence);
  }
}
