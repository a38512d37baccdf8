/** Which effects the person wants, put behind the devices as they change. */

import { effect } from '@preact/signals';
import type { Devices } from '../devices/devices';
import { settings } from '../settings/settings';
import type { ApplyEffect } from './effect';

/** Fetched when they are wanted for the first time. */
const suppress: ApplyEffect = async (raw) => (await import('./noise')).suppressNoise(raw);
const blur: ApplyEffect = async (raw) => (await import('./blur')).blurBackground(raw);

/** Whether this browser hands out the frames of a camera. */
export function canBlur(): boolean {
  return 'MediaStreamTrackProcessor' in globalThis && 'MediaStreamTrackGenerator' in globalThis;
}

/** Follows the settings until the returned function is called. */
export function followEffects({ camera, microphone }: Devices): () => void {
  const stops = [
    effect(() => void microphone.apply(settings.noise.value ? suppress : undefined)),
    effect(() => void camera.apply(settings.blur.value && canBlur() ? blur : undefined)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
