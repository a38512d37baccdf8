/**
 * The stage of a call with twenty-five people, as the call's screen shows it: real tiles with
 * pictures at 30 frames a second, voices that come and go, and figures that change. There is no
 * call behind it: what a server and a decoder would do is not on this thread anyway.
 */

import { signal } from '@preact/signals';
import { render } from 'preact';
import '../../../src/ui/base.css';
import { DisconnectedParticipants } from '../../../src/call/membership/disconnected';
import type { Call } from '../../../src/call/call';
import { emptyChat } from '../../../src/call/chat/chat_state';
import { noSpeaker, updateSpeakers } from '../../../src/call/media/active_speaker';
import type { SlotLabel, Tile } from '../../../src/call/layout/tiles';
import type { Slot } from '../../../src/peer_connection/peer_connection';
import {
  emptyStatistics,
  type Statistics,
  type StreamStatistics,
} from '../../../src/stats/statistics';
import { Stage } from '../../../src/ui/call/stage';
import { CallView } from '../../../src/ui/call/call_view';

const OTHERS = 24;
const FRAMES_PER_SECOND = 30;

function picture(): MediaStream {
  const canvas = document.createElement('canvas');
  canvas.width = 320;
  canvas.height = 180;
  const pen = canvas.getContext('2d');
  let step = 0;
  setInterval(() => {
    if (pen === null) return;
    pen.fillStyle = `hsl(${step % 360} 60% 50%)`;
    pen.fillRect(0, 0, 320, 180);
    pen.fillStyle = '#000';
    pen.fillRect((step * 5) % 320, 120, 20, 60);
    step += 1;
  }, 1000 / FRAMES_PER_SECOND);
  return canvas.captureStream(FRAMES_PER_SECOND);
}

const source = picture();
const leaves = Array.from({ length: OTHERS }, (_, at) => at + 1);
const slots: Slot[] = leaves.map((leaf) => ({
  id: `video ${leaf}`,
  kind: 'video',
  stream: source.clone(),
}));
const tiles: Tile[] = leaves.map((leaf) => ({
  key: `${leaf} camera`,
  participant: leaf,
  leaf,
  name: `Person ${leaf}`,
  source: 'camera',
  slot: `video ${leaf}`,
  muted: leaf % 3 === 0,
  outside: false,
}));
const labels = new Map<string, SlotLabel>(
  leaves.map((leaf) => [`video ${leaf}`, { leaf, context: 1 }]),
);

const speaking = signal(noSpeaker);
const statistics = signal<Statistics>(emptyStatistics);
const call = {
  name: 'Ada',
  tiles: signal(tiles),
  media: {
    slots: signal(slots),
    received: { labels: signal(labels) },
    receiveMode: signal('all'),
    statistics,
    setVideoConstraints: () => undefined,
  },
  membership: { ownLeaf: signal(0), disconnected: new DisconnectedParticipants() },
  chat: { state: signal(emptyChat), handRaised: signal(false) },
  audioLevels: { speakers: speaking },
  devices: {
    camera: { track: signal(source.getVideoTracks()[0]) },
    microphone: { track: signal(undefined) },
  },
} as unknown as Call;

const streamOf = (leaf: number): StreamStatistics => ({
  line: `video ${leaf}`,
  kind: 'video',
  bitsPerSecond: 300_000 + Math.random() * 50_000,
  loss: Math.random() * 0.12,
  codec: 'VP9',
  width: 320,
  height: 180,
  framesPerSecond: FRAMES_PER_SECOND,
  jitterMs: 5,
  limitedBy: undefined,
});

/** As often as the call measures them. */
setInterval(() => {
  const levels = new Map(leaves.map((leaf) => [leaf, Math.random() < 0.15 ? 0.2 : 0]));
  speaking.value = updateSpeakers(speaking.value, levels, 0, Date.now());
}, 150);
setInterval(() => {
  statistics.value = { ...emptyStatistics, roundTripMs: 40, inbound: leaves.map(streamOf) };
}, 2000);

const root = document.querySelector('#app');
if (root !== null) render(<Stage call={call} view={new CallView()} />, root);
