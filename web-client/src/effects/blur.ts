/** Background blur. A worker separates the person from the background with a segmentation model,
 * which is loaded on first use. */

import modelUrl from '@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite?url';
import { trustedScriptUrl } from '../trusted_script_url';
import workerUrl from './blur.worker.ts?worker&url';
import type { Effect } from './effect';

/** The message that starts the worker. */
export interface BlurStart {
  readable: ReadableStream<VideoFrame>;
  writable: WritableStream<VideoFrame>;
  model: ArrayBuffer;
}

/** Starts the blur; rejects if the model cannot be loaded or the worker fails. */
export async function blurBackground(raw: MediaStreamTrack): Promise<Effect> {
  const response = await fetch(modelUrl);
  if (!response.ok) throw new Error('the model could not be fetched');
  const model = await response.arrayBuffer();
  const worker = new Worker(trustedScriptUrl(workerUrl), { type: 'module', name: 'blur' });
  // A buffer of one: a new frame replaces the waiting one, so that no frame is late.
  const { readable } = new MediaStreamTrackProcessor({ track: raw, maxBufferSize: 1 });
  const track = new MediaStreamTrackGenerator({ kind: 'video' });
  const { writable } = track;
  const start: BlurStart = { readable, writable, model };
  const close = (): void => {
    track.stop();
    worker.terminate();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      worker.onmessage = () => resolve();
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage(start, [readable, writable, model]);
    });
  } catch (error) {
    close();
    throw error;
  }
  return { track, close };
}
