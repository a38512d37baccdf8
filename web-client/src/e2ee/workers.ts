/** The two workers, as the page sees them: it starts them, joins them, and gets no key. */

import { ownScript } from '../trusted_script_url';
import mediaWorkerUrl from './media.worker.ts?worker&url';
import mlsWorkerUrl from './mls.worker.ts?worker&url';
import type { Content, FromMedia, FromMls, ToMedia, ToMls, TransformOptions } from './messages';

export interface WorkerEvents {
  mls(message: FromMls): void;
  media(message: FromMedia): void;
}

export class EncryptionWorkers {
  readonly #mls = new Worker(ownScript(mlsWorkerUrl), { type: 'module', name: 'mls' });
  readonly #media = new Worker(ownScript(mediaWorkerUrl), { type: 'module', name: 'media' });

  constructor(
    meeting: { room: string; link: string; name: string; trace: boolean },
    events: WorkerEvents,
  ) {
    const { port1, port2 } = new MessageChannel();
    this.#mls.onmessage = (event: MessageEvent<FromMls>) => events.mls(event.data);
    this.#media.onmessage = (event: MessageEvent<FromMedia>) => events.media(event.data);
    const failed = 'The encryption could not be started. Reload the page.';
    this.#mls.onerror = () => events.mls({ type: 'failed', message: failed });
    this.#media.onerror = () => events.media({ type: 'failed', message: failed });
    this.#toMedia({ type: 'start', keys: port2 }, [port2]);
    this.#toMls({ type: 'start', ...meeting, media: port1 }, [port1]);
  }

  /** Hands over what the server said. */
  server(text: string): void {
    this.#toMls({ type: 'server', text }, []);
  }

  /** Has something said to all members; the answer names `saying`. */
  say(saying: number, content: Content): void {
    this.#toMls({ type: 'say', saying, content }, []);
  }

  /** Pins the identity key of a leaf, whose code was compared, or lets go of it. */
  verify(leaf: number, verified: boolean): void {
    this.#toMls({ type: 'verify', leaf, verified }, []);
  }

  /** Has all members compare by voice. */
  compare(): void {
    this.#toMls({ type: 'compare' }, []);
  }

  /** Everybody has read out the same emoji. */
  allSame(): void {
    this.#toMls({ type: 'all_same' }, []);
  }

  payloadTypes(codecs: Record<number, string>): void {
    this.#toMedia({ type: 'payload_types', codecs }, []);
  }

  /** A transform for a sender or a receiver. */
  transform(options: TransformOptions): RTCRtpScriptTransform {
    return new RTCRtpScriptTransform(this.#media, options);
  }

  /** Ends both, and with them every key. */
  terminate(): void {
    this.#mls.terminate();
    this.#media.terminate();
  }

  #toMls(message: ToMls, transfer: Transferable[]): void {
    this.#mls.postMessage(message, transfer);
  }

  #toMedia(message: ToMedia, transfer: Transferable[]): void {
    this.#media.postMessage(message, transfer);
  }
}
