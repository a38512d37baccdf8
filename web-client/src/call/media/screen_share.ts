/** The own shared screen or window, with its sound where the browser gives it. */

import { type Signal, signal } from '@preact/signals';

export class ScreenShare {
  readonly stream: Signal<MediaStream | undefined> = signal(undefined);
  #over = false;

  constructor(
    /** What is shared has changed. */
    readonly changed: () => void,
  ) {}

  static get possible(): boolean {
    return 'getDisplayMedia' in navigator.mediaDevices;
  }

  get video(): MediaStreamTrack | undefined {
    return this.stream.value?.getVideoTracks()[0];
  }

  get audio(): MediaStreamTrack | undefined {
    return this.stream.value?.getAudioTracks()[0];
  }

  async start(): Promise<void> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: true });
    } catch {
      // The person chose nothing.
      return;
    }
    if (this.#over) {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    stream.getVideoTracks()[0]?.addEventListener('ended', () => this.stop());
    this.#take(stream);
  }

  stop(): void {
    this.#take(undefined);
  }

  /** Stops for good. */
  end(): void {
    this.#over = true;
    this.#take(undefined);
  }

  #take(stream: MediaStream | undefined): void {
    for (const track of this.stream.value?.getTracks() ?? []) track.stop();
    if (stream === this.stream.value) return;
    this.stream.value = stream;
    this.changed();
  }
}
