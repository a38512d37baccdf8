/** Noise suppression by RNNoise, in the audio thread of this browser; fetched when it is wanted. */

import { loadRnnoise, RnnoiseWorkletNode } from '@sapphi-red/web-noise-suppressor';
import wasmUrl from '@sapphi-red/web-noise-suppressor/rnnoise.wasm?url';
import simdUrl from '@sapphi-red/web-noise-suppressor/rnnoise_simd.wasm?url';
import workletUrl from '@sapphi-red/web-noise-suppressor/rnnoiseWorklet.js?url';
import type { Effect } from './effect';

/** The rate at which RNNoise was trained. */
const SAMPLE_RATE = 48_000;

export async function suppressNoise(raw: MediaStreamTrack): Promise<Effect> {
  const context = new AudioContext({ sampleRate: SAMPLE_RATE });
  try {
    const [wasmBinary] = await Promise.all([
      loadRnnoise({ url: wasmUrl, simdUrl }),
      context.audioWorklet.addModule(workletUrl),
    ]);
    const node = new RnnoiseWorkletNode(context, { maxChannels: 1, wasmBinary });
    const source = context.createMediaStreamSource(new MediaStream([raw]));
    const out = context.createMediaStreamDestination();
    source.connect(node).connect(out);
    const track = out.stream.getAudioTracks()[0];
    if (track === undefined) throw new Error('nothing comes out');
    // Where there is no sound device this never resolves: it is not waited for.
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
