/** The codecs to offer: those whose frames the media worker can encrypt. */

import type { Context } from '../e2ee/messages';

/** Returns the codecs to send a source in, preferred first. A camera prefers VP8, whose simulcast
 * lets the SFU choose a size without reading frames; a screen has one size, for which VP9 is more
 * efficient. AV1 is the most expensive to encode; H264 leaves the most bytes in the clear. */
export function sendCodecs(source: Context): RTCRtpCodec[] {
  switch (source) {
    case 'microphone':
    case 'screen_audio':
      return supported('audio', ['opus']);
    case 'camera':
      return supported('video', ['vp8', 'vp9', 'av1', 'h264', 'rtx']);
    case 'screen':
      return supported('video', ['vp9', 'vp8', 'av1', 'h264', 'rtx']);
  }
}

/** Returns the codecs to receive, preferred first. */
export function receiveCodecs(kind: 'audio' | 'video'): RTCRtpCodec[] {
  return kind === 'audio'
    ? supported('audio', ['opus'])
    : supported('video', ['vp9', 'vp8', 'av1', 'h264', 'rtx']);
}

/** Matches the one profile per codec that the server has a payload type for and every browser can
 * decode. VP9: profile 0; AV1: main; H264: constrained baseline, packetization mode 1. */
const PROFILES: Record<string, (line: string | undefined) => boolean> = {
  vp9: (line) => line?.includes('profile-id=0') ?? true,
  av1: (line) => line?.includes('profile=0') ?? true,
  h264: (line = '') =>
    line.includes('packetization-mode=1') && line.includes('profile-level-id=42e0'),
};

/** Returns the browser's codecs with these names, in this order. */
function supported(kind: 'audio' | 'video', names: readonly string[]): RTCRtpCodec[] {
  const all = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  return names.flatMap((name) =>
    all.filter(
      ({ mimeType, sdpFmtpLine }) =>
        mimeType.toLowerCase() === `${kind}/${name}` && (PROFILES[name]?.(sdpFmtpLine) ?? true),
    ),
  );
}
