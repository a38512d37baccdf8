/** A meeting of five: all participants see, hear and read each other, chimes announce joins and
 * leaves, and a small window has pages of tiles. */

import { expect, it } from 'vitest';
import { heardTones, listenToChimes } from './support/chimes';
import { mute, press } from './support/controls';
import {
  GREEN_YELLOW,
  type CameraPattern,
  type Person,
  RED_BLUE,
  until,
  WHITE_PURPLE,
} from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

const CYAN_BROWN: CameraPattern = { left: [20, 190, 200], right: [120, 70, 20] };
const PINK_GREY: CameraPattern = { left: [235, 120, 175], right: [125, 125, 125] };

/** The tones of `chime.ts`, in Hz. */
const CAME = [523, 784];
const WENT = [659, 440];

const LOOKS = new Map([
  ['Ada', RED_BLUE],
  ['Bob', GREEN_YELLOW],
  ['Cleo', WHITE_PURPLE],
  ['Dana', CYAN_BROWN],
  ['Eli', PINK_GREY],
]);

/** Returns the number of other participants that are heard. */
async function voices(one: Person): Promise<number> {
  const stats = await one.stats();
  return stats.filter(
    (entry) =>
      entry['type'] === 'inbound-rtp' &&
      entry['kind'] === 'audio' &&
      Number(entry['totalAudioEnergy'] ?? 0) > 0,
  ).length;
}

/** Returns the video constraints that a page last sent to the server. */
function recordConstraints({ page }: Person): () => string[] {
  let wanted: string[] = [];
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      const text = payload.toString();
      if (!text.startsWith('{"type":"receiver_video_constraints"')) return;
      const { constraints } = JSON.parse(text) as {
        constraints: { participant: number; height: number }[];
      };
      wanted = constraints.filter(({ height }) => height > 0).map((one) => String(one.participant));
    }),
  );
  return () => wanted.toSorted();
}

/** Returns the names of the other participants shown on a page. */
async function shown({ page }: Person): Promise<string[]> {
  const names = await page.locator('figure:not([data-self]) figcaption > span').allTextContents();
  return names.map((name) => name.trim()).toSorted();
}

/** Returns the number of videos being decoded, by the browser's statistics. */
async function flowing(one: Person): Promise<number> {
  const frames = async (): Promise<Map<unknown, number>> => {
    const stats = await one.stats();
    const videos = stats.filter(
      (entry) => entry['type'] === 'inbound-rtp' && entry['kind'] === 'video',
    );
    return new Map(videos.map((entry) => [entry['id'], Number(entry['framesDecoded'] ?? 0)]));
  };
  const before = await frames();
  await one.page.waitForTimeout(1000);
  return [...(await frames())].filter(([id, count]) => count > (before.get(id) ?? 0)).length;
}

/** Waits until a page shows other participants than before, and requests and receives only their
 * video. */
async function turned(one: Person, from: readonly string[], wants: () => string[]): Promise<void> {
  await until('other tiles are there', async () => {
    const now = await shown(one);
    return now.length > 0 && now.join() !== from.join();
  });
  const now = await shown(one);
  await until('just these are wanted', () => Promise.resolve(wants().length === now.length));
  await until('just these come', async () => (await flowing(one)) === now.length);
  for (const name of now) {
    const pattern = LOOKS.get(name);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    if (pattern !== undefined) await one.waitToSee(name, pattern);
  }
}

/** Turns two pages of tiles in a small window, by mouse and keyboard. */
async function turnPages(one: Person, wants: () => string[]): Promise<void> {
  const { page } = one;
  const pages = page.getByRole('navigation', { name: 'Participant pages' });
  const next = pages.getByRole('button', { name: 'Next page' });
  const previous = pages.getByRole('button', { name: 'Previous page' });
  const focused = (): Promise<string | null> =>
    page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? null);
  await page.setViewportSize({ width: 320, height: 520 });
  await pages.getByText('Page 1 of 2').waitFor();
  const first = await shown(one);
  const wantedFirst = wants();

  await next.click();
  await pages.getByText('Page 2 of 2').waitFor();
  await turned(one, first, wants);
  const second = await shown(one);
  expect([...first, ...second].toSorted()).toEqual(
    [...LOOKS.keys()].filter((name) => name !== one.name).toSorted(),
  );
  expect(wants()).not.toEqual(wantedFirst);
  // On the last page, the disabled button keeps the focus.
  expect(await next.getAttribute('aria-disabled')).toBe('true');
  expect(await focused()).toBe('Next page');

  await page.keyboard.press('Shift+Tab');
  expect(await focused()).toBe('Previous page');
  await page.keyboard.press('Enter');
  await pages.getByText('Page 1 of 2').waitFor();
  expect(await focused()).toBe('Previous page');
  expect(await previous.getAttribute('aria-disabled')).toBe('true');
  await turned(one, second, wants);

  // A key turns the page, wherever the focus is; that of a tile which goes stays with the tiles.
  await page.locator('figure:not([data-self]) button').first().focus();
  await page.keyboard.press('PageDown');
  await pages.getByText('Page 2 of 2').waitFor();
  await page.keyboard.press('PageDown');
  await turned(one, first, wants);
  await until('the focus is among the tiles', () =>
    page.evaluate(() => document.activeElement?.querySelector('figure') !== null),
  );
  expect(await page.evaluate(() => document.activeElement === document.body)).toBe(false);
  await page.keyboard.press('PageUp');
  await pages.getByText('Page 1 of 2').waitFor();

  await page.setViewportSize({ width: 960, height: 600 });
  await one.isIn(5);
  await pages.waitFor({ state: 'detached' });
}

it(
  'five participants join, see and hear each other, turn pages, chat and leave',
  { timeout: 300_000 },
  async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    await listenToChimes(ada.page);
    const wants = recordConstraints(ada);
    const link = await testbed.newMeeting(ada);
    const others: Person[] = [];
    for (const [name, pattern] of LOOKS) {
      if (name === 'Ada') continue;
      // oxlint-disable-next-line no-await-in-loop -- one after the other, each with a sound
      const one = await testbed.person(name, pattern);
      others.push(one);
      // oxlint-disable-next-line no-await-in-loop
      await one.join(link);
      // oxlint-disable-next-line no-await-in-loop
      await ada.page.getByText(`${name} has joined`).waitFor();
      // oxlint-disable-next-line no-await-in-loop
      await until('a sound says so', () => heardTones(ada.page, CAME));
    }
    const all = [ada, ...others];
    await Promise.all(all.map((one) => one.isIn(5)));

    for (const one of all) {
      const seen = [...LOOKS].filter(([name]) => name !== one.name);
      // oxlint-disable-next-line no-await-in-loop -- five at once would look at twenty pictures
      await Promise.all(seen.map(([name, pattern]) => one.waitToSee(name, pattern)));
      // oxlint-disable-next-line no-await-in-loop
      await until(`${one.name} hears four voices`, async () => (await voices(one)) >= 4);
    }
    const codes = await Promise.all(all.map((one) => one.roomCode()));
    expect(new Set(codes).size).toBe(1);

    // The active speaker moves to the first page, so all are muted while pages are turned.
    await Promise.all(others.map(mute));
    await ada.page
      .locator('figure:not([data-self])[data-speaking="true"]')
      .first()
      .waitFor({ state: 'detached' });
    await turnPages(ada, wants);

    await Promise.all(all.map((one) => press(one, /^Chat/)));
    for (const one of all) {
      // oxlint-disable-next-line no-await-in-loop
      await one.page.getByLabel('Message to everyone').fill(`I am ${one.name}`);
      // oxlint-disable-next-line no-await-in-loop
      await one.page.getByRole('button', { name: 'Send' }).click();
    }
    await Promise.all(
      all.flatMap((one) =>
        [...LOOKS.keys()].map((name) =>
          one.page.getByRole('log').getByText(`I am ${name}`).waitFor(),
        ),
      ),
    );

    const epoch = await ada.epoch();
    for (const [at, one] of others.entries()) {
      // oxlint-disable-next-line no-await-in-loop
      await one.leave();
      // oxlint-disable-next-line no-await-in-loop
      await ada.isIn(4 - at);
      // oxlint-disable-next-line no-await-in-loop
      await until('a sound says so', () => heardTones(ada.page, WENT));
    }
    expect(await ada.epoch()).toBeGreaterThanOrEqual(epoch + 4);
  },
);
