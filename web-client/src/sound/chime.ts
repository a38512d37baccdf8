/** Short sounds, made rather than loaded. */

import { routeTo } from '../devices/speaker';
import { audioContext } from './audio_context';

export type Chime = 'came' | 'went' | 'test';

/** Frequencies in Hz, one after the other. */
const NOTES: Record<Chime, readonly number[]> = {
  came: [523.25, 783.99],
  went: [659.25, 440],
  test: [523.25, 659.25, 783.99, 1046.5],
};

const NOTE_SECONDS = 0.16;
const VOLUME = 0.12;

/** Plays a sound from a speaker; tells how long it takes, in ms. */
export function play(chime: Chime, speaker: string): number {
  const context = audioContext();
  const out = context.createMediaStreamDestination();
  for (const [at, frequency] of NOTES[chime].entries()) {
    const start = context.currentTime + 0.05 + at * NOTE_SECONDS;
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(VOLUME, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, start + NOTE_SECONDS * 1.8);
    tone.connect(volume).connect(out);
    tone.start(start);
    tone.stop(start + NOTE_SECONDS * 2);
  }
  // An element can be sent to a chosen speaker in every browser, a context cannot.
  const element = new Audio();
  element.srcObject = out.stream;
  routeTo(element, speaker);
  element.play().catch(() => undefined);
  const ms = (NOTES[chime].length + 2) * NOTE_SECONDS * 1000;
  setTimeout(() => (element.srcObject = null), ms);
  return ms;
}
