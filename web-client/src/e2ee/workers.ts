/** The MLS worker and the media worker, as the page sees them. It starts and connects them, and never
 * gets a key. */

import { trustedScriptUrl } from '../trusted_script_url';
import mediaWorkerUrl from './media.worker.ts?worker&url';
import mlsWorkerUrl from './mls.worker.ts?worker&url';
import type { Content, FromMedia, FromMls, ToMedia, ToMls, TransformOptions } from './messages';

export interface WorkerEvents {
  mls(message: FromMls): void;
  media(message: FromMedia): void;
}

export class EncryptionWorkers {
  readonly #mls = new Worker(trustedScriptUrl(mlsWorkerUrl), { type: 'module', name: 'mls' });
  readonly #media = new Worker(trustedScriptUrl(mediaWorkerUrl), { type: 'module', name: 'media' });

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

  /** Passes a message of the server to the MLS worker. */
  handleServerMessage(text: string): void {
    this.#toMls({ type: 'server_message', text }, []);
  }

  /** Sends content to all members; the outcome is reported with `sendId`. */
  sendMessage(sendId: number, content: Content): void {
    this.#toMls({ type: 'send_message', sendId, content }, []);
  }

  /** Pins the identity key of a leaf after its code was compared, or unpins it. */
  setVerified(leaf: number, verified: boolean): void {
    this.#toMls({ type: 'set_verified', leaf, verified }, []);
  }

  /** Starts a SAS verification with all members. */
  startSas(): void {
    this.#toMls({ type: 'start_sas' }, []);
  }

  /** Pins the identity keys of all members that took part in the last SAS verification. */
  confirmSas(): void {
    this.#toMls({ type: 'confirm_sas' }, []);
  }

  /** Tells the media worker the codecs by payload type. */
  setPayloadTypes(codecs: Record<number, string>): void {
    this.#toMedia({ type: 'payload_types', codecs }, []);
  }

  /** Creates the transform of a sender or a receiver. */
  createTransform(options: TransformOptions): RTCRtpScriptTransform {
    return new RTCRtpScriptTransform(this.#media, options);
  }

  /** Terminates both workers, and with them every key. */
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
