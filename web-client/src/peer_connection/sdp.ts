/** The little that is read from session descriptions (RFC 8866), and added to them. */

/** Codec names by payload type, e.g. `{96: 'VP8'}`. */
export function payloadTypes(sdp: string): Record<number, string> {
  const codecs: Record<number, string> = {};
  for (const [, type, name] of sdp.matchAll(/^a=rtpmap:(\d{1,3}) ([A-Za-z0-9-]+)\//gm)) {
    if (type !== undefined && name !== undefined) codecs[Number(type)] = name;
  }
  return codecs;
}

/** The description with lost packets of Opus to be asked for again (RFC 4585 section 6.2.1), which
 * Chromium and Safari do where it is said, and do not say by themselves. */
export function withSoundAskedForAgain(sdp: string): string {
  const lines = sdp.split('\r\n');
  const said = new Set(lines);
  return lines
    .flatMap((line) => {
      const type = /^a=rtpmap:(\d{1,3}) opus\//i.exec(line)?.[1];
      const asks = `a=rtcp-fb:${type} nack`;
      return type === undefined || said.has(asks) ? [line] : [line, asks];
    })
    .join('\r\n');
}
