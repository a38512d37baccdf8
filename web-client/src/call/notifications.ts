/** Short news that go away by themselves, and notices that stay until they are read. */

import { type Signal, signal } from '@preact/signals';
import { sameSentence, type Sentence } from '../i18n/i18n';

export type News = 'came' | 'went' | 'other';

export interface Toast {
  id: number;
  news: News;
  sentence: Sentence;
}

const TOAST_MS = 5000;
const SHOWN = 4;

export class Toasts {
  readonly shown: Signal<readonly Toast[]> = signal([]);
  #id = 0;

  add(news: News, sentence: Sentence): void {
    this.#id += 1;
    const id = this.#id;
    this.shown.value = [...this.shown.value.slice(1 - SHOWN), { id, news, sentence }];
    setTimeout(() => {
      this.shown.value = this.shown.value.filter((one) => one.id !== id);
    }, TOAST_MS);
  }
}

/** Sentences that stay until the person dismisses them, newest last, none twice. */
export class Notices {
  readonly shown: Signal<readonly Sentence[]> = signal([]);

  add(sentence: Sentence): void {
    const known = this.shown.value;
    if (known.some((one) => sameSentence(one, sentence))) return;
    this.shown.value = [...known.slice(1 - SHOWN), sentence];
  }

  dismiss(sentence: Sentence): void {
    this.shown.value = this.shown.value.filter((one) => one !== sentence);
  }
}
