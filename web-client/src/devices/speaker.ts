/** Where sound comes out. */

import { type Signal, signal } from '@preact/signals';

export class Speaker {
  readonly choices: Signal<MediaDeviceInfo[]> = signal([]);

  constructor(
    /** The remembered choice; empty is the system's. */
    readonly chosen: Signal<string>,
  ) {}

  /** Whether this browser lets a page choose. */
  get selectable(): boolean {
    return 'setSinkId' in HTMLMediaElement.prototype;
  }

  async list(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    this.choices.value = all.filter((one) => one.kind === 'audiooutput' && one.deviceId !== '');
  }
}

/** Lets an element sound from there. One that is gone leaves the sound where it was. */
export function routeTo(element: HTMLMediaElement, deviceId: string): void {
  if (!('setSinkId' in element) || element.sinkId === deviceId) return;
  element.setSinkId(deviceId).catch(() => undefined);
}
