/** Camera and microphone: which there are, which is chosen, and the running tracks. */

import { signal, type Signal } from '@preact/signals';
import { type DeviceKind, explain } from './problems';

const VIDEO: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
};

const AUDIO: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};

/** One kind of device: wanted or not, and what has become of it. */
export class Device {
  readonly track: Signal<MediaStreamTrack | undefined> = signal(undefined);
  readonly problem: Signal<string | undefined> = signal(undefined);
  readonly choices: Signal<MediaDeviceInfo[]> = signal([]);
  readonly chosen: Signal<string | undefined> = signal(undefined);
  readonly wanted = signal(true);

  constructor(readonly kind: DeviceKind) {}

  /** Starts it if it is wanted. Never throws: what is wrong is told by `problem`. */
  async start(): Promise<void> {
    if (!this.wanted.value || this.track.value !== undefined) return;
    try {
      const track = await this.#open();
      if (!this.wanted.value) {
        track.stop();
        return;
      }
      track.addEventListener('ended', () => {
        if (this.track.value !== track) return;
        this.track.value = undefined;
        this.problem.value = `The ${this.kind} was unplugged or stopped.`;
      });
      this.problem.value = undefined;
      this.track.value = track;
      this.chosen.value = track.getSettings().deviceId;
    } catch (error) {
      this.problem.value = explain(this.kind, error);
    }
    await this.list();
  }

  /** Stops it; its light goes out. */
  stop(): void {
    this.track.value?.stop();
    this.track.value = undefined;
  }

  /** Turns it on or off. */
  async set(wanted: boolean): Promise<void> {
    this.wanted.value = wanted;
    if (wanted) await this.start();
    else this.stop();
  }

  /** Takes another one. */
  async choose(deviceId: string): Promise<void> {
    this.chosen.value = deviceId;
    this.stop();
    await this.start();
  }

  /** Looks which ones there are. */
  async list(): Promise<void> {
    const kind = this.kind === 'camera' ? 'videoinput' : 'audioinput';
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    this.choices.value = all.filter((one) => one.kind === kind && one.deviceId !== '');
  }

  async #open(): Promise<MediaStreamTrack> {
    const base = this.kind === 'camera' ? VIDEO : AUDIO;
    const id = this.chosen.value;
    const constraints = id === undefined ? base : { ...base, deviceId: { exact: id } };
    const stream = await navigator.mediaDevices.getUserMedia(
      this.kind === 'camera' ? { video: constraints } : { audio: constraints },
    );
    const track = stream.getTracks()[0];
    if (track === undefined) throw new DOMException('no track', 'NotFoundError');
    return track;
  }
}

/** Both, from the lobby into the call. */
export class Devices {
  readonly camera = new Device('camera');
  readonly microphone = new Device('microphone');

  readonly #relist = (): void => {
    void this.camera.list();
    void this.microphone.list();
  };

  /** Starts what is wanted and follows what is plugged in. */
  async start(): Promise<void> {
    navigator.mediaDevices.addEventListener('devicechange', this.#relist);
    await Promise.all([this.camera.start(), this.microphone.start()]);
  }

  stop(): void {
    navigator.mediaDevices.removeEventListener('devicechange', this.#relist);
    this.camera.stop();
    this.microphone.stop();
  }
}
