/** The settings that are stored in this browser. */

import { effect } from '@preact/signals';
import { type Language, preferred, setLanguage } from '../i18n/i18n';
import { isBoolean, isOneOf, isString, persistedSignal } from './persisted_signal';

export type Theme = 'system' | 'light' | 'dark';

export const settings = {
  name: persistedSignal('name', '', isString),
  language: persistedSignal<Language | 'system'>(
    'language',
    'system',
    isOneOf('system', 'en', 'de', 'fr'),
  ),
  theme: persistedSignal<Theme>('theme', 'system', isOneOf('system', 'light', 'dark')),
  /** Device ids; empty for the system's default. */
  camera: persistedSignal('camera', '', isString),
  microphone: persistedSignal('microphone', '', isString),
  speaker: persistedSignal('speaker', '', isString),
  /** Mirror the own video. */
  mirrored: persistedSignal('mirrored', true, isBoolean),
  /** Blur the background. */
  blur: persistedSignal('blur', false, isBoolean),
  /** Suppress noise. */
  noise: persistedSignal('noise', false, isBoolean),
  /** Play a sound when a participant joins or leaves. */
  sounds: persistedSignal('sounds', true, isBoolean),
  /** Keep the microphone open while muted, to detect speech. */
  talkHint: persistedSignal('talk-hint', true, isBoolean),
  /** Log the steps of key agreement to the console, to compare them with the specification. */
  trace: persistedSignal('trace', false, isBoolean),
  /** Enable single-key shortcuts in the call. */
  shortcuts: persistedSignal('shortcuts', true, isBoolean),
} as const;

/** Applies the language and the theme, now and after every change. */
export async function applySettings(): Promise<void> {
  effect(() => {
    document.documentElement.dataset['theme'] = settings.theme.value;
  });
  await setLanguage(chosenLanguage());
  effect(() => void setLanguage(chosenLanguage()));
}

function chosenLanguage(): Language {
  const choice = settings.language.value;
  return choice === 'system' ? preferred(navigator.languages) : choice;
}
