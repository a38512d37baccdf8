/** A blurred background: the person is told from the rest in a worker of this browser, by a model
 * that is fetched when it is wanted. */

import modelUrl from '@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite?url';
import { ownScript } from '../trusted_script_url';
import workerUrl from './blur.worker.ts?worker&url';
import type { Effect } from './effect';

/** To the worker. */
export interface BlurStart {
  readable: ReadableStream<VideoFrame>;
  writable: WritableStream<VideoFrame>;
  model: ArrayBuffer;
}

export async function blurBackground(raw: MediaStreamTrack): Promise<Effect> {
  const response = await fetch(modelUrl);
  if (!response.ok) throw new Error('the model could not be fetched');
  const model = await response.arrayBuffer();
  const worker = new Worker(ownScript(workerUrl), { type: 'module', name: 'blur' });
  // One that comes while another is worked on takes the place of what waits: no picture is late.
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
