/** Audio over a network that loses a tenth of the packets in each direction: lost packets are
 * requested (NACK) and retransmitted in time. */

import { afterAll, expect, it } from 'vitest';
import { LossyNetwork } from './support/lossy_network';
import { GREEN_YELLOW, type Person, RED_BLUE, until } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();
const line = new LossyNetwork();
afterAll(() => line.close());

/** Returns the browser's statistics of received audio. */
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

/** Returns the share of packets lost after retransmission, and the share of concealed samples. */
function missing(
  before: Sound | undefined,
  after: Sound | undefined,
): { packets: number; samples: number } {
  if (before === undefined || after === undefined) throw new Error('no audio is received');
  const [received, lost] = [after.received - before.received, after.lost - before.lost];
  const [samples, concealed] = [after.samples - before.samples, after.concealed - before.concealed];
  return { packets: lost / (received + lost), samples: concealed / samples };
}

it('lost audio packets are retransmitted unchanged and played', async () => {
  const ada = await testbed.person('Ada', RED_BLUE);
  const link = await testbed.newMeeting(ada);
  const bob = await testbed.person('Bob', GREEN_YELLOW);
  await line.carry(bob);
  line.delay = 20;
  await bob.join(link);
  await Promise.all([ada, bob].map((one) => one.isIn(2)));
  await Promise.all(
    [ada, bob].map((one) => until(`${one.name} hears audio`, async () => (await one.hears()) > 0)),
  );

  line.loss = 0.1;
  // The jitter buffers adapt to the delay of retransmissions.
  await ada.page.waitForTimeout(5000);
  const [carried, lost] = [line.carried, line.lost];
  const before = await Promise.all([sound(ada), sound(bob)]);
  await ada.page.waitForTimeout(20_000);
  const after = await Promise.all([sound(ada), sound(bob)]);
  expect((line.lost - lost) / (line.carried - carried)).toBeGreaterThan(0.05);

  // Both lose packets between Bob and the server: Ada on the way up, Bob on the way down.
  for (const [at, name] of ['Ada', 'Bob'].entries()) {
    const gone = missing(before[at], after[at]);
    expect(gone.packets, `packets that ${name} lacks`).toBeLessThan(0.02);
    expect(gone.samples, `what ${name} hears made up`).toBeLessThan(0.05);
  }
  // Both retransmitted identical packets. A different header with the same SRTP index would reuse an
  // AES-GCM nonce.
  expect(Math.min(line.repeated.up, line.repeated.down)).toBeGreaterThan(30);
  expect(line.altered).toBe(0);
  // Late and duplicate packets are not counted as attacks.
  for (const { page } of [ada, bob]) {
    const dropped = page.locator('main').getAttribute('data-dropped');
    // oxlint-disable-next-line no-await-in-loop
    expect(Number(await dropped)).toBe(0);
  }
  line.loss = 0;
});
