/** Applies the effects that the person chose in the settings to the devices. */

import { effect } from '@preact/signals';
import type { Devices } from '../devices/devices';
import { settings } from '../settings/settings';
import type { ApplyEffect } from './effect';

// Loaded when they are first used.
const suppress: ApplyEffect = async (raw) => (await import('./noise')).suppressNoise(raw);
const blur: ApplyEffect = async (raw) => (await import('./blur')).blurBackground(raw);

/** Returns whether this browser gives access to the frames of a camera. */
export function canBlur(): boolean {
  return 'MediaStreamTrackProcessor' in globalThis && 'MediaStreamTrackGenerator' in globalThis;
}

/** Applies the settings now and after every change, until the returned function is called. */
export function applyEffectSettings({ camera, microphone }: Devices): () => void {
  const stops = [
    effect(() => void microphone.setEffect(settings.noise.value ? suppress : undefined)),
    effect(() => void camera.setEffect(settings.blur.value && canBlur() ? blur : undefined)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
