/** Shows what the SFU receives, through a participant that has everything except the link's secret. */

import { describe, expect, it } from 'vitest';
import { eavesdrop, type Packet } from './support/eavesdropper';
import { tapEncoders, type Tapped } from './support/encoder_tap';
import { RED_BLUE } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

/** Hexadecimal digits of a window: eight bytes do not match by chance. */
const WINDOW = 16;

/** Number of packets compared, of audio and video each. */
const PACKETS = 60;

/** Returns all windows of these frames, at every byte offset. */
function windows(frames: readonly string[]): Set<string> {
  const all = new Set<string>();
  for (const frame of frames) {
    for (let at = 0; at + WINDOW <= frame.length; at += 2) all.add(frame.slice(at, at + WINDOW));
  }
  return all;
}

function shares(payload: string, known: ReadonlySet<string>): boolean {
  for (let at = 0; at + WINDOW <= payload.length; at += 2) {
    if (known.has(payload.slice(at, at + WINDOW))) return true;
  }
  return false;
}

describe('the SFU', () => {
  it('receives no encoder output except frame headers', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const tapped = await tapEncoders(ada.page);
    const link = await testbed.newMeeting(ada);
    const room = new URL(link).pathname.slice(1);

    const packets: Packet[] = await eavesdrop(testbed.server.url, room, PACKETS);
    const { plain, sealed }: Tapped = await tapped();

    const [known, protectedBytes] = [windows(plain), windows(sealed)];
    for (const kind of ['audio', 'video']) {
      const payloads = packets.filter((one) => one.kind === kind).map((one) => one.payload);
      expect(payloads).toHaveLength(PACKETS);
      // The received packets are parts of what left the worker …
      const ours = payloads.filter((payload) => shares(payload, protectedBytes));
      expect(ours.length).toBeGreaterThan(payloads.length * 0.9);
      // … and contain no eight consecutive bytes of the encoder's output.
      expect(payloads.filter((payload) => shares(payload, known))).toEqual([]);
    }
  });
});
