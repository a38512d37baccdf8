/** The blur worker draws every camera frame with the person sharp and the background blurred. Until
 * the first segmentation, the whole frame is blurred. */

import type { BlurStart } from './blur';
import { Network } from './segmentation/network';

/** The background is scaled down by this factor, blurred by `BLUR_PIXELS`, and scaled up again. */
const DOWNSCALE = 8;
const BLUR_PIXELS = 2;
/** The width of the soft edge around the person, as a share of the frame's height. */
const FEATHER = 1 / 120;
/** The shortest time between two segmentations, and the largest share of time to spend on them. */
const MIN_INTERVAL_MS = 66;
const MAX_LOAD = 0.4;
/** The weight of the last mask, which smooths the edge over time. */
const SMOOTHING = 0.35;

self.onmessage = ({ data }: MessageEvent<BlurStart>) => {
  const composer = new Composer(new Network(data.model));
  const transform = new TransformStream<VideoFrame, VideoFrame>({
    transform(frame, controller) {
      controller.enqueue(composer.compose(frame));
      frame.close();
    },
  });
  self.postMessage('started');
  data.readable
    .pipeThrough(transform)
    .pipeTo(data.writable)
    // The track ended.
    .catch(() => undefined);
};

class Composer {
  readonly #network: Network;
  /** The network's input. */
  readonly #input: OffscreenCanvasRenderingContext2D;
  /** The network's output: the person is opaque. */
  readonly #mask: ImageData;
  readonly #maskCanvas: OffscreenCanvasRenderingContext2D;
  readonly #background = createContext(1, 1);
  readonly #output = createContext(1, 1);
  #nextSegmentationAt = 0;

  constructor(network: Network) {
    this.#network = network;
    const { width, height } = network.input;
    this.#input = createContext(width, height, true);
    this.#maskCanvas = createContext(width, height);
    this.#mask = new ImageData(width, height);
  }

  compose(frame: VideoFrame): VideoFrame {
    const { displayWidth: width, displayHeight: height } = frame;
    const start = performance.now();
    if (start >= this.#nextSegmentationAt) {
      this.#segment(frame);
      const took = performance.now() - start;
      this.#nextSegmentationAt = start + Math.max(MIN_INTERVAL_MS, took / MAX_LOAD);
    }
    this.#draw(frame, width, height);
    // The output is opaque: an alpha channel would only cost time.
    return new VideoFrame(this.#output.canvas, { timestamp: frame.timestamp, alpha: 'discard' });
  }

  /** Updates the mask. */
  #segment(frame: VideoFrame): void {
    const { input, output } = this.#network;
    this.#input.drawImage(frame, 0, 0, input.width, input.height);
    const { data } = this.#input.getImageData(0, 0, input.width, input.height);
    const pixels = input.width * input.height;
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        input.values[pixel * 3 + channel] = (data[pixel * 4 + channel] as number) / 255;
      }
    }
    this.#network.run();
    const alphas = this.#mask.data;
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      const before = alphas[pixel * 4 + 3] as number;
      const now = (output.values[pixel] as number) * 255;
      alphas[pixel * 4 + 3] = before * SMOOTHING + now * (1 - SMOOTHING);
    }
    this.#maskCanvas.putImageData(this.#mask, 0, 0);
  }

  #draw(frame: VideoFrame, width: number, height: number): void {
    const output = this.#output;
    resize(output.canvas, width, height);
    resize(this.#background.canvas, Math.ceil(width / DOWNSCALE), Math.ceil(height / DOWNSCALE));
    const { canvas: background } = this.#background;
    // Drawn twice, since a blur is transparent at the edges.
    for (const filter of ['none', `blur(${BLUR_PIXELS}px)`]) {
      this.#background.filter = filter;
      this.#background.drawImage(frame, 0, 0, background.width, background.height);
    }

    output.globalCompositeOperation = 'copy';
    output.filter = `blur(${Math.round(height * FEATHER)}px)`;
    output.drawImage(this.#maskCanvas.canvas, 0, 0, width, height);
    output.filter = 'none';
    output.globalCompositeOperation = 'source-in';
    output.drawImage(frame, 0, 0, width, height);
    output.globalCompositeOperation = 'destination-over';
    output.drawImage(background, 0, 0, width, height);
  }
}

function createContext(
  width: number,
  height: number,
  read = false,
): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: read });
  if (context === null) throw new TypeError('no 2d context');
  return context;
}

/** Resizes a canvas. Setting the same size would clear it. */
function resize(canvas: OffscreenCanvas, width: number, height: number): void {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}
