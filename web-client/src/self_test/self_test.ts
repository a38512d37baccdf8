/** The self-test: checks one by one what a call needs. */

import { type Sentence, sentence } from '../i18n/i18n';
import { failureSentence } from '../call/error_messages';
import { checkMedia } from './media_check';

export type CheckResult =
  | { kind: 'running' }
  | { kind: 'passed'; sentence: Sentence }
  /** A call works, with restrictions. */
  | { kind: 'warned'; sentence: Sentence }
  | { kind: 'failed'; sentence: Sentence };

export interface Check {
  name: Sentence;
  run: () => Promise<CheckResult>;
}

const passed = (text: Sentence): CheckResult => ({ kind: 'passed', sentence: text });
const warned = (text: Sentence): CheckResult => ({ kind: 'warned', sentence: text });
const failed = (text: Sentence): CheckResult => ({ kind: 'failed', sentence: text });

/** How long to wait for the server. */
const TIMEOUT_MS = 8000;
/** The smallest WebAssembly module there is. */
const EMPTY_MODULE = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

export const CHECKS: readonly Check[] = [
  { name: sentence('self_test.secure'), run: secure },
  { name: sentence('self_test.webrtc'), run: webrtc },
  { name: sentence('self_test.transform'), run: transform },
  { name: sentence('self_test.keys'), run: keys },
  { name: sentence('self_test.wasm'), run: wasm },
  { name: sentence('self_test.devices'), run: devices },
  { name: sentence('self_test.server'), run: server },
  { name: sentence('self_test.socket'), run: socket },
  { name: sentence('self_test.media'), run: media },
];

/** Runs a check. One that throws has failed. */
export async function runCheck(check: Check): Promise<CheckResult> {
  try {
    return await check.run();
  } catch {
    return failed(sentence('self_test.could_not_run'));
  }
}

async function secure(): Promise<CheckResult> {
  return globalThis.isSecureContext
    ? passed(sentence('self_test.secure_yes'))
    : failed(sentence('support.insecure'));
}

async function webrtc(): Promise<CheckResult> {
  if (!('RTCPeerConnection' in globalThis)) return failed(sentence('support.no_webrtc'));
  const connection = new RTCPeerConnection();
  try {
    connection.addTransceiver('video');
    const { sdp } = await connection.createOffer();
    return /VP8|VP9/.test(sdp ?? '')
      ? passed(sentence('self_test.webrtc_yes'))
      : failed(sentence('self_test.no_codec'));
  } finally {
    connection.close();
  }
}

async function transform(): Promise<CheckResult> {
  return 'RTCRtpScriptTransform' in globalThis
    ? passed(sentence('self_test.transform_yes'))
    : failed(sentence('support.no_transform'));
}

async function keys(): Promise<CheckResult> {
  try {
    await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
    return passed(sentence('self_test.keys_yes'));
  } catch {
    return failed(sentence('self_test.keys_no'));
  }
}

async function wasm(): Promise<CheckResult> {
  if (!('WebAssembly' in globalThis)) return failed(sentence('support.no_wasm'));
  try {
    await WebAssembly.compile(EMPTY_MODULE);
    return passed(sentence('self_test.wasm_yes'));
  } catch {
    return failed(sentence('support.no_wasm'));
  }
}

async function devices(): Promise<CheckResult> {
  if (!('mediaDevices' in navigator)) return failed(sentence('support.no_webrtc'));
  const all = await navigator.mediaDevices.enumerateDevices();
  const cameras = all.filter((one) => one.kind === 'videoinput').length;
  const microphones = all.filter((one) => one.kind === 'audioinput').length;
  const found = sentence('self_test.devices_found', { cameras, microphones });
  return cameras > 0 && microphones > 0 ? passed(found) : warned(found);
}

async function server(): Promise<CheckResult> {
  try {
    const response = await fetch('/healthz', { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.ok) return passed(sentence('self_test.server_yes'));
    return failed(sentence('self_test.server_status', { status: String(response.status) }));
  } catch {
    return failed(sentence('refusal.unreachable'));
  }
}

function socket(): Promise<CheckResult> {
  const url = new URL('/api/v1/socket', location.origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return new Promise((resolve) => {
    const started = performance.now();
    const opening = new WebSocket(url);
    const timer = setTimeout(() => end(failed(sentence('self_test.socket_no'))), TIMEOUT_MS);
    const end = (result: CheckResult): void => {
      clearTimeout(timer);
      opening.close();
      resolve(result);
    };
    opening.onopen = () =>
      end(
        passed(
          sentence('self_test.socket_yes', { ms: String(Math.round(performance.now() - started)) }),
        ),
      );
    opening.onerror = () => end(failed(sentence('self_test.socket_no')));
  });
}

async function media(): Promise<CheckResult> {
  if (!('RTCPeerConnection' in globalThis)) return failed(sentence('support.no_webrtc'));
  try {
    const result = await checkMedia();
    if (result.path === 'none') return failed(sentence('self_test.media_no'));
    return result.path === 'direct' ? passed(result.sentence) : warned(result.sentence);
  } catch (error) {
    return failed(failureSentence(error));
  }
}
