/**
 * Sends the track of one source. A camera is sent in three encodings (simulcast, RFC 8853), so that
 * the SFU can choose one for each subscriber without decrypting anything. Encodings without a
 * subscriber are not encoded.
 */

import type { Context } from '../e2ee/messages';
import { sendCodecs } from './codecs';

/** Smallest first. The bitrates are what VP8 needs for 180p, 360p and 720p at 30 frames a second. */
const CAMERA: readonly RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];
/** Adds what TypeScript's DOM library lacks (W3C webrtc-svc). */
interface LayeredEncoding extends RTCRtpEncodingParameters {
  scalabilityMode: 'L1T3';
}

/** One full-size encoding, so that text stays sharp. It has three temporal layers, of which the SFU
 * drops one or two for a slow downlink or a small tile: fewer frames, each as sharp. */
const SCREEN: readonly LayeredEncoding[] = [{ maxBitrate: 2_500_000, scalabilityMode: 'L1T3' }];

/** Changes sender parameters in place; returns options for `setParameters`, or `undefined` if nothing
 * changed. */
type Change = (parameters: RTCRtpSendParameters) => object | undefined;

export class TrackSender {
  readonly transceiver: RTCRtpTransceiver;
  readonly #source: Context;
  /** Serializes changes of parameters: each builds on the result of the last. */
  #change: Promise<void> = Promise.resolve();
  #wanted: readonly boolean[] = [];

  constructor(connection: RTCPeerConnection, source: Context, transform: RTCRtpScriptTransform) {
    this.#source = source;
    const codecs = sendCodecs(source);
    this.transceiver = connection.addTransceiver(isVideo(source) ? 'video' : 'audio', {
      direction: 'sendonly',
      sendEncodings: encodingsFor(source, codecs).map((one) => ({ ...one })),
    });
    this.transceiver.sender.transform = transform;
    if (codecs.length > 0) this.transceiver.setCodecPreferences(codecs);
  }

  /** Replaces the track; `undefined` sends nothing. */
  async replaceTrack(track: MediaStreamTrack | undefined): Promise<void> {
    const { sender } = this.transceiver;
    const starts = sender.track === null && track !== undefined;
    // The SFU treats every newly announced screen as sent in full.
    if (starts && this.#source === 'screen') this.sendAllEncodings();
    await sender.replaceTrack(track ?? null);
  }

  /** Takes which encodings have subscribers, in the order of the offer. */
  setSubscribedQuality(wanted: readonly boolean[]): void {
    if (!isVideo(this.#source)) return;
    this.#wanted = wanted;
    this.#apply((parameters) => {
      let changed = false;
      for (const [at, encoding] of parameters.encodings.entries()) {
        const active = this.#wanted[at] ?? true;
        changed ||= (encoding.active ?? true) !== active;
        encoding.active = active;
      }
      return changed ? {} : undefined;
    });
  }

  /** Sends every encoding: the subscribed quality is unknown. */
  sendAllEncodings(): void {
    this.setSubscribedQuality([]);
  }

  /** Sends a key frame on every encoding, from which receivers can start to decode. */
  sendKeyFrame(): void {
    if (this.transceiver.sender.track?.kind !== 'video') return;
    this.#apply(({ encodings: all }) => ({ encodingOptions: all.map(() => ({ keyFrame: true })) }));
  }

  #apply(change: Change): void {
    this.#change = this.#applyAfter(this.#change, change);
  }

  async #applyAfter(before: Promise<void>, change: Change): Promise<void> {
    await before;
    const { sender } = this.transceiver;
    const parameters = sender.getParameters();
    const options = change(parameters);
    if (options === undefined) return;
    // Browsers without these options send a key frame when receivers request one.
    await (sender.setParameters as (p: unknown, o: unknown) => Promise<void>)
      .call(sender, parameters, options)
      .catch(() => undefined);
  }
}

function isVideo(source: Context): boolean {
  return source === 'camera' || source === 'screen';
}

/** Returns the encodings of a source. Simulcast needs VP8; a browser without it sends one encoding. */
function encodingsFor(
  source: Context,
  codecs: readonly RTCRtpCodec[],
): readonly RTCRtpEncodingParameters[] {
  switch (source) {
    case 'camera':
      return (codecs[0]?.mimeType ?? '').toLowerCase() === 'video/vp8' ? CAMERA : [{}];
    case 'screen':
      return SCREEN;
    case 'microphone':
    case 'screen_audio':
      return [{}];
  }
}
