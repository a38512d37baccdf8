/** The audio output device. */

import { type ReadonlySignal, type Signal, signal } from '@preact/signals';

export class Speaker {
  readonly #stored: Signal<string>;
  readonly #choices = signal<MediaDeviceInfo[]>([]);
  readonly choices: ReadonlySignal<MediaDeviceInfo[]> = this.#choices;

  constructor(
    /** The stored choice, as a device id; empty for the system's default. */
    stored: Signal<string>,
  ) {
    this.#stored = stored;
  }

  /** Returns the chosen device's id; empty for the system's default. */
  get chosen(): ReadonlySignal<string> {
    return this.#stored;
  }

  /** Returns whether this browser lets a page choose the output. */
  get isSelectable(): boolean {
    return 'setSinkId' in HTMLMediaElement.prototype;
  }

  choose(deviceId: string): void {
    this.#stored.value = deviceId;
  }

  /** Reads the list of devices. */
  async refreshChoices(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    this.#choices.value = all.filter((one) => one.kind === 'audiooutput' && one.deviceId !== '');
  }
}

/** Plays an element on a device. If the device is gone, the output does not change. */
export function setOutput(element: HTMLMediaElement, deviceId: string): void {
  if (!('setSinkId' in element) || element.sinkId === deviceId) return;
  element.setSinkId(deviceId).catch(() => undefined);
}
