import { describe, expect, it } from 'vitest';
import { payloadTypes, withOpusNack } from './sdp';

describe('payload types', () => {
  it('are read from the rtpmap lines', () => {
    const sdp = [
      'v=0',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'a=rtpmap:111 opus/48000/2',
      'a=fmtp:111 minptime=10',
      'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
      'a=rtpmap:96 VP8/90000',
      'a=rtpmap:97 rtx/90000',
      'a=rtpmap:broken',
    ].join('\r\n');
    expect(payloadTypes(sdp)).toEqual({ 111: 'opus', 96: 'VP8', 97: 'rtx' });
  });

  it('are empty without any', () => {
    expect(payloadTypes('')).toEqual({});
  });
});

const offer = (...more: string[]): string =>
  [
    'v=0',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'a=rtpmap:111 opus/48000/2',
    ...more,
    'a=rtcp-fb:111 transport-cc',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'a=rtpmap:96 VP8/90000',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'a=rtpmap:111 opus/48000/2',
    ...more,
    '',
  ].join('\r\n');

describe('NACK feedback for Opus', () => {
  it('is added to every audio m-line, and nothing else changes', () => {
    expect(withOpusNack(offer())).toBe(offer('a=rtcp-fb:111 nack'));
  });

  it('is not repeated if the browser offers it', () => {
    const offered = offer('a=rtcp-fb:111 nack');
    expect(withOpusNack(offered)).toBe(offered);
  });
});
