/** The choices that are remembered in this browser. */

import { effect } from '@preact/signals';
import { type Language, preferred, speak } from '../i18n/i18n';
import { isBoolean, isOneOf, isString, stored } from './persisted_signal';

export type Theme = 'system' | 'light' | 'dark';

export const settings = {
  name: stored('name', '', isString),
  language: stored<Language | 'system'>('language', 'system', isOneOf('system', 'en', 'de', 'fr')),
  theme: stored<Theme>('theme', 'system', isOneOf('system', 'light', 'dark')),
  /** Chosen devices by their ids; empty is the system's choice. */
  camera: stored('camera', '', isString),
  microphone: stored('microphone', '', isString),
  speaker: stored('speaker', '', isString),
  /** The own picture as in a mirror. */
  mirrored: stored('mirrored', true, isBoolean),
  /** What is behind the person is blurred by this page. */
  blur: stored('blur', false, isBoolean),
  /** The microphone's noise is taken out by this page. */
  noise: stored('noise', false, isBoolean),
  /** A sound when somebody comes or goes. */
  sounds: stored('sounds', true, isBoolean),
  /** The microphone stays open while muted, so that talking into it is noticed. */
  talkHint: stored('talk-hint', true, isBoolean),
  /** The steps of key agreement go to the console, for a check against the specification. */
  trace: stored('trace', false, isBoolean),
  /** Single keys do something in the call. */
  shortcuts: stored('shortcuts', true, isBoolean),
} as const;

/** Speaks the chosen language and wears the chosen colours, now and after every change. */
export async function applySettings(): Promise<void> {
  effect(() => {
    document.documentElement.dataset['theme'] = settings.theme.value;
  });
  await speak(chosenLanguage());
  effect(() => void speak(chosenLanguage()));
}

function chosenLanguage(): Language {
  const choice = settings.language.value;
  return choice === 'system' ? preferred(navigator.languages) : choice;
}
