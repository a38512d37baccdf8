/** What this browser lacks, said before anybody tries. */

export function missingSupport(): string | undefined {
  if (!globalThis.isSecureContext) {
    return 'This page was opened without encryption (http). Open it by its https address, or from localhost.';
  }
  if (!('RTCPeerConnection' in globalThis) || !('mediaDevices' in navigator)) {
    return 'This browser cannot make video calls. Use a current Chrome, Edge, Firefox or Safari.';
  }
  if (!('RTCRtpScriptTransform' in globalThis)) {
    return 'This browser cannot encrypt calls end to end. Use Chrome or Edge 141, Firefox 117, Safari 15.4, or newer.';
  }
  if (!('WebAssembly' in globalThis)) {
    return 'WebAssembly is turned off in this browser; the encryption needs it.';
  }
  return undefined;
}
