/** Tracks as streams of frames, which TypeScript's DOM library lacks
 * (https://w3c.github.io/mediacapture-transform/, as in Chromium). */

declare class MediaStreamTrackProcessor {
  constructor(options: { track: MediaStreamTrack; maxBufferSize?: number });
  readonly readable: ReadableStream<VideoFrame>;
}

declare class MediaStreamTrackGenerator extends MediaStreamTrack {
  constructor(options: { kind: 'video' | 'audio' });
  readonly writable: WritableStream<VideoFrame>;
}
