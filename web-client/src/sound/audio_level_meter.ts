/** Measures the audio level of a stream. */

import { audioContext } from './audio_context';

export class AudioLevelMeter {
  readonly #source: MediaStreamAudioSourceNode;
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(stream: MediaStream) {
    const context = audioContext();
    this.#source = context.createMediaStreamSource(stream);
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source.connect(this.#analyser);
  }

  /** Returns the current level: 0 is silence, a voice near the microphone is above 0.1. */
  read(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return rms(this.#samples);
  }

  close(): void {
    this.#source.disconnect();
  }
}

/** Returns the root mean square. */
function rms(samples: Float32Array): number {
  if (samples.length === 0) return 0;
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.sqrt(power);
}
