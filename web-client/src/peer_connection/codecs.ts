/** Which codecs are offered: those whose frames can be protected here, and nothing else. */

import type { Context } from '../e2ee/messages';

/** What a source is sent in. VP8 goes out in several sizes, between which the SFU can choose
 * without reading a frame; a screen has one, and VP9 makes the most of it. AV1 costs most to encode;
 * H264 needs the longest clear bytes. */
export function sendable(source: Context): RTCRtpCodec[] {
  switch (source) {
    case 'microphone':
    case 'screen_audio':
      return ordered('audio', ['opus']);
    case 'camera':
      return ordered('video', ['vp8', 'vp9', 'av1', 'h264', 'rtx']);
    case 'screen':
      return ordered('video', ['vp9', 'vp8', 'av1', 'h264', 'rtx']);
  }
}

export function receivable(kind: 'audio' | 'video'): RTCRtpCodec[] {
  return kind === 'audio'
    ? ordered('audio', ['opus'])
    : ordered('video', ['vp9', 'vp8', 'av1', 'h264', 'rtx']);
}

/** Of each codec there is one profile, which all can decode: the server has one payload type for
 * it. VP9: 8 bits and 4:2:0; AV1: main; H264: constrained baseline, in fragments. */
const PROFILES: Record<string, (line: string | undefined) => boolean> = {
  vp9: (line) => line?.includes('profile-id=0') ?? true,
  av1: (line) => line?.includes('profile=0') ?? true,
  h264: (line = '') =>
    line.includes('packetization-mode=1') && line.includes('profile-level-id=42e0'),
};

function ordered(kind: 'audio' | 'video', names: readonly string[]): RTCRtpCodec[] {
  const all = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  return names.flatMap((name) =>
    all.filter(
      ({ mimeType, sdpFmtpLine }) =>
        mimeType.toLowerCase() === `${kind}/${name}` && (PROFILES[name]?.(sdpFmtpLine) ?? true),
    ),
  );
}
