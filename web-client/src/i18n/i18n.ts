/** Messages in the person's language. All visible text comes from the message catalogues. */

import { signal } from '@preact/signals';
import type { Language } from './compile';
import type { Messages } from './messages.gen';

export type { Language };
export type Key = keyof Messages;
export type Compiled = { readonly [K in Key]: (values: Messages[K]) => string };
type Values<K extends Key> = keyof Messages[K] extends never ? [] : [values: Messages[K]];

/** A message and its arguments, rendered in the current language when it is shown. */
export interface Sentence {
  readonly key: Key;
  readonly values: Readonly<Record<string, string | number>>;
}

/** The languages by their native names. */
export const NAMES: Record<Language, string> = { en: 'English', de: 'Deutsch', fr: 'Français' };

const LOADERS: Record<Language, () => Promise<{ default: Compiled }>> = {
  en: () => import('virtual:messages/en'),
  de: () => import('virtual:messages/de'),
  fr: () => import('virtual:messages/fr'),
};

const current = signal<{ language: Language; messages: Compiled } | undefined>(undefined);

/** Loads the catalogue of a language and makes it the current one. */
export async function setLanguage(chosen: Language): Promise<void> {
  const { default: messages } = await LOADERS[chosen]();
  document.documentElement.lang = chosen;
  current.value = { language: chosen, messages };
}

/** Returns the current language. Reading it subscribes to its changes. */
export function language(): Language {
  return current.value?.language ?? 'en';
}

/** Returns a message in the current language. */
export function t<K extends Key>(key: K, ...values: Values<K>): string {
  return text(sentence(key, ...values));
}

/** Returns a message that is rendered later. */
export function sentence<K extends Key>(key: K, ...values: Values<K>): Sentence {
  return { key, values: values[0] ?? {} };
}

/** Renders a message in the current language. */
export function text({ key, values }: Sentence): string {
  const render = current.value?.messages[key] as ((values: unknown) => string) | undefined;
  // Nothing is rendered before a catalogue is loaded; tests of view models see the key.
  return render === undefined ? key : render(values);
}

/** Returns `true` if both are the same message with the same arguments. */
export function sameSentence(a: Sentence, b: Sentence): boolean {
  return a.key === b.key && JSON.stringify(a.values) === JSON.stringify(b.values);
}

/** Joins names into a list, as the language does. */
export function list(names: readonly string[]): string {
  return new Intl.ListFormat(language()).format(names);
}

/** Returns the first supported language of a browser's preferences, or English. */
export function preferred(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const [base] = tag.toLowerCase().split('-');
    if (base === 'en' || base === 'de' || base === 'fr') return base;
  }
  return 'en';
}
