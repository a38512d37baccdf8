/** Short synthesized sounds. */

import { setOutput } from '../devices/speaker';
import { audioContext } from './audio_context';

export type Chime = 'joined' | 'left' | 'test';

/** Frequencies in Hz, played one after the other. */
const NOTES: Record<Chime, readonly number[]> = {
  joined: [523.25, 783.99],
  left: [659.25, 440],
  test: [523.25, 659.25, 783.99, 1046.5],
};

const NOTE_SECONDS = 0.16;
const VOLUME = 0.12;

/** Plays a sound on an output device; returns its duration in ms. */
export function playChime(chime: Chime, speaker: string): number {
  const context = audioContext();
  const destination = context.createMediaStreamDestination();
  for (const [at, frequency] of NOTES[chime].entries()) {
    const start = context.currentTime + 0.05 + at * NOTE_SECONDS;
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(VOLUME, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, start + NOTE_SECONDS * 1.8);
    tone.connect(volume).connect(destination);
    tone.start(start);
    tone.stop(start + NOTE_SECONDS * 2);
  }
  // Every browser can set the output device of an element, but not of a context.
  const element = new Audio();
  element.srcObject = destination.stream;
  setOutput(element, speaker);
  element.play().catch(() => undefined);
  const ms = (NOTES[chime].length + 2) * NOTE_SECONDS * 1000;
  setTimeout(() => (element.srcObject = null), ms);
  return ms;
}
