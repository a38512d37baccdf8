/** Sound on a line that loses one packet of ten either way: the browser and the server ask each other
 * for what is missing, and get it in time. */

import { afterAll, expect, it } from 'vitest';
import { LossyLine } from './support/lossy_line';
import { GREEN_YELLOW, type Person, RED_BLUE, until } from './support/person';
import { Stage } from './support/stage';

const stage = new Stage();
const line = new LossyLine();
afterAll(() => line.close());

/** The browser's counters of the sound that somebody receives. */
interface Sound {
  received: number;
  lost: number;
  samples: number;
  concealed: number;
}

async function sound(one: Person): Promise<Sound> {
  const stats = await one.stats();
  const flows = stats.filter((entry) => entry['type'] === 'inbound-rtp');
  const heard = flows.filter((entry) => entry['kind'] === 'audio');
  const sum = (name: string): number =>
    heard.reduce((total, entry) => total + Number(entry[name] ?? 0), 0);
  return {
    received: sum('packetsReceived'),
    lost: sum('packetsLost'),
    samples: sum('totalSamplesReceived'),
    concealed: sum('concealedSamples'),
  };
}

/** The share that is missing after all, and the share of the time for which something was made up. */
function missing(
  before: Sound | undefined,
  after: Sound | undefined,
): { packets: number; samples: number } {
  if (before === undefined || after === undefined) throw new Error('nobody listens');
  const [received, lost] = [after.received - before.received, after.lost - before.lost];
  const [samples, concealed] = [after.samples - before.samples, after.concealed - before.concealed];
  return { packets: lost / (received + lost), samples: concealed / samples };
}

it('is sent again, the same bit for bit, and heard', async () => {
  const ada = await stage.person('Ada', RED_BLUE);
  const link = await stage.newMeeting(ada);
  const bob = await stage.person('Bob', GREEN_YELLOW);
  await line.carry(bob);
  line.delay = 20;
  await bob.join(link);
  await Promise.all([ada, bob].map((one) => one.isIn(2)));
  await Promise.all(
    [ada, bob].map((one) =>
      until(`${one.name} hears somebody`, async () => (await one.hears()) > 0),
    ),
  );

  line.loss = 0.1;
  // The jitter buffers learn how long resends take.
  await ada.page.waitForTimeout(5000);
  const [carried, lost] = [line.carried, line.lost];
  const before = await Promise.all([sound(ada), sound(bob)]);
  await ada.page.waitForTimeout(20_000);
  const after = await Promise.all([sound(ada), sound(bob)]);
  expect((line.lost - lost) / (line.carried - carried)).toBeGreaterThan(0.05);

  // Each lacks what is lost between Bob and the server: Ada on its way up, Bob on its way down.
  for (const [at, name] of ['Ada', 'Bob'].entries()) {
    const gone = missing(before[at], after[at]);
    expect(gone.packets, `packets that ${name} lacks`).toBeLessThan(0.02);
    expect(gone.samples, `what ${name} hears made up`).toBeLessThan(0.05);
  }
  // Both were asked, and both sent again what it was: it has its SRTP index once more, and by AES-GCM
  // another header under that would be a nonce that is used twice.
  expect(Math.min(line.repeated.up, line.repeated.down)).toBeGreaterThan(30);
  expect(line.altered).toBe(0);
  // What comes late, or twice, is no attack.
  for (const { page } of [ada, bob]) {
    const dropped = page.locator('main').getAttribute('data-dropped');
    // oxlint-disable-next-line no-await-in-loop
    expect(Number(await dropped)).toBe(0);
  }
  line.loss = 0;
});
