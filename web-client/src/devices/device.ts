/** Owns a camera or a microphone: whether it is on, which one is used, and its effect. */

import { type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { ApplyEffect, Effect } from '../effects/effect';
import { type DeviceKind, type DeviceProblem, isFixedByPlugging, problemOf } from './problems';

const VIDEO: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
};

/** For the data saver mode. */
const LOW_RESOLUTION_VIDEO: MediaTrackConstraints = {
  width: { ideal: 640 },
  height: { ideal: 360 },
  frameRate: { ideal: 15 },
};

const AUDIO: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};

export class Device {
  readonly #chosen: Signal<string>;
  readonly #track = signal<MediaStreamTrack | undefined>(undefined);
  readonly #standby = signal<MediaStreamTrack | undefined>(undefined);
  readonly #problem = signal<DeviceProblem | undefined>(undefined);
  readonly #opening = signal(false);
  readonly #choices = signal<MediaDeviceInfo[]>([]);
  readonly #enabled = signal(true);
  readonly #effectFailed = signal(false);

  /** The track to publish; `undefined` while the device is off. */
  readonly track: ReadonlySignal<MediaStreamTrack | undefined> = this.#track;
  /** The track of a muted device that stays open for this page only, to detect speech. */
  readonly standby: ReadonlySignal<MediaStreamTrack | undefined> = this.#standby;
  readonly problem: ReadonlySignal<DeviceProblem | undefined> = this.#problem;
  /** The browser is opening the device, and may be asking for permission. */
  readonly opening: ReadonlySignal<boolean> = this.#opening;
  /** The devices of this kind. */
  readonly choices: ReadonlySignal<MediaDeviceInfo[]> = this.#choices;
  /** The person wants the device on. */
  readonly enabled: ReadonlySignal<boolean> = this.#enabled;
  /** The effect could not be started; the device works without it. */
  readonly effectFailed: ReadonlySignal<boolean> = this.#effectFailed;
  /** The browser's track, before the effect. */
  #raw: MediaStreamTrack | undefined;
  #applied: Effect | undefined;
  #effect: ApplyEffect | undefined;
  #lowResolution = false;
  /** Counts attempts to open the device: the results of older ones are dropped. */
  #attempt = 0;

  constructor(
    readonly kind: DeviceKind,
    /** The stored choice, as a device id; empty for the system's default. */
    chosen: Signal<string>,
  ) {
    this.#chosen = chosen;
  }

  /** Opens the device if it is enabled. Does not throw: errors are reported by `problem`. */
  async start(): Promise<void> {
    if (!this.#enabled.value || this.#track.value !== undefined) return;
    // If the stored choice is not connected, another device will do.
    await this.#open('ideal');
  }

  /** Closes the device, and with it its indicator light. */
  stop(): void {
    this.#attempt += 1;
    this.#opening.value = false;
    this.#release();
    this.#track.value = undefined;
    this.#standby.value = undefined;
  }

  /** Sets the effect, now and whenever the device is opened; `undefined` removes it. */
  async setEffect(effect: ApplyEffect | undefined): Promise<void> {
    if (effect === this.#effect) return;
    this.#effect = effect;
    await this.#replaceEffect();
  }

  /** Turns the device on or off. With `keepOpen` it moves to `standby` instead of being closed. */
  async setEnabled(enabled: boolean, keepOpen = false): Promise<void> {
    this.#enabled.value = enabled;
    const ready = this.#standby.value;
    if (!enabled && keepOpen && this.#track.value !== undefined) {
      this.#standby.value = this.#track.value;
      this.#track.value = undefined;
    } else if (!enabled) {
      this.stop();
    } else if (ready?.readyState === 'live') {
      this.#standby.value = undefined;
      this.#track.value = ready;
    } else {
      await this.start();
    }
  }

  /** Chooses another device. */
  async choose(deviceId: string): Promise<void> {
    this.#chosen.value = deviceId;
    this.#standby.value = undefined;
    // Some devices cannot be opened twice: the old one is closed first, without being announced.
    this.#release();
    if (!this.#enabled.value) return;
    await this.#open('exact');
  }

  /** Switches a camera between low and default resolution. */
  async setLowResolution(lowResolution: boolean): Promise<void> {
    this.#lowResolution = lowResolution;
    await this.#raw?.applyConstraints(this.#constraints()).catch(() => undefined);
  }

  /** Handles a connected or disconnected device: refreshes the choices, and retries if that may help. */
  async handleDeviceChange(): Promise<void> {
    await this.refreshChoices();
    if (this.#choices.value.length > 0 && isFixedByPlugging(this.#problem.value))
      await this.start();
  }

  /** Reads the list of devices. */
  async refreshChoices(): Promise<void> {
    const kind = this.kind === 'camera' ? 'videoinput' : 'audioinput';
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    this.#choices.value = all.filter((one) => one.kind === kind && one.deviceId !== '');
  }

  /** Returns the id of the device in use, for a list that shows the choices. */
  get usedId(): string {
    const id = this.#raw?.getSettings().deviceId;
    // Some tracks have an id that is not in the list.
    return this.#choices.value.some((one) => one.deviceId === id) && id ? id : this.#chosen.value;
  }

  async #open(strictness: 'ideal' | 'exact'): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#opening.value = true;
    let effect: ApplyEffect | undefined;
    let raw: MediaStreamTrack | undefined;
    let applied: Effect | undefined;
    let problem: DeviceProblem | undefined;
    try {
      raw = await this.#request(strictness);
      effect = this.#effect;
      applied = await this.#applyTo(raw);
    } catch (error) {
      problem = problemOf(error);
    }
    if (attempt !== this.#attempt) {
      applied?.close();
      raw?.stop();
      return;
    }
    this.#opening.value = false;
    this.#problem.value = problem;
    this.#raw = raw;
    this.#applied = applied;
    this.#track.value = applied?.track ?? raw;
    if (raw !== undefined) this.#watchForEnd(raw);
    // Another effect may have been set meanwhile.
    if (effect !== this.#effect) await this.#replaceEffect();
    await this.refreshChoices();
  }

  /** Replaces the effect of the open device. */
  async #replaceEffect(): Promise<void> {
    const effect = this.#effect;
    const raw = this.#raw;
    if (raw === undefined || raw.readyState !== 'live') return;
    const attempt = this.#attempt;
    const applied = await this.#applyTo(raw);
    if (attempt !== this.#attempt || effect !== this.#effect) {
      applied?.close();
      return;
    }
    const before = this.#applied;
    this.#applied = applied;
    const off = this.#track.value === undefined;
    (off ? this.#standby : this.#track).value = applied?.track ?? raw;
    before?.close();
  }

  /** Starts the effect on a track; returns `undefined` if there is none or it cannot run. */
  async #applyTo(raw: MediaStreamTrack): Promise<Effect | undefined> {
    const effect = this.#effect;
    try {
      const applied = await effect?.(raw);
      if (effect === this.#effect) this.#effectFailed.value = false;
      return applied;
    } catch {
      if (effect === this.#effect) this.#effectFailed.value = true;
      return undefined;
    }
  }

  #release(): void {
    this.#applied?.close();
    this.#raw?.stop();
    this.#applied = undefined;
    this.#raw = undefined;
  }

  async #request(strictness: 'ideal' | 'exact'): Promise<MediaStreamTrack> {
    const id = this.#chosen.value;
    const which = id === '' ? {} : { deviceId: { [strictness]: id } };
    const constraints = { ...this.#constraints(), ...which };
    const stream = await navigator.mediaDevices.getUserMedia(
      this.kind === 'camera' ? { video: constraints } : { audio: constraints },
    );
    const track = stream.getTracks()[0];
    if (track === undefined) throw new DOMException('no track', 'NotFoundError');
    return track;
  }

  #constraints(): MediaTrackConstraints {
    if (this.kind === 'microphone') return AUDIO;
    return this.#lowResolution ? LOW_RESOLUTION_VIDEO : VIDEO;
  }

  /** Tries another device when a track ends by itself: its device was unplugged or taken away. */
  #watchForEnd(raw: MediaStreamTrack): void {
    raw.addEventListener('ended', () => {
      if (this.#raw !== raw) return;
      const used = this.#track.value !== undefined;
      this.#release();
      this.#standby.value = undefined;
      if (!used) return;
      this.#track.value = undefined;
      this.#problem.value = 'stopped';
      void this.handleDeviceChange();
    });
  }
}
