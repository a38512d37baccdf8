/** Camera, microphone and speaker, from the lobby into the call. */

import { settings } from '../settings/settings';
import { Device } from './device';
import { Speaker } from './speaker';

export class Devices {
  readonly camera = new Device('camera', settings.camera);
  readonly microphone = new Device('microphone', settings.microphone);
  readonly speaker = new Speaker(settings.speaker);

  readonly #replugged = (): void => {
    void this.camera.replugged();
    void this.microphone.replugged();
    void this.speaker.list();
  };

  /** Starts what is wanted and follows what is plugged in. */
  async start(): Promise<void> {
    navigator.mediaDevices.addEventListener('devicechange', this.#replugged);
    await Promise.all([this.camera.start(), this.microphone.start()]);
    // Names are told only to pages that may use a device.
    await this.speaker.list();
  }

  stop(): void {
    navigator.mediaDevices.removeEventListener('devicechange', this.#replugged);
    this.camera.stop();
    this.microphone.stop();
  }
}
