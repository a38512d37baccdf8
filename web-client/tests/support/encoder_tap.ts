/**
 * Captures frames before and after encryption. The test injects the capture into the media worker's
 * script on its way to the browser; the product contains none of it.
 */

import type { Page } from 'playwright-core';

/** Bytes as hexadecimal digits. */
type Hex = string;

export interface Tapped {
  /** Frames from the encoder, without the VP8 header that stays unencrypted: ten bytes of a key frame
   * and one of any other (RFC 6386 section 9.1). It contains the size and no image data. */
  plain: Hex[];
  /** The same frames as they leave the worker. */
  sealed: Hex[];
}

/** Maximum number of frames kept. */
const FRAMES = 3000;

/** Captures all frames that the page sends. Call it before the page is opened. */
export async function tapEncoders(page: Page): Promise<() => Promise<Tapped>> {
  await page.route(/\/media\.worker-[^/]*\.js$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `(${tap.toString()})();\n${await response.text()}` });
  });
  // A service worker would fetch the script without the injected capture.
  await page.addInitScript(() => {
    navigator.serviceWorker.register = () => new Promise(() => undefined);
  });
  await page.addInitScript(listen, FRAMES);
  return () => page.evaluate(() => (window as unknown as { tapped: Tapped }).tapped);
}

/** Runs in the media worker, before its own code. */
function tap(): void {
  const channel = new BroadcastChannel('encoder tap');
  const tee = (as: string): TransformStream =>
    new TransformStream<{ data: ArrayBuffer; type?: 'key' | 'delta' }>({
      transform(frame, controller) {
        const header = { key: 10, delta: 1, none: 0 }[frame.type ?? 'none'];
        const bytes = Array.from(new Uint8Array(frame.data).slice(as === 'plain' ? header : 0));
        const frameHex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
        channel.postMessage({ as, frame: frameHex });
        controller.enqueue(frame);
      },
    });
  const add = self.addEventListener.bind(self);
  self.addEventListener = (type: string, listener: unknown): void => {
    add(type, (event) => {
      const follow = listener as (event: unknown) => void;
      const { transformer } = event as unknown as {
        transformer?: {
          readable: ReadableStream;
          writable: WritableStream;
          options: { direction: string };
        };
      };
      if (transformer?.options.direction !== 'send') {
        follow(event);
        return;
      }
      const out = tee('sealed');
      void out.readable.pipeTo(transformer.writable);
      follow({
        transformer: {
          options: transformer.options,
          readable: transformer.readable.pipeThrough(tee('plain')),
          writable: out.writable,
        },
      });
    });
  };
}

/** Runs in the page: collects the captured frames. */
function listen(most: number): void {
  const tapped: Tapped = { plain: [], sealed: [] };
  Object.assign(window, { tapped });
  const channel = new BroadcastChannel('encoder tap');
  channel.onmessage = ({ data }: MessageEvent<{ as: keyof Tapped; frame: Hex }>) => {
    if (tapped[data.as].length < most) tapped[data.as].push(data.frame);
  };
}
