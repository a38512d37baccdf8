/**
 * The media worker encrypts every frame that is sent and decrypts every frame that is received. A
 * frame that cannot be encrypted is not sent; one that fails authentication is not passed on.
 */

import type {
  Counters,
  FromMedia,
  KeysMessage,
  SentCounters,
  ToMedia,
  TransformOptions,
} from './messages';
import { GapMeter } from './gap_meter';
import { WAIT_MS, WaitingFrames } from './waiting_frames';
import init, { MediaCryptor } from './wasm/e2ee_wasm';

type Codec = 'opus' | 'vp8' | 'vp9' | 'av1' | 'h264';
type Frame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;

let cryptor: MediaCryptor | undefined;
let codecs: Record<number, string> = {};
/** Unprotectors by slot, and protectors by context. */
const unprotectors: Record<string, Unprotector> = {};
const protectors: Record<number, Protector> = {};
/** Called after new keys: senders may start, and waiting frames may be decrypted. */
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
      if (keys.data.started) cryptor?.install(keys.data.keys, Date.now());
      else cryptor?.prepare(keys.data.keys);
      for (const handle of onKeys) handle();
    });
  };
};

addEventListener('rtctransform', (event) => {
  const { transformer } = event as RTCTransformEvent;
  const options = transformer.options as TransformOptions;
  const transform =
    options.direction === 'send'
      ? new TransformStream<Frame, Frame>(new Protector(transformer, options.context))
      : new TransformStream<Frame, Frame>(new Unprotector(transformer, options.slot));
  transformer.readable
    .pipeThrough(transform)
    .pipeTo(transformer.writable)
    // The track ended.
    .catch(() => undefined);
});

/** Returns the codec of a frame, from its metadata or its payload type. */
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

/** Encrypts the frames of a source. */
class Protector implements Transformer<Frame, Frame> {
  #started = false;
  #encrypted = 0;
  #withheld = 0;
  readonly #gap = new GapMeter();

  constructor(
    readonly transformer: RTCRtpScriptTransformer,
    readonly context: number,
  ) {
    protectors[context] = this;
  }

  counters(): SentCounters {
    return { encrypted: this.#encrypted, withheld: this.#withheld, gapMs: this.#gap.take() };
  }

  start(): void {
    // Frames before the first keys were withheld: receivers need a key frame to start.
    const handleKeys = (): void => {
      if (this.#started) return;
      this.#started = true;
      post({ type: 'key_frame', context: this.context });
    };
    onKeys.add(handleKeys);
  }

  transform(frame: Frame, controller: TransformStreamDefaultController<Frame>): void {
    const codec = codecOf(frame);
    if (cryptor === undefined || codec === undefined) return;
    try {
      const plain = new Uint8Array(frame.data);
      const encrypted = cryptor.protect(this.context, codec, isKeyFrame(frame), plain);
      frame.data = encrypted.buffer as ArrayBuffer;
    } catch {
      // Without a key nothing is sent.
      this.#withheld += 1;
      return;
    }
    this.#encrypted += 1;
    this.#gap.record(performance.now());
    controller.enqueue(frame);
  }
}

/** Decrypts the frames of a slot. */
class Unprotector implements Transformer<Frame, Frame> {
  readonly #waiting = new WaitingFrames<Frame>();
  #decrypted = 0;
  #waited = 0;
  readonly #dropped: Record<string, number> = {};
  readonly #gap = new GapMeter();
  #label = '';
  #keyFrameRequested = false;
  #controller: TransformStreamDefaultController<Frame> | undefined;

  constructor(
    readonly transformer: RTCRtpScriptTransformer,
    readonly slot: string,
  ) {
    unprotectors[slot] = this;
  }

  counters(): Counters {
    return {
      decrypted: this.#decrypted,
      dropped: this.#dropped,
      waited: this.#waited,
      waiting: this.#waiting.length,
      gapMs: this.#gap.take(),
    };
  }

  start(controller: TransformStreamDefaultController<Frame>): void {
    this.#controller = controller;
    onKeys.add(() => {
      for (const frame of this.#waiting.take()) this.#decrypt(frame, true);
    });
  }

  transform(frame: Frame): void {
    if (this.#waiting.length > 0) {
      const expired = this.#waiting.expire(Date.now());
      if (expired > 0) this.#countDropped('unknown_key', expired);
    }
    this.#decrypt(frame, false);
  }

  #decrypt(frame: Frame, again: boolean): void {
    const codec = codecOf(frame);
    if (cryptor === undefined || codec === undefined) {
      this.#countDropped(cryptor === undefined ? 'not_ready' : 'unknown_codec', 1);
      return;
    }
    try {
      const decrypted = cryptor.unprotect(codec, new Uint8Array(frame.data), Date.now());
      frame.data = decrypted.frame.buffer as ArrayBuffer;
      this.#report(decrypted.leaf, decrypted.context);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'trap';
      if (code === 'unknown_key') {
        if (!again) this.#waited += 1;
        const dropped = this.#waiting.push(frame, Date.now());
        if (dropped > 0) this.#countDropped('unknown_key', dropped);
      } else {
        this.#countDropped(code, 1);
      }
      return;
    }
    this.#decrypted += 1;
    this.#gap.record(performance.now());
    this.#controller?.enqueue(frame);
    if (!this.#keyFrameRequested && 'type' in frame) {
      this.#keyFrameRequested = true;
      // Frames before the keys are lost, so a delta frame cannot be decoded.
      if (!isKeyFrame(frame)) this.transformer.sendKeyFrameRequest().catch(() => undefined);
    }
  }

  /** Reports a changed label. Frames authenticate the leaf and the context that sent them. */
  #report(leaf: number, context: number): void {
    const label = `${leaf}/${context}`;
    if (label === this.#label) return;
    this.#label = label;
    this.#keyFrameRequested = false;
    post({ type: 'label', slot: this.slot, leaf, context });
  }

  #countDropped(reason: string, frames: number): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + frames;
  }
}

/** Returns the counters of each one, by its key. */
function countersOf<T>(all: Record<string, { counters(): T }>): Record<string, T> {
  return Object.fromEntries(Object.entries(all).map(([name, one]) => [name, one.counters()]));
}

setInterval(
  () => post({ type: 'counters', slots: countersOf(unprotectors), sent: countersOf(protectors) }),
  2 * WAIT_MS,
);
