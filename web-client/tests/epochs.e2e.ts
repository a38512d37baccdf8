/** Two participants lose no frame when a third joins and leaves, which changes the keys twice. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CONTEXTS } from '../src/e2ee/messages';
import {
  keepReports,
  receivedOver,
  type Report,
  reportsOf,
  sentOver,
} from './support/frame_counters';
import { GREEN_YELLOW, type Person, RED_BLUE, until, WHITE_PURPLE } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();
const RESULTS = `${import.meta.dirname}/results`;
/** How long frames are counted before and after the keys change. */
const CALM_MS = 5_000;
/** Reports come every second, of the two pages at different moments, at both ends of what is counted. */
const APART_MS = 2_500;

async function watches(name: string, pattern: typeof RED_BLUE): Promise<Person> {
  const one = await testbed.person(name, pattern);
  await keepReports(one.page);
  return one;
}

/** Returns the slots that have received frames. */
const busySlots = (report: Report | undefined): string[] =>
  Object.entries(report?.slots ?? {}).flatMap(([slot, { decrypted }]) =>
    decrypted > 0 ? [slot] : [],
  );

it('remaining members lose no frame when another joins and leaves', async () => {
  const ada = await watches('Ada', RED_BLUE);
  const link = await testbed.newMeeting(ada);
  const bob = await watches('Bob', GREEN_YELLOW);
  await bob.join(link);
  const pair = [ada, bob] as const;
  await Promise.all([ada.waitToSee('Bob', GREEN_YELLOW), bob.waitToSee('Ada', RED_BLUE)]);
  const reports = (): Promise<Report[]>[] => pair.map(({ page }) => reportsOf(page));
  await until('voice and picture have come, both ways', async () => {
    const all = await Promise.all(reports());
    return all.every((one) => busySlots(one.at(-1)).length === 2);
  });
  await ada.page.waitForTimeout(CALM_MS);

  const before = await Promise.all(reports());
  const epoch = await ada.epoch();
  const cleo = await testbed.person('Cleo', WHITE_PURPLE);
  await cleo.join(link);
  await Promise.all([ada.isIn(3), bob.isIn(3), ada.waitToSee('Cleo', WHITE_PURPLE)]);
  await cleo.leave();
  await Promise.all([ada.isIn(2), bob.isIn(2)]);
  await until('both have the keys that Cleo has not', async () => {
    const epochs = await Promise.all(pair.map((one) => one.epoch()));
    return epochs.every((one) => one >= epoch + 2);
  });
  await ada.page.waitForTimeout(CALM_MS);
  const after = await Promise.all(reports());

  const figures = pair.flatMap(({ name }, at) => {
    const [mine, others] = [after[at] ?? [], after[1 - at] ?? []];
    const [calm, change] = [before[at]?.slice(-4) ?? [], mine.slice((before[at]?.length ?? 1) - 1)];
    const seconds = ((change.at(-1)?.at ?? 0) - (change[0]?.at ?? 0)) / 1000;
    const sent = others.slice((before[1 - at]?.length ?? 1) - 1);
    // Voices have many more frames than pictures.
    const slots = busySlots(before[at]?.at(-1)).toSorted(
      (one, other) => receivedOver(change, other).frames - receivedOver(change, one).frames,
    );
    return slots.map((slot, source) => ({
      viewer: name,
      source: CONTEXTS[source],
      seconds,
      sent: sentOver(sent, source),
      received: receivedOver(change, slot),
      calmGapMs: receivedOver(calm, slot).gapMs,
    }));
  });
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}/epochs.json`, JSON.stringify(figures, undefined, 2));
  process.stdout.write('two changes of keys | sent | opened | lost | gap | gap in calm | sender\n');
  for (const { viewer, source, sent, received, calmGapMs } of figures) {
    const { frames, gapMs } = received;
    const lost = JSON.stringify(received.lost);
    process.stdout.write(
      `${viewer}, ${source} | ${sent.frames} | ${frames} | ${lost} | ${gapMs} ms | ${calmGapMs} ms | ${sent.gapMs} ms\n`,
    );
  }

  expect(figures.length).toBe(4);
  for (const { source, seconds, sent, received } of figures) {
    // Duplicates are the SFU's bandwidth probes.
    const { replay: _, ...lost } = received.lost;
    // No frame waits for its key: who stays has the keys before the epoch can begin. So each is
    // opened when it comes, and what there is of gaps is of the two cores that start a third page.
    const { waited } = received;
    expect({ lost, withheld: sent.lost, waited }).toEqual({ lost: {}, withheld: {}, waited: 0 });
    expect(received.frames).toBeGreaterThan(seconds * 5);
    // Of a camera the SFU picks another encoding for another layout; a voice it forwards whole.
    if (source !== 'microphone') continue;
    const apart = (sent.frames / seconds) * (APART_MS / 1000);
    expect(Math.abs(sent.frames - received.frames)).toBeLessThan(apart);
  }
});
