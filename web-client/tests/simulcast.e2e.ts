/** Simulcast: each participant receives the encoding that fits its layout, and encodings without
 * viewers are not encoded. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { more, press } from './support/controls';
import { GREEN_YELLOW, type Person, RED_BLUE, until } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();
const RESULTS = 'tests/results';

/** Returns the number of frames a participant's camera has sent, by encoding. */
async function sent(one: Person): Promise<Record<string, number>> {
  const stats = await one.stats();
  const cameras = stats.filter((entry) => entry['type'] === 'outbound-rtp' && entry['rid']);
  return Object.fromEntries(
    cameras.map((entry) => [String(entry['rid']), Number(entry['framesSent'] ?? 0)]),
  );
}

/** Returns the encodings that a participant's camera is sending. */
async function sending(one: Person): Promise<string> {
  const before = await sent(one);
  await one.page.waitForTimeout(400);
  const after = await sent(one);
  return ['q', 'h', 'f'].filter((rid) => (after[rid] ?? 0) > (before[rid] ?? 0)).join('');
}

/** Returns the height of the video received from a participant, in pixels. */
async function heightOf(one: Person, name: string): Promise<number> {
  return one.page
    .locator('figure:not([data-self])', { hasText: name })
    .locator('video')
    .evaluate((video) => (video as HTMLVideoElement).videoHeight);
}

const dropped = (one: Person): Promise<number> =>
  one.page.locator('main').evaluate((main) => Number(main.dataset['dropped']));

/** Runs in the page: records the time from a request for an encoding to its first frame. */
function timeEncodings(): void {
  const latencies: { rid: string; ms: number }[] = [];
  Object.assign(window, { latencies });
  const Socket = window.WebSocket;
  let known: boolean[] = [true, true, true];
  const rids = ['q', 'h', 'f'];
  const time = async (rid: string): Promise<void> => {
    const start = performance.now();
    const { connections } = window as unknown as { connections: RTCPeerConnection[] };
    const frames = async (): Promise<number> => {
      const report = await connections.at(-1)?.getStats();
      const entries = [...(report?.values() ?? [])] as Record<string, unknown>[];
      const ours = entries.find((one) => one['type'] === 'outbound-rtp' && one['rid'] === rid);
      return Number(ours?.['framesEncoded'] ?? 0);
    };
    const before = await frames();
    while (performance.now() - start < 5000) {
      // oxlint-disable-next-line no-await-in-loop
      if ((await frames()) > before) break;
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    latencies.push({ rid, ms: Math.round(performance.now() - start) });
  };
  window.WebSocket = class extends Socket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener('message', ({ data }: MessageEvent<string>) => {
        if (!data.includes('"subscribed_quality"') || !data.includes('"camera"')) return;
        const { wanted } = JSON.parse(data) as { wanted: boolean[] };
        for (const [at, rid] of rids.entries()) if (wanted[at] && !known[at]) void time(rid);
        known = wanted;
      });
    }
  };
}

it('sends only the encodings that are shown, pauses without viewers, and resumes', async () => {
  const ada = await testbed.person('Ada', RED_BLUE);
  await ada.enlargeCamera(2);
  await ada.page.addInitScript(timeEncodings);
  const link = await testbed.newMeeting(ada);
  await until('alone, Ada sends nothing', async () => (await sending(ada)) === '');
  const bob = await testbed.person('Bob', GREEN_YELLOW);
  await bob.join(link);
  await bob.waitToSee('Ada', RED_BLUE);

  // For a grid tile the middle encoding is enough.
  await until('Bob gets the middle size', async () => (await heightOf(bob, 'Ada')) === 240);
  await until('nothing else is sent', async () => (await sending(ada)) === 'h');
  await bob.waitToSee('Ada', RED_BLUE);
  const lost = await dropped(bob);

  for (let round = 0; round < 3; round += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one change after the other
    await press(bob, 'Pin Ada');
    // oxlint-disable-next-line no-await-in-loop
    await until('Bob gets the full size', async () => (await heightOf(bob, 'Ada')) === 480);
    // oxlint-disable-next-line no-await-in-loop
    await until('only that is sent', async () => (await sending(ada)) === 'f');
    // oxlint-disable-next-line no-await-in-loop
    await press(bob, 'Pin Ada');
    // oxlint-disable-next-line no-await-in-loop
    await until('Bob gets the middle size', async () => (await heightOf(bob, 'Ada')) === 240);
    // oxlint-disable-next-line no-await-in-loop
    await until('the full size is not sent', async () => (await sending(ada)) === 'h');
  }
  await bob.waitToSee('Ada', RED_BLUE);
  // The encodings share a counter: no frame was taken for a replay.
  expect(await dropped(bob)).toBe(lost);

  // Data saver: the smallest encoding.
  await more(bob, 'Settings');
  await bob.page.getByLabel('Data saver').check();
  await until('the smallest is sent', async () => (await sending(ada)) === 'q');
  const start = Date.now();
  await bob.page.getByLabel('Audio only').check();
  let last = await sent(ada);
  let silent = Date.now();
  await until('nothing is sent', async () => {
    const now = await sent(ada);
    if (JSON.stringify(now) !== JSON.stringify(last)) silent = Date.now();
    last = now;
    return Date.now() - silent > 1000;
  });
  const stopped = silent - start;
  await bob.page.getByLabel('All', { exact: true }).check();
  await bob.page.keyboard.press('Escape');
  await bob.waitToSee('Ada', RED_BLUE);

  const latencies = await ada.page.evaluate(
    () => (window as unknown as { latencies: { rid: string; ms: number }[] }).latencies,
  );
  const result = {
    what: 'simulcast, Chromium: from "nobody looks" to the last frame, and from "wanted" to the first, ms',
    stopped,
    latencies,
  };
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}/simulcast.json`, JSON.stringify(result));
  process.stdout.write(`${JSON.stringify(result)}\n`);
  expect(latencies.length).toBeGreaterThanOrEqual(4);
  expect(Math.min(...latencies.map(({ ms }) => ms))).toBeLessThan(500);
  expect(stopped).toBeLessThan(2500);
});
