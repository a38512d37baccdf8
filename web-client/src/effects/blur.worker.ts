/** The blur worker: every frame of the camera comes in, and goes out with the person as they are
 * and all the rest blurred. Until it is known who is where, everything is blurred. */

import type { BlurStart } from './blur';
import { Network } from './segmentation/network';

/** The background is made so many times smaller, blurred by so many pixels, and made large. */
const SHRUNK = 8;
const BLUR_PIXELS = 2;
/** The border of the person, as a share of the picture's height. */
const FEATHER = 1 / 120;
/** The person is looked for at most so often, and for at most so large a share of the time. */
const INTERVAL_MS = 66;
const SHARE = 0.4;
/** How much of the last mask is kept: its border does not tremble. */
const INERTIA = 0.35;

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
    // The track has ended; its frames with it.
    .catch(() => undefined);
};

class Composer {
  readonly #network: Network;
  /** What the network looks at, and what it says: the person is opaque. */
  readonly #small: OffscreenCanvasRenderingContext2D;
  readonly #mask: ImageData;
  readonly #maskCanvas: OffscreenCanvasRenderingContext2D;
  readonly #background = pen(1, 1);
  readonly #whole = pen(1, 1);
  #due = 0;

  constructor(network: Network) {
    this.#network = network;
    const { width, height } = network.input;
    this.#small = pen(width, height, true);
    this.#maskCanvas = pen(width, height);
    this.#mask = new ImageData(width, height);
  }

  compose(frame: VideoFrame): VideoFrame {
    const { displayWidth: width, displayHeight: height } = frame;
    const start = performance.now();
    if (start >= this.#due) {
      this.#look(frame);
      const took = performance.now() - start;
      this.#due = start + Math.max(INTERVAL_MS, took / SHARE);
    }
    this.#draw(frame, width, height);
    // What is drawn has no holes: alpha would only cost.
    return new VideoFrame(this.#whole.canvas, { timestamp: frame.timestamp, alpha: 'discard' });
  }

  /** Finds out where the person is. */
  #look(frame: VideoFrame): void {
    const { input, output } = this.#network;
    this.#small.drawImage(frame, 0, 0, input.width, input.height);
    const { data } = this.#small.getImageData(0, 0, input.width, input.height);
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
      alphas[pixel * 4 + 3] = before * INERTIA + now * (1 - INERTIA);
    }
    this.#maskCanvas.putImageData(this.#mask, 0, 0);
  }

  #draw(frame: VideoFrame, width: number, height: number): void {
    const whole = this.#whole;
    fit(whole.canvas, width, height);
    fit(this.#background.canvas, Math.ceil(width / SHRUNK), Math.ceil(height / SHRUNK));
    const { canvas: background } = this.#background;
    // Twice: a blur lets through at the edges what is below.
    for (const filter of ['none', `blur(${BLUR_PIXELS}px)`]) {
      this.#background.filter = filter;
      this.#background.drawImage(frame, 0, 0, background.width, background.height);
    }

    whole.globalCompositeOperation = 'copy';
    whole.filter = `blur(${Math.round(height * FEATHER)}px)`;
    whole.drawImage(this.#maskCanvas.canvas, 0, 0, width, height);
    whole.filter = 'none';
    whole.globalCompositeOperation = 'source-in';
    whole.drawImage(frame, 0, 0, width, height);
    whole.globalCompositeOperation = 'destination-over';
    whole.drawImage(background, 0, 0, width, height);
  }
}

function pen(width: number, height: number, read = false): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: read });
  if (context === null) throw new TypeError('nothing to draw on');
  return context;
}

/** Setting a size empties a canvas: only where it is another one. */
function fit(canvas: OffscreenCanvas, width: number, height: number): void {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}
