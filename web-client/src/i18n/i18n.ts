/** What the page says, in the language of the person. Every sentence comes from a catalogue. */

import { signal } from '@preact/signals';
import type { Language } from './compile';
import type { Messages } from './messages.gen';

export type { Language };
export type Key = keyof Messages;
export type Compiled = { readonly [K in Key]: (values: Messages[K]) => string };
type Values<K extends Key> = keyof Messages[K] extends never ? [] : [values: Messages[K]];

/** Something to say, in no language yet: whoever shows it says it in the current one. */
export interface Sentence {
  readonly key: Key;
  readonly values: Readonly<Record<string, string | number>>;
}

/** Languages by their own names. */
export const NAMES: Record<Language, string> = { en: 'English', de: 'Deutsch', fr: 'Français' };

const LOADERS: Record<Language, () => Promise<{ default: Compiled }>> = {
  en: () => import('virtual:messages/en'),
  de: () => import('virtual:messages/de'),
  fr: () => import('virtual:messages/fr'),
};

const current = signal<{ language: Language; messages: Compiled } | undefined>(undefined);

/** Speaks this language from now on. */
export async function speak(chosen: Language): Promise<void> {
  const { default: messages } = await LOADERS[chosen]();
  document.documentElement.lang = chosen;
  current.value = { language: chosen, messages };
}

/** The language that is spoken; whoever reads it follows its changes. */
export function language(): Language {
  return current.value?.language ?? 'en';
}

/** A message of the catalogue. */
export function t<K extends Key>(key: K, ...values: Values<K>): string {
  return text(sentence(key, ...values));
}

export function sentence<K extends Key>(key: K, ...values: Values<K>): Sentence {
  return { key, values: values[0] ?? {} };
}

export function text({ key, values }: Sentence): string {
  const say = current.value?.messages[key] as ((values: unknown) => string) | undefined;
  // Before the catalogue is there, nothing is rendered; tests of view models see the key.
  return say === undefined ? key : say(values);
}

export function sameSentence(a: Sentence, b: Sentence): boolean {
  return a.key === b.key && JSON.stringify(a.values) === JSON.stringify(b.values);
}

/** Names in a row, as the language joins them. */
export function list(names: readonly string[]): string {
  return new Intl.ListFormat(language()).format(names);
}

/** The first language that both sides know. */
export function preferred(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const [base] = tag.toLowerCase().split('-');
    if (base === 'en' || base === 'de' || base === 'fr') return base;
  }
  return 'en';
}
