/** Every codec, end-to-end encrypted, through the browser's packetizer and the real server. */

import { expect, it } from 'vitest';
import { GREEN_YELLOW, type Person, RED_BLUE, until } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

/** Six codec configurations, one after the other. */
const PATIENCE = { timeout: 300_000 };

interface Way {
  codec: string;
  /** The scalability mode. */
  scalabilityMode?: string;
}

const WAYS: readonly Way[] = [
  { codec: 'VP8' },
  { codec: 'VP9' },
  { codec: 'VP9', scalabilityMode: 'L3T3_KEY' },
  { codec: 'AV1' },
  { codec: 'AV1', scalabilityMode: 'L1T3' },
  { codec: 'H264' },
];

it('video arrives with every codec, in frames of several packets', PATIENCE, async () => {
  const bob = await testbed.person('Bob', GREEN_YELLOW);
  const link = await testbed.newMeeting(bob);
  for (const way of WAYS) {
    // oxlint-disable-next-line no-await-in-loop -- one encoder at a time
    await arrives(bob, link, way);
  }
});

/** Ada joins Bob's meeting with a browser that sends this configuration, and leaves. */
async function arrives(bob: Person, link: string, way: Way): Promise<void> {
  const name = `Ada by ${way.codec} ${way.scalabilityMode ?? 'alone'}`;
  const ada = await testbed.person(name, RED_BLUE);
  await ada.page.addInitScript(sendBy, way);
  await ada.join(link);
  await Promise.all([ada.isIn(2), bob.isIn(2)]);
  const encodes = await ada.page.evaluate(() =>
    RTCRtpSender.getCapabilities('video')?.codecs.map(({ mimeType }) => mimeType),
  );
  expect(encodes).toContain(`video/${way.codec}`);
  await ada.page.evaluate(drawNoise);
  await bob.waitToSee(name, RED_BLUE);
  // The opposite direction uses the preferred codec.
  await ada.waitToSee('Bob', GREEN_YELLOW);

  await until(`${name}: frames of several packets`, async () => {
    const { packets, frames } = await pictures(ada, 'outbound-rtp');
    return packets > 1.2 * frames;
  });
  expect((await pictures(ada, 'outbound-rtp')).codec, name).toBe(`video/${way.codec}`);
  expect((await pictures(bob, 'inbound-rtp')).codec, name).toBe(`video/${way.codec}`);

  // Video continues, and no frame is rejected once the keys are there.
  const dropped = await refused(bob);
  const decoded = await bob.decoded();
  await until('two more seconds', async () => (await bob.decoded()) > decoded + 30);
  expect(await refused(bob), name).toBe(dropped);
  await ada.leave();
  await ada.close();
  await bob.isIn(1);
}

/** Returns the number of frames received and not decrypted. */
function refused(one: Person): Promise<number> {
  return one.page.locator('main').evaluate((main) => Number(main.dataset['dropped']));
}

/** Returns when a statistics entry last received a packet. */
function newest(entry: Record<string, unknown>): number {
  return Number(entry['lastPacketReceivedTimestamp'] ?? 0);
}

/** Returns the video statistics of one direction. */
async function pictures(
  one: Person,
  direction: 'outbound-rtp' | 'inbound-rtp',
): Promise<{ codec: unknown; packets: number; frames: number }> {
  const stats = await one.stats();
  const streams = stats.filter(
    (entry) =>
      entry['type'] === direction &&
      entry['kind'] === 'video' &&
      Number(entry['framesSent'] ?? entry['framesReceived'] ?? 0) > 0,
  );
  // A slot keeps the counters of its previous participant.
  const [stream] = streams.toSorted((a, b) => newest(b) - newest(a));
  const codec = stats.find((entry) => entry['id'] === stream?.['codecId']);
  const sum = (name: string): number =>
    streams.reduce((all, entry) => all + Number(entry[name] ?? 0), 0);
  return {
    codec: codec?.['mimeType'],
    packets: sum('packetsSent') + sum('packetsReceived'),
    frames: sum('framesSent') + sum('framesReceived'),
  };
}

/** Runs in the page: restricts sending to one codec. */
function sendBy({ codec, scalabilityMode }: Way): void {
  const { prototype } = RTCRtpTransceiver;
  const prefer = Reflect.get(prototype, 'setCodecPreferences') as (codecs: RTCRtpCodec[]) => void;
  prototype.setCodecPreferences = function (codecs): void {
    const all = [...codecs];
    const wanted = all.filter(({ mimeType }) => [`video/${codec}`, 'video/rtx'].includes(mimeType));
    const narrow = this.direction === 'sendonly' && wanted.length > 0;
    prefer.call(this, narrow ? wanted : all);
  };
  // Simulcast is used with VP8 only.
  if (codec === 'VP8') return;
  const add = Reflect.get(RTCPeerConnection.prototype, 'addTransceiver') as (
    kind: unknown,
    init?: RTCRtpTransceiverInit,
  ) => RTCRtpTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (kind, init): RTCRtpTransceiver {
    const layered = kind === 'video' && init?.direction === 'sendonly';
    const encodings = [
      (scalabilityMode === undefined ? {} : { scalabilityMode }) as RTCRtpEncodingParameters,
    ];
    return add.call(this, kind, layered ? { ...init, sendEncodings: encodings } : init);
  };
}

/** Runs in the page: noise along the upper edge, so that a frame takes several packets. */
function drawNoise(): void {
  const [camera] = (window as unknown as { cameras: CanvasCaptureMediaStreamTrack[] }).cameras;
  const pen = camera?.canvas.getContext('2d');
  setInterval(() => {
    const noise = pen?.createImageData(320, 18);
    if (pen === null || pen === undefined || noise === undefined) return;
    for (let at = 0; at < noise.data.length; at += 1) noise.data[at] = Math.random() * 256;
    for (let at = 3; at < noise.data.length; at += 4) noise.data[at] = 255;
    pen.putImageData(noise, 0, 0);
  }, 33);
}
