/** The browser features that a meeting needs. */

import { type Sentence, sentence } from '../i18n/i18n';

/** Why this page cannot hold meetings in this browser. */
export interface MissingSupport {
  title: Sentence;
  text: Sentence;
}

/** Returns the first requirement that is not met, or `undefined` if all are. */
export function missingSupport(): MissingSupport | undefined {
  if (!globalThis.isSecureContext) {
    return { title: sentence('support.insecure_title'), text: sentence('support.insecure') };
  }
  const text = missingFeature();
  return text && { title: sentence('support.title'), text };
}

function missingFeature(): Sentence | undefined {
  if (!('RTCPeerConnection' in globalThis) || !('mediaDevices' in navigator)) {
    return sentence('support.no_webrtc');
  }
  if (!('RTCRtpScriptTransform' in globalThis)) return sentence('support.no_transform');
  if (!('WebAssembly' in globalThis)) return sentence('support.no_wasm');
  return undefined;
}
