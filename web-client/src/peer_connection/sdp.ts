/** Reads from and adds to session descriptions (RFC 8866). */

/** Returns codec names by payload type, e.g. `{96: 'VP8'}`. */
export function payloadTypes(sdp: string): Record<number, string> {
  const codecs: Record<number, string> = {};
  for (const [, type, name] of sdp.matchAll(/^a=rtpmap:(\d{1,3}) ([A-Za-z0-9-]+)\//gm)) {
    if (type !== undefined && name !== undefined) codecs[Number(type)] = name;
  }
  return codecs;
}

/** Adds generic NACK feedback for Opus (RFC 4585 section 6.2.1), which Chromium and Safari support
 * and do not offer by themselves. */
export function withOpusNack(sdp: string): string {
  const lines = sdp.split('\r\n');
  const present = new Set(lines);
  return lines
    .flatMap((line) => {
      const type = /^a=rtpmap:(\d{1,3}) opus\//i.exec(line)?.[1];
      const nack = `a=rtcp-fb:${type} nack`;
      return type === undefined || present.has(nack) ? [line] : [line, nack];
    })
    .join('\r\n');
}
