/** Has the worker measure, and keeps what it says for the test. */

import type { Figure } from './frames.worker';
import url from './frames.worker?worker&url';

const worker = new Worker(url, { type: 'module', name: location.hash.slice(1) });
worker.onmessage = ({ data }: MessageEvent<Figure[] | string>) => {
  Object.assign(window, typeof data === 'string' ? { failed: data } : { figures: data });
};
