/** The self test: what a call needs, tried out one by one, each told in words. */

import { type Sentence, sentence } from '../i18n/i18n';
import { failureSentence } from '../call/error_messages';
import { tryMedia } from './media_check';

export type Result =
  | { kind: 'running' }
  | { kind: 'passed'; words: Sentence }
  /** A call works, with less. */
  | { kind: 'warned'; words: Sentence }
  | { kind: 'failed'; words: Sentence };

export interface Check {
  name: Sentence;
  run: () => Promise<Result>;
}

const passed = (words: Sentence): Result => ({ kind: 'passed', words });
const warned = (words: Sentence): Result => ({ kind: 'warned', words });
const failed = (words: Sentence): Result => ({ kind: 'failed', words });

/** The server has this long to answer. */
const PATIENCE_MS = 8000;
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

/** Runs one; what throws has failed. */
export async function run(check: Check): Promise<Result> {
  try {
    return await check.run();
  } catch {
    return failed(sentence('self_test.could_not_run'));
  }
}

async function secure(): Promise<Result> {
  return globalThis.isSecureContext
    ? passed(sentence('self_test.secure_yes'))
    : failed(sentence('support.insecure'));
}

async function webrtc(): Promise<Result> {
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

async function transform(): Promise<Result> {
  return 'RTCRtpScriptTransform' in globalThis
    ? passed(sentence('self_test.transform_yes'))
    : failed(sentence('support.no_transform'));
}

async function keys(): Promise<Result> {
  try {
    await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
    return passed(sentence('self_test.keys_yes'));
  } catch {
    return failed(sentence('self_test.keys_no'));
  }
}

async function wasm(): Promise<Result> {
  if (!('WebAssembly' in globalThis)) return failed(sentence('support.no_wasm'));
  try {
    await WebAssembly.compile(EMPTY_MODULE);
    return passed(sentence('self_test.wasm_yes'));
  } catch {
    return failed(sentence('support.no_wasm'));
  }
}

async function devices(): Promise<Result> {
  if (!('mediaDevices' in navigator)) return failed(sentence('support.no_webrtc'));
  const all = await navigator.mediaDevices.enumerateDevices();
  const cameras = all.filter((one) => one.kind === 'videoinput').length;
  const microphones = all.filter((one) => one.kind === 'audioinput').length;
  const words = sentence('self_test.devices_found', { cameras, microphones });
  return cameras > 0 && microphones > 0 ? passed(words) : warned(words);
}

async function server(): Promise<Result> {
  try {
    const response = await fetch('/healthz', { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.ok) return passed(sentence('self_test.server_yes'));
    return failed(sentence('self_test.server_status', { status: String(response.status) }));
  } catch {
    return failed(sentence('refusal.unreachable'));
  }
}

function socket(): Promise<Result> {
  const url = new URL('/api/v1/socket', location.origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return new Promise((resolve) => {
    const started = performance.now();
    const opening = new WebSocket(url);
    const timer = setTimeout(() => end(failed(sentence('self_test.socket_no'))), PATIENCE_MS);
    const end = (result: Result): void => {
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

async function media(): Promise<Result> {
  if (!('RTCPeerConnection' in globalThis)) return failed(sentence('support.no_webrtc'));
  try {
    const result = await tryMedia();
    if (result.way === 'none') return failed(sentence('self_test.media_no'));
    return result.way === 'direct' ? passed(result.words) : warned(result.words);
  } catch (error) {
    return failed(failureSentence(error));
  }
}
