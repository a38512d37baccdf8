/** Which effects the person wants, put behind the devices as they change. */

import { effect } from '@preact/signals';
import type { Devices } from '../devices/devices';
import { settings } from '../settings/settings';
import type { ApplyEffect } from './effect';

/** Fetched when they are wanted for the first time. */
const suppress: ApplyEffect = async (raw) => (await import('./noise')).suppressNoise(raw);

/** Follows the settings until the returned function is called. */
export function followEffects({ microphone }: Devices): () => void {
  return effect(() => void microphone.apply(settings.noise.value ? suppress : undefined));
}
