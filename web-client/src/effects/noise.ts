/** Noise suppression with RNNoise in an audio worklet. */

import { loadRnnoise, RnnoiseWorkletNode } from '@sapphi-red/web-noise-suppressor';
import wasmUrl from '@sapphi-red/web-noise-suppressor/rnnoise.wasm?url';
import simdUrl from '@sapphi-red/web-noise-suppressor/rnnoise_simd.wasm?url';
import workletUrl from '@sapphi-red/web-noise-suppressor/rnnoiseWorklet.js?url';
import type { Effect } from './effect';

/** RNNoise works at this sample rate only, in Hz. */
const SAMPLE_RATE = 48_000;

/** Starts noise suppression; rejects if it cannot run. */
export async function suppressNoise(raw: MediaStreamTrack): Promise<Effect> {
  const context = new AudioContext({ sampleRate: SAMPLE_RATE });
  try {
    const [wasmBinary] = await Promise.all([
      loadRnnoise({ url: wasmUrl, simdUrl }),
      context.audioWorklet.addModule(workletUrl),
    ]);
    const node = new RnnoiseWorkletNode(context, { maxChannels: 1, wasmBinary });
    const source = context.createMediaStreamSource(new MediaStream([raw]));
    const destination = context.createMediaStreamDestination();
    source.connect(node).connect(destination);
    const track = destination.stream.getAudioTracks()[0];
    if (track === undefined) throw new Error('no audio track');
    // Not awaited: without an audio device it never resolves.
    context.resume().catch(() => undefined);
    return {
      track,
      close() {
        track.stop();
        node.destroy();
        void context.close();
      },
    };
  } catch (error) {
    void context.close();
    throw error;
  }
}
