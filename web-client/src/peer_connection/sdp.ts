/** The little that is read from session descriptions (RFC 8866). */

/** Codec names by payload type, e.g. `{96: 'VP8'}`. */
export function payloadTypes(sdp: string): Record<number, string> {
  const codecs: Record<number, string> = {};
  for (const [, type, name] of sdp.matchAll(/^a=rtpmap:(\d{1,3}) ([A-Za-z0-9-]+)\//gm)) {
    if (type !== undefined && name !== undefined) codecs[Number(type)] = name;
  }
  return codecs;
}
