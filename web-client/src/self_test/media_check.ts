/** A real connection to where a meeting's sound and pictures go; nothing is sent over it. */

import { sentence, type Sentence } from '../i18n/i18n';
import type { PageMessage } from '../signaling/decode';
import { createRoom, issueToken } from '../signaling/http';
import { SignalingSocket } from '../signaling/socket';

/** ICE gives up later than people do. */
const PATIENCE_MS = 12_000;

export type MediaResult = { way: 'direct' | 'relayed'; words: Sentence } | { way: 'none' };

/** Joins a meeting of its own, which nobody else enters, and connects. */
export async function tryMedia(): Promise<MediaResult> {
  const { room } = await createRoom();
  const { token, relays } = await issueToken(room);
  const started = performance.now();
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: relays });
  connection.addTransceiver('audio', { direction: 'sendonly' });
  const events = {
    message: (message: PageMessage): void => {
      if (message.type === 'joined') void offer(connection, socket);
      if (message.type === 'answer') {
        void connection.setRemoteDescription({ type: 'answer', sdp: message.sdp });
      }
    },
    reconnecting: () => undefined,
    closed: () => undefined,
  };
  const socket = new SignalingSocket(token, events, undefined);
  try {
    if (!(await connects(connection))) return { way: 'none' };
    const ms = String(Math.round(performance.now() - started));
    return (await isRelayed(connection))
      ? { way: 'relayed', words: sentence('self_test.media_relayed', { ms }) }
      : { way: 'direct', words: sentence('self_test.media_yes', { ms }) };
  } finally {
    connection.close();
    socket.leave();
  }
}

async function offer(connection: RTCPeerConnection, socket: SignalingSocket): Promise<void> {
  await connection.setLocalDescription();
  // An SFU that knows its addresses needs none of ours; a relay's are needed by the browser alone.
  socket.send({ type: 'offer', sdp: connection.localDescription?.sdp ?? '' });
}

function connects(connection: RTCPeerConnection): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), PATIENCE_MS);
    connection.onconnectionstatechange = () => {
      const { connectionState: state } = connection;
      if (state !== 'connected' && state !== 'failed') return;
      clearTimeout(timer);
      resolve(state === 'connected');
    };
  });
}

async function isRelayed(connection: RTCPeerConnection): Promise<boolean> {
  const stats = [...(await connection.getStats()).values()] as Record<string, unknown>[];
  const used = stats.find((one) => one['type'] === 'candidate-pair' && one['nominated'] === true);
  const own = stats.find((one) => one['id'] === used?.['localCandidateId']);
  return own?.['candidateType'] === 'relay';
}
