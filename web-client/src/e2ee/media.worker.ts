/**
 * The media worker: every frame passes through here, protected on its way out and opened on its
 * way in. A frame that cannot be protected is not sent; one that does not open is not shown.
 */

import type {
  Counters,
  FromMedia,
  KeysMessage,
  SentCounters,
  ToMedia,
  TransformOptions,
} from './messages';
import { Gap } from './gap';
import { WAIT_MS, WaitingFrames } from './waiting_frames';
import init, { MediaCryptor } from './wasm/e2ee_wasm';

type Codec = 'opus' | 'vp8' | 'vp9' | 'av1' | 'h264';
type Frame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;

let cryptor: MediaCryptor | undefined;
let codecs: Record<number, string> = {};
/** Openers by their slot, and protectors by their context. */
const openers: Record<string, Opener> = {};
const protectors: Record<number, Protector> = {};
/** Called after new keys: senders may start, and what waits may open. */
const onKeys = new Set<() => void>();

const ready = init().then(() => {
  cryptor = new MediaCryptor();
});
ready.catch((error: unknown) => post({ type: 'failed', message: String(error) }));

function post(message: FromMedia): void {
  self.postMessage(message);
}

self.onmessage = (event: MessageEvent<ToMedia>) => {
  const message = event.data;
  if (message.type === 'payload_types') {
    codecs = message.codecs;
    return;
  }
  message.keys.onmessage = (keys: MessageEvent<KeysMessage>) => {
    void ready.then(() => {
      if (keys.data.begun) cryptor?.install(keys.data.keys, Date.now());
      else cryptor?.prepare(keys.data.keys);
      for (const follow of onKeys) follow();
    });
  };
};

addEventListener('rtctransform', (event) => {
  const { transformer } = event as RTCTransformEvent;
  const options = transformer.options as TransformOptions;
  const transform =
    options.direction === 'send'
      ? new TransformStream<Frame, Frame>(new Protector(transformer, options.context))
      : new TransformStream<Frame, Frame>(new Opener(transformer, options.slot));
  transformer.readable
    .pipeThrough(transform)
    .pipeTo(transformer.writable)
    // The track has ended; its frames with it.
    .catch(() => undefined);
});

/** The codec of a frame, by its own word or by its payload type. */
function codecOf(frame: Frame): Codec | undefined {
  const { mimeType, payloadType } = frame.getMetadata();
  const name = mimeType ?? (payloadType === undefined ? '' : (codecs[payloadType] ?? ''));
  switch (name.toLowerCase().replace(/^(audio|video)\//, '')) {
    case 'opus':
      return 'opus';
    case 'vp8':
      return 'vp8';
    case 'vp9':
      return 'vp9';
    case 'av1':
    case 'av1x':
      return 'av1';
    case 'h264':
      return 'h264';
    default:
      return undefined;
  }
}

function isKeyFrame(frame: Frame): boolean {
  return 'type' in frame && frame.type === 'key';
}

/** Protects what is sent. */
class Protector implements Transformer<Frame, Frame> {
  #keyed = false;
  #sealed = 0;
  #withheld = 0;
  readonly #gap = new Gap();

  constructor(
    readonly transformer: RTCRtpScriptTransformer,
    readonly context: number,
  ) {
    protectors[context] = this;
  }

  counters(): SentCounters {
    return { sealed: this.#sealed, withheld: this.#withheld, gapMs: this.#gap.take() };
  }

  start(): void {
    // What was sent before the first keys was dropped: receivers need a key frame to begin.
    const follow = (): void => {
      if (this.#keyed) return;
      this.#keyed = true;
      post({ type: 'key_frame', context: this.context });
    };
    onKeys.add(follow);
  }

  transform(frame: Frame, controller: TransformStreamDefaultController<Frame>): void {
    const codec = codecOf(frame);
    if (cryptor === undefined || codec === undefined) return;
    try {
      const plain = new Uint8Array(frame.data);
      const sealed = cryptor.protect(this.context, codec, isKeyFrame(frame), plain);
      frame.data = sealed.buffer as ArrayBuffer;
    } catch {
      // No key yet, or none any more: nothing leaves unprotected.
      this.#withheld += 1;
      return;
    }
    this.#sealed += 1;
    this.#gap.note(performance.now());
    controller.enqueue(frame);
  }
}

/** Opens what is received. */
class Opener implements Transformer<Frame, Frame> {
  readonly #waiting = new WaitingFrames<Frame>();
  #frames = 0;
  #waited = 0;
  readonly #dropped: Record<string, number> = {};
  readonly #gap = new Gap();
  #label = '';
  #opened = false;
  #controller: TransformStreamDefaultController<Frame> | undefined;

  constructor(
    readonly transformer: RTCRtpScriptTransformer,
    readonly slot: string,
  ) {
    openers[slot] = this;
  }

  counters(): Counters {
    return {
      opened: this.#frames,
      dropped: this.#dropped,
      waited: this.#waited,
      waiting: this.#waiting.length,
      gapMs: this.#gap.take(),
    };
  }

  start(controller: TransformStreamDefaultController<Frame>): void {
    this.#controller = controller;
    onKeys.add(() => {
      for (const frame of this.#waiting.take()) this.#open(frame, true);
    });
  }

  transform(frame: Frame): void {
    if (this.#waiting.length > 0) {
      const gone = this.#waiting.expire(Date.now());
      if (gone > 0) this.#drop('unknown_key', gone);
    }
    this.#open(frame, false);
  }

  #open(frame: Frame, again: boolean): void {
    const codec = codecOf(frame);
    if (cryptor === undefined || codec === undefined) {
      this.#drop(cryptor === undefined ? 'not_ready' : 'unknown_codec', 1);
      return;
    }
    try {
      const opened = cryptor.unprotect(codec, new Uint8Array(frame.data), Date.now());
      frame.data = opened.frame.buffer as ArrayBuffer;
      this.#show(opened.leaf, opened.context);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'trap';
      if (code === 'unknown_key') {
        if (!again) this.#waited += 1;
        const gone = this.#waiting.push(frame, Date.now());
        if (gone > 0) this.#drop('unknown_key', gone);
      } else {
        this.#drop(code, 1);
      }
      return;
    }
    this.#frames += 1;
    this.#gap.note(performance.now());
    this.#controller?.enqueue(frame);
    if (!this.#opened && 'type' in frame) {
      this.#opened = true;
      // What came before the keys is lost, so a delta frame has nothing to build on.
      if (!isKeyFrame(frame)) this.transformer.sendKeyFrameRequest().catch(() => undefined);
    }
  }

  /** Who and what this slot carries is the authenticated word of the frames themselves. */
  #show(leaf: number, context: number): void {
    const label = `${leaf}/${context}`;
    if (label === this.#label) return;
    this.#label = label;
    this.#opened = false;
    post({ type: 'label', slot: this.slot, leaf, context });
  }

  #drop(reason: string, frames: number): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + frames;
  }
}

/** What each of them counts. */
function counted<T>(all: Record<string, { counters(): T }>): Record<string, T> {
  return Object.fromEntries(Object.entries(all).map(([name, one]) => [name, one.counters()]));
}

setInterval(
  () => post({ type: 'counters', slots: counted(openers), sent: counted(protectors) }),
  2 * WAIT_MS,
);
