/** Connects to the SFU as a call would, without sending media. */

import { sentence, type Sentence } from '../i18n/i18n';
import type { ServerMessage } from '../signaling/decode';
import { createRoom, issueToken } from '../signaling/http';
import { SignalingSocket } from '../signaling/socket';

/** How long to wait for the connection; ICE itself gives up much later. */
const TIMEOUT_MS = 12_000;

export type MediaResult =
  | { path: 'direct' | 'relayed'; sentence: Sentence }
  /** No connection. */
  | { path: 'none' };

/** Creates a room for the check, joins it and connects. */
export async function checkMedia(): Promise<MediaResult> {
  const { room } = await createRoom();
  const { token, iceServers } = await issueToken(room);
  const started = performance.now();
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers });
  connection.addTransceiver('audio', { direction: 'sendonly' });
  const events = {
    message: (message: ServerMessage): void => {
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
    if (!(await connects(connection))) return { path: 'none' };
    const ms = String(Math.round(performance.now() - started));
    return (await isRelayed(connection))
      ? { path: 'relayed', sentence: sentence('self_test.media_relayed', { ms }) }
      : { path: 'direct', sentence: sentence('self_test.media_yes', { ms }) };
  } finally {
    connection.close();
    socket.leave();
  }
}

async function offer(connection: RTCPeerConnection, socket: SignalingSocket): Promise<void> {
  await connection.setLocalDescription();
  // The SFU needs no candidates of the browser: it learns its address from the first packet.
  socket.send({ type: 'offer', sdp: connection.localDescription?.sdp ?? '' });
}

function connects(connection: RTCPeerConnection): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), TIMEOUT_MS);
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
