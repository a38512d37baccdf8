/** Owns the own shared screen or window, with its audio where the browser provides it. */

import { type ReadonlySignal, signal } from '@preact/signals';

export class ScreenShare {
  readonly #stream = signal<MediaStream | undefined>(undefined);
  #ended = false;

  readonly stream: ReadonlySignal<MediaStream | undefined> = this.#stream;

  constructor(
    /** Called after sharing started, changed or stopped. */
    readonly changed: () => void,
  ) {}

  /** Returns whether this browser can share a screen. */
  static get isSupported(): boolean {
    return 'getDisplayMedia' in navigator.mediaDevices;
  }

  get video(): MediaStreamTrack | undefined {
    return this.#stream.value?.getVideoTracks()[0];
  }

  get audio(): MediaStreamTrack | undefined {
    return this.#stream.value?.getAudioTracks()[0];
  }

  /** Lets the person choose a screen or window, and shares it. Does nothing if they cancel. */
  async start(): Promise<void> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: true });
    } catch {
      return;
    }
    if (this.#ended) {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    stream.getVideoTracks()[0]?.addEventListener('ended', () => this.stop());
    this.#replace(stream);
  }

  stop(): void {
    this.#replace(undefined);
  }

  /** Stops sharing for good at the end of the call. */
  end(): void {
    this.#ended = true;
    this.#replace(undefined);
  }

  #replace(stream: MediaStream | undefined): void {
    for (const track of this.#stream.value?.getTracks() ?? []) track.stop();
    if (stream === this.#stream.value) return;
    this.#stream.value = stream;
    this.changed();
  }
}
