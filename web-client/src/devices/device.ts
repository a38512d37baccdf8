/** One camera or microphone: wanted or not, which one, and what has become of it. */

import { type Signal, signal } from '@preact/signals';
import type { ApplyEffect, Effect } from '../effects/effect';
import { type DeviceKind, mendsByPlugging, type Problem, problemOf } from './problems';

const VIDEO: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
};

/** What is enough where bandwidth is dear. */
const SMALL_VIDEO: MediaTrackConstraints = {
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
  /** What others may get; none while it is off. */
  readonly track: Signal<MediaStreamTrack | undefined> = signal(undefined);
  /** Open, but off: heard by this page only, so that talking while muted is noticed. */
  readonly standby: Signal<MediaStreamTrack | undefined> = signal(undefined);
  readonly problem: Signal<Problem | undefined> = signal(undefined);
  /** The browser is asked for it; it may be asking the person. */
  readonly opening = signal(false);
  readonly choices: Signal<MediaDeviceInfo[]> = signal([]);
  readonly wanted = signal(true);
  /** The effect that was asked for cannot run here; without it the device works. */
  readonly effectFailed = signal(false);
  /** What the browser gives, before the effect. */
  #raw: MediaStreamTrack | undefined;
  #applied: Effect | undefined;
  #effect: ApplyEffect | undefined;
  #small = false;
  /** Counts the openings: only the last one counts. */
  #opening = 0;

  constructor(
    readonly kind: DeviceKind,
    /** The remembered choice; empty is the system's. */
    readonly chosen: Signal<string>,
  ) {}

  /** Starts it if it is wanted. Never throws: what is wrong is told by `problem`. */
  async start(): Promise<void> {
    if (!this.wanted.value || this.track.value !== undefined) return;
    // One that was used before may be away today; then another one will do.
    await this.#open('ideal');
  }

  /** Stops it; its light goes out. */
  stop(): void {
    this.#opening += 1;
    this.opening.value = false;
    this.#release();
    this.track.value = undefined;
    this.standby.value = undefined;
  }

  /** Puts an effect behind it, now and whenever it is opened; or takes it away. */
  async apply(effect: ApplyEffect | undefined): Promise<void> {
    if (effect === this.#effect) return;
    this.#effect = effect;
    await this.#change();
  }

  /** Turns it on or off; off, it may be kept open for this page alone. */
  async set(wanted: boolean, keepOpen = false): Promise<void> {
    this.wanted.value = wanted;
    const ready = this.standby.value;
    if (!wanted && keepOpen && this.track.value !== undefined) {
      this.standby.value = this.track.value;
      this.track.value = undefined;
    } else if (!wanted) {
      this.stop();
    } else if (ready?.readyState === 'live') {
      this.standby.value = undefined;
      this.track.value = ready;
    } else {
      await this.start();
    }
  }

  /** Takes another one. */
  async choose(deviceId: string): Promise<void> {
    this.chosen.value = deviceId;
    this.standby.value = undefined;
    // Some devices cannot be opened twice: the old one goes first, but is not announced as off.
    this.#release();
    if (!this.wanted.value) return;
    await this.#open('exact');
  }

  /** The picture is made small, or as large as it is by default. */
  async small(small: boolean): Promise<void> {
    this.#small = small;
    await this.#raw?.applyConstraints(this.#base()).catch(() => undefined);
  }

  /** Something was plugged in or out. */
  async replugged(): Promise<void> {
    await this.list();
    if (this.choices.value.length > 0 && mendsByPlugging(this.problem.value)) await this.start();
  }

  /** Looks which ones there are. */
  async list(): Promise<void> {
    const kind = this.kind === 'camera' ? 'videoinput' : 'audioinput';
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    this.choices.value = all.filter((one) => one.kind === kind && one.deviceId !== '');
  }

  /** The id of the one in use, for a list that shows which it is. */
  get used(): string {
    const id = this.#raw?.getSettings().deviceId;
    // Some tracks go by a name that is not in the list.
    return this.choices.value.some((one) => one.deviceId === id) && id ? id : this.chosen.value;
  }

  async #open(strictness: 'ideal' | 'exact'): Promise<void> {
    this.#opening += 1;
    const opening = this.#opening;
    this.opening.value = true;
    let effect: ApplyEffect | undefined;
    let raw: MediaStreamTrack | undefined;
    let applied: Effect | undefined;
    let problem: Problem | undefined;
    try {
      raw = await this.#request(strictness);
      effect = this.#effect;
      applied = await this.#applyTo(raw);
    } catch (error) {
      problem = problemOf(error);
    }
    if (opening !== this.#opening) {
      applied?.close();
      raw?.stop();
      return;
    }
    this.opening.value = false;
    this.problem.value = problem;
    this.#raw = raw;
    this.#applied = applied;
    this.track.value = applied?.track ?? raw;
    if (raw !== undefined) this.#follow(raw);
    // Another one may have been asked for meanwhile.
    if (effect !== this.#effect) await this.#change();
    await this.list();
  }

  /** Replaces the effect on what is open. */
  async #change(): Promise<void> {
    const effect = this.#effect;
    const raw = this.#raw;
    if (raw === undefined || raw.readyState !== 'live') return;
    const opening = this.#opening;
    const applied = await this.#applyTo(raw);
    if (opening !== this.#opening || effect !== this.#effect) {
      applied?.close();
      return;
    }
    const before = this.#applied;
    this.#applied = applied;
    const off = this.track.value === undefined;
    (off ? this.standby : this.track).value = applied?.track ?? raw;
    before?.close();
  }

  /** The effect on a track; none if none is wanted, or if it cannot run. */
  async #applyTo(raw: MediaStreamTrack): Promise<Effect | undefined> {
    const effect = this.#effect;
    try {
      const applied = await effect?.(raw);
      if (effect === this.#effect) this.effectFailed.value = false;
      return applied;
    } catch {
      if (effect === this.#effect) this.effectFailed.value = true;
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
    const id = this.chosen.value;
    const which = id === '' ? {} : { deviceId: { [strictness]: id } };
    const constraints = { ...this.#base(), ...which };
    const stream = await navigator.mediaDevices.getUserMedia(
      this.kind === 'camera' ? { video: constraints } : { audio: constraints },
    );
    const track = stream.getTracks()[0];
    if (track === undefined) throw new DOMException('no track', 'NotFoundError');
    return track;
  }

  #base(): MediaTrackConstraints {
    if (this.kind === 'microphone') return AUDIO;
    return this.#small ? SMALL_VIDEO : VIDEO;
  }

  /** One that stops by itself was unplugged or taken away: another one is tried. */
  #follow(raw: MediaStreamTrack): void {
    raw.addEventListener('ended', () => {
      if (this.#raw !== raw) return;
      const used = this.track.value !== undefined;
      this.#release();
      this.standby.value = undefined;
      if (!used) return;
      this.track.value = undefined;
      this.problem.value = 'stopped';
      void this.replugged();
    });
  }
}
