/** What this browser lacks, said before anybody tries. */

import { type Sentence, sentence } from '../i18n/i18n';

export function missingSupport(): Sentence | undefined {
  if (!globalThis.isSecureContext) return sentence('support.insecure');
  if (!('RTCPeerConnection' in globalThis) || !('mediaDevices' in navigator)) {
    return sentence('support.no_webrtc');
  }
  if (!('RTCRtpScriptTransform' in globalThis)) return sentence('support.no_transform');
  if (!('WebAssembly' in globalThis)) return sentence('support.no_wasm');
  return undefined;
}
