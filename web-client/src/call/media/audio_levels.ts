/** Measures the audio levels of all slots and of the own microphone, and detects who speaks. */

import { type ReadonlySignal, signal } from '@preact/signals';
import type { Device } from '../../devices/device';
import { CONTEXTS } from '../../e2ee/messages';
import type { Slot } from '../../peer_connection/peer_connection';
import { AudioLevelMeter } from '../../sound/audio_level_meter';
import type { SlotLabel } from '../layout/tiles';
import {
  noSpeaker,
  retainSpeakers,
  type SpeakerState,
  SPEECH_LEVEL,
  updateSpeakers,
} from './active_speaker';

const INTERVAL_MS = 150;
/** Speech into a muted microphone is reported after this long, which is longer than a cough. */
const MUTED_SPEECH_MS = 450;
/** The report stays for this long after the last word. */
const HINT_MS = 4000;

export interface AudioLevelInput {
  slots: ReadonlySignal<readonly Slot[]>;
  /** By slot id. */
  labels: ReadonlySignal<ReadonlyMap<string, SlotLabel>>;
  ownLeaf: ReadonlySignal<number | undefined>;
  /** The leaves of all members. */
  leaves: ReadonlySignal<ReadonlySet<number>>;
}

export class AudioLevels {
  readonly #speakers = signal(noSpeaker);
  readonly #talkingMuted = signal(false);
  readonly #meters = new Map<MediaStreamTrack, AudioLevelMeter>();
  readonly #timer: ReturnType<typeof setInterval>;
  #mutedSpeechMs = 0;
  #hintUntil = 0;

  readonly speakers: ReadonlySignal<SpeakerState> = this.#speakers;
  /** The person is speaking into a muted microphone. */
  readonly talkingMuted: ReadonlySignal<boolean> = this.#talkingMuted;

  constructor(
    readonly microphone: Device,
    readonly input: AudioLevelInput,
  ) {
    this.#timer = setInterval(() => this.#measure(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const meter of this.#meters.values()) meter.close();
    this.#meters.clear();
  }

  #measure(): void {
    const ownLeaf = this.input.ownLeaf.value;
    const labels = this.input.labels.value;
    const levels = new Map<number, number>();
    const used = new Set<MediaStreamTrack>();
    const measure = (track: MediaStreamTrack | undefined): number => {
      if (track === undefined || track.readyState !== 'live') return 0;
      used.add(track);
      return this.#meter(track)?.read() ?? 0;
    };
    for (const slot of this.input.slots.value) {
      const label = labels.get(slot.id);
      if (slot.kind !== 'audio' || CONTEXTS[label?.context ?? -1] !== 'microphone') continue;
      if (label === undefined) continue;
      const level = measure(slot.stream.getAudioTracks()[0]);
      levels.set(label.leaf, Math.max(level, levels.get(label.leaf) ?? 0));
    }
    const own = measure(this.microphone.track.value);
    if (ownLeaf !== undefined) levels.set(ownLeaf, own);
    this.#detectMutedSpeech(measure(this.microphone.standby.value));
    const members = retainSpeakers(this.#speakers.value, this.input.leaves.value);
    this.#speakers.value = updateSpeakers(members, levels, ownLeaf, Date.now());
    for (const [track, meter] of this.#meters) {
      if (used.has(track)) continue;
      meter.close();
      this.#meters.delete(track);
    }
  }

  #detectMutedSpeech(level: number): void {
    const now = Date.now();
    this.#mutedSpeechMs = level >= SPEECH_LEVEL * 2 ? this.#mutedSpeechMs + INTERVAL_MS : 0;
    if (this.#mutedSpeechMs >= MUTED_SPEECH_MS) this.#hintUntil = now + HINT_MS;
    const muted = this.microphone.standby.value !== undefined;
    this.#talkingMuted.value = muted && now < this.#hintUntil;
    if (!muted) this.#hintUntil = 0;
  }

  /** Returns the meter of a track; `undefined` without an audio device. */
  #meter(track: MediaStreamTrack): AudioLevelMeter | undefined {
    const known = this.#meters.get(track);
    if (known !== undefined) return known;
    try {
      const meter = new AudioLevelMeter(new MediaStream([track]));
      this.#meters.set(track, meter);
      return meter;
    } catch {
      return undefined;
    }
  }
}
