/** The camera, microphone and speaker, from the start page into the call. */

import { settings } from '../settings/settings';
import { Device } from './device';
import { Speaker } from './speaker';

export class Devices {
  readonly camera = new Device('camera', settings.camera);
  readonly microphone = new Device('microphone', settings.microphone);
  readonly speaker = new Speaker(settings.speaker);

  readonly #handleDeviceChange = (): void => {
    void this.camera.handleDeviceChange();
    void this.microphone.handleDeviceChange();
    void this.speaker.refreshChoices();
  };

  /** Opens the enabled devices, and listens for connected and disconnected ones. */
  async start(): Promise<void> {
    navigator.mediaDevices.addEventListener('devicechange', this.#handleDeviceChange);
    await Promise.all([this.camera.start(), this.microphone.start()]);
    // Device labels are available only after permission was given.
    await this.speaker.refreshChoices();
  }

  stop(): void {
    navigator.mediaDevices.removeEventListener('devicechange', this.#handleDeviceChange);
    this.camera.stop();
    this.microphone.stop();
  }
}
