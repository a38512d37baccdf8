/** One camera or microphone: wanted or not, which one, and what has become of it. */

import { type Signal, signal } from '@preact/signals';
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
    this.track.value?.stop();
    this.standby.value?.stop();
    this.track.value = undefined;
    this.standby.value = undefined;
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
    this.standby.value?.stop();
    this.standby.value = undefined;
    if (!this.wanted.value) return;
    // Some devices cannot be opened twice: the old one goes first, but is not announced as off.
    this.track.value?.stop();
    await this.#open('exact');
  }

  /** The picture is made small, or as large as it is by default. */
  async small(small: boolean): Promise<void> {
    this.#small = small;
    await this.track.value?.applyConstraints(this.#base()).catch(() => undefined);
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
    const id = this.track.value?.getSettings().deviceId;
    // Some tracks go by a name that is not in the list.
    return this.choices.value.some((one) => one.deviceId === id) && id ? id : this.chosen.value;
  }

  async #open(strictness: 'ideal' | 'exact'): Promise<void> {
    this.#opening += 1;
    const opening = this.#opening;
    this.opening.value = true;
    let track: MediaStreamTrack | undefined;
    let problem: Problem | undefined;
    try {
      track = await this.#request(strictness);
    } catch (error) {
      problem = problemOf(error);
    }
    if (opening !== this.#opening) {
      track?.stop();
      return;
    }
    this.opening.value = false;
    this.problem.value = problem;
    this.track.value = track;
    if (track !== undefined) this.#follow(track);
    await this.list();
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
  #follow(track: MediaStreamTrack): void {
    track.addEventListener('ended', () => {
      if (this.standby.value === track) this.standby.value = undefined;
      if (this.track.value !== track) return;
      this.track.value = undefined;
      this.problem.value = 'stopped';
      void this.replugged();
    });
  }
}
