/**
 * One m-line to send on: in which encodings, and which of them anybody wants. A camera goes out in
 * three sizes, each its own stream (RFC 8853), so that the SFU can choose for everybody what their
 * screen and their line are good for, without opening anything. What nobody wants is not encoded.
 */

import type { Context } from '../e2ee/messages';
import { sendable } from './codecs';

/** Smallest first. The bit rates are what VP8 needs for 180, 360 and 720 lines at 30 frames a
 * second. */
const CAMERA: readonly RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];
/** As the browsers that have it take it; TypeScript does not know it yet (W3C webrtc-svc). */
interface LayeredEncoding extends RTCRtpEncodingParameters {
  scalabilityMode: 'L1T3';
}

/** Letters must stay sharp: one size. It has three temporal layers, of which the SFU leaves out one or
 * two where the line or the place on somebody's screen is small: fewer pictures, each as sharp. */
const SCREEN: readonly LayeredEncoding[] = [{ maxBitrate: 2_500_000, scalabilityMode: 'L1T3' }];

/** Changes what the browser has; returns options for taking it over, or nothing if it can stay. */
type Change = (parameters: RTCRtpSendParameters) => object | undefined;

export class Sending {
  readonly transceiver: RTCRtpTransceiver;
  readonly #source: Context;
  /** One change of parameters after the other: each one builds on the last. */
  #change: Promise<void> = Promise.resolve();
  #wanted: readonly boolean[] = [];

  constructor(connection: RTCPeerConnection, source: Context, transform: RTCRtpScriptTransform) {
    this.#source = source;
    const codecs = sendable(source);
    this.transceiver = connection.addTransceiver(isVideo(source) ? 'video' : 'audio', {
      direction: 'sendonly',
      sendEncodings: encodings(source, codecs).map((one) => ({ ...one })),
    });
    this.transceiver.sender.transform = transform;
    if (codecs.length > 0) this.transceiver.setCodecPreferences(codecs);
  }

  /** Sends a track, or nothing. */
  async replace(track: MediaStreamTrack | undefined): Promise<void> {
    const { sender } = this.transceiver;
    const begins = sender.track === null && track !== undefined;
    // A shared screen is announced anew each time: the SFU believes that all of it is sent.
    if (begins && this.#source === 'screen') this.wantAll();
    await sender.replaceTrack(track ?? null);
  }

  /** Which encodings anybody wants, in the order of the offer. */
  want(wanted: readonly boolean[]): void {
    if (!isVideo(this.#source)) return;
    this.#wanted = wanted;
    this.#alter((parameters) => {
      let changed = false;
      for (const [at, encoding] of parameters.encodings.entries()) {
        const active = this.#wanted[at] ?? true;
        changed ||= (encoding.active ?? true) !== active;
        encoding.active = active;
      }
      return changed ? {} : undefined;
    });
  }

  /** Nothing is known about what is wanted. */
  wantAll(): void {
    this.want([]);
  }

  /** Makes the encoders begin anew, so that whoever comes late can follow. */
  keyFrame(): void {
    if (this.transceiver.sender.track?.kind !== 'video') return;
    this.#alter(({ encodings: all }) => ({ encodingOptions: all.map(() => ({ keyFrame: true })) }));
  }

  #alter(change: Change): void {
    this.#change = this.#alterAfter(this.#change, change);
  }

  async #alterAfter(before: Promise<void>, change: Change): Promise<void> {
    await before;
    const { sender } = this.transceiver;
    const parameters = sender.getParameters();
    const options = change(parameters);
    if (options === undefined) return;
    // Where the browser does not know the options, the receivers ask for the key frame.
    await (sender.setParameters as (p: unknown, o: unknown) => Promise<void>)
      .call(sender, parameters, options)
      .catch(() => undefined);
  }
}

function isVideo(source: Context): boolean {
  return source === 'camera' || source === 'screen';
}

/** Several sizes are sent of VP8 alone: a browser without it sends one. */
function encodings(
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
