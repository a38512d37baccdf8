/** The worker's side of RTCRtpScriptTransform, which TypeScript's DOM library lacks
 * (https://www.w3.org/TR/webrtc-encoded-transform/#RTCRtpScriptTransformer). */

interface RTCRtpScriptTransformer {
  readonly readable: ReadableStream<RTCEncodedVideoFrame | RTCEncodedAudioFrame>;
  readonly writable: WritableStream<RTCEncodedVideoFrame | RTCEncodedAudioFrame>;
  readonly options: unknown;
  sendKeyFrameRequest(): Promise<void>;
}

interface RTCTransformEvent extends Event {
  readonly transformer: RTCRtpScriptTransformer;
}
