/** Listens to the voices of all slots and to the own microphone, and tells who speaks. */

import { type Signal, signal } from '@preact/signals';
import type { Device } from '../../devices/device';
import { CONTEXTS } from '../../e2ee/messages';
import type { Slot } from '../../peer_connection/peer_connection';
import { Loudness } from '../../sound/audio_level_meter';
import { hear, silence, type Speaking, VOICE_LEVEL, without } from './active_speaker';
import type { Label } from '../layout/tiles';

const INTERVAL_MS = 150;
/** Longer than a cough. */
const MUTED_SPEECH_MS = 450;
/** The hint stays after the last word. */
const HINT_MS = 4000;

export interface Heard {
  slots: readonly Slot[];
  labels: ReadonlyMap<string, Label>;
  ownLeaf: number | undefined;
  /** The leaves of the group: who has left holds no floor. */
  members: ReadonlySet<number>;
}

export class Voices {
  readonly speaking: Signal<Speaking> = signal(silence);
  /** The person talks into a muted microphone. */
  readonly talkingMuted = signal(false);
  readonly #meters = new Map<MediaStreamTrack, Loudness>();
  readonly #timer: ReturnType<typeof setInterval>;
  #mutedSpeech = 0;
  #noticedUntil = 0;

  constructor(
    readonly microphone: Device,
    readonly heard: () => Heard,
  ) {
    this.#timer = setInterval(() => this.#measure(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const meter of this.#meters.values()) meter.close();
    this.#meters.clear();
  }

  #measure(): void {
    const { slots, labels, ownLeaf, members } = this.heard();
    const levels = new Map<number, number>();
    const used = new Set<MediaStreamTrack>();
    const measure = (track: MediaStreamTrack | undefined): number => {
      if (track === undefined || track.readyState !== 'live') return 0;
      used.add(track);
      return this.#meter(track)?.read() ?? 0;
    };
    for (const slot of slots) {
      const label = labels.get(slot.id);
      if (slot.kind !== 'audio' || CONTEXTS[label?.context ?? -1] !== 'microphone') continue;
      if (label === undefined) continue;
      const level = measure(slot.stream.getAudioTracks()[0]);
      levels.set(label.leaf, Math.max(level, levels.get(label.leaf) ?? 0));
    }
    const own = measure(this.microphone.track.value);
    if (ownLeaf !== undefined) levels.set(ownLeaf, own);
    this.#noticeMutedSpeech(measure(this.microphone.standby.value));
    this.speaking.value = hear(without(this.speaking.value, members), levels, ownLeaf, Date.now());
    for (const [track, meter] of this.#meters) {
      if (used.has(track)) continue;
      meter.close();
      this.#meters.delete(track);
    }
  }

  #noticeMutedSpeech(level: number): void {
    const now = Date.now();
    this.#mutedSpeech = level >= VOICE_LEVEL * 2 ? this.#mutedSpeech + INTERVAL_MS : 0;
    if (this.#mutedSpeech >= MUTED_SPEECH_MS) this.#noticedUntil = now + HINT_MS;
    const muted = this.microphone.standby.value !== undefined;
    this.talkingMuted.value = muted && now < this.#noticedUntil;
    if (!muted) this.#noticedUntil = 0;
  }

  #meter(track: MediaStreamTrack): Loudness | undefined {
    const known = this.#meters.get(track);
    if (known !== undefined) return known;
    try {
      const meter = new Loudness(new MediaStream([track]));
      this.#meters.set(track, meter);
      return meter;
    } catch {
      // Without an audio device nothing can be measured, nor heard.
      return undefined;
    }
  }
}
