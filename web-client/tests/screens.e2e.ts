/** Every screen in light, dark and on a phone: no accessibility violation that axe finds, and nothing
 * wider than the window. With SCREENSHOTS=1 it also takes the screenshots in docs/screens. */

import { describe, expect, it } from 'vitest';
import { installFakeScreen } from './support/devices';
import { inspect } from './support/screen_inspection';
import { more, press } from './support/controls';
import { type Person, RED_BLUE } from './support/person';
import { PORTRAITS, portray } from './support/portrait';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

/** Axe inspects about seven screens in three modes, a second or more each. */
const PATIENCE_MS = 240_000;

/** Returns a participant whose camera shows a drawn face. */
async function portrayed(name: string, which: number): Promise<Person> {
  const one = await testbed.person(name, RED_BLUE);
  await portray(one.page, PORTRAITS[which]);
  return one;
}

/** Waits until the videos of this many other participants move. */
async function sees({ page }: Person, others: number): Promise<void> {
  await page.waitForFunction(
    (count) =>
      [...document.querySelectorAll<HTMLVideoElement>('figure:not([data-self]) video')].filter(
        (video) => video.currentTime > 0.5 && video.videoWidth > 0,
      ).length >= count,
    others,
  );
}

async function closeDialog({ page }: Person): Promise<void> {
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
}

describe('before and after the call', () => {
  it('no screen has accessibility violations', async () => {
    const ada = await portrayed('Ada', 0);
    const { page } = ada;
    await page.goto(testbed.server.url);
    const found = await inspect(page, 'start');
    await page.goto(`${testbed.server.url}/check`);
    await page.getByText('Calls work here.').waitFor();
    found.push(...(await inspect(page, 'self-test')));
    await page.goto(`${testbed.server.url}/nonsense`);
    found.push(...(await inspect(page, 'wrong-link')));
    await page.goto(testbed.server.url);
    await press(ada, 'New meeting');
    await page.getByLabel('Your camera').waitFor();
    await page.getByLabel('Your name').fill('Ada');
    found.push(...(await inspect(page, 'prejoin')));
    await ada.enter();
    await ada.isIn(1);
    await ada.leave();
    await page.getByLabel('Good').check();
    found.push(...(await inspect(page, 'ended')));
    expect(found).toEqual([]);
  });
});

describe('in the call', () => {
  it('tiles and chat have no accessibility violations', { timeout: PATIENCE_MS }, async () => {
    const ada = await portrayed('Ada', 0);
    const { page } = ada;
    const link = await testbed.newMeeting(ada);
    const found = await inspect(page, 'alone');
    const bob = await portrayed('Bob', 1);
    const cleo = await portrayed('Cleo', 2);
    await Promise.all([bob.join(link), cleo.join(link)]);
    await ada.isIn(3);
    await sees(ada, 2);
    await press(bob, 'Raise hand');
    await page.getByText('Hand raised').first().waitFor({ state: 'attached' });
    found.push(...(await inspect(page, 'grid')));
    await press(ada, 'Pin Bob');
    found.push(...(await inspect(page, 'pinned')));
    await press(ada, 'Pin Bob');

    await press(bob, /^Chat/);
    await bob.page.getByLabel('Message to everyone').fill('The plan: https://example.org/plan');
    await bob.page.getByRole('button', { name: 'Send' }).click();
    await press(ada, /^Chat/);
    await page.getByRole('link', { name: 'example.org' }).waitFor();
    found.push(...(await inspect(page, 'chat')));
    expect(found).toEqual([]);
  });

  it(
    'moderation and the lobby have no accessibility violations',
    { timeout: PATIENCE_MS },
    async () => {
      const ada = await portrayed('Ada', 0);
      const { page } = ada;
      const link = await testbed.newMeeting(ada);
      const bob = await portrayed('Bob', 1);
      await bob.join(link);
      await ada.isIn(2);
      await sees(ada, 1);
      await press(ada, /^People/);
      await page.getByLabel('Guests wait until a host admits them').check();
      const found: string[] = [];
      const dana = await portrayed('Dana', 0);
      await dana.join(link);
      await dana.page.getByRole('heading', { name: 'Waiting to be let in' }).waitFor();
      found.push(...(await inspect(dana.page, 'waiting')));
      await page.getByRole('button', { name: 'Admit Dana' }).waitFor();
      found.push(...(await inspect(page, 'people')));
      await press(ada, 'Decline Dana');
      await dana.page.getByText('The host didn’t let you in.').waitFor();
      await press(ada, 'Remove Bob');
      await page.getByRole('dialog').waitFor();
      found.push(...(await inspect(page, 'remove')));
      expect(found).toEqual([]);
    },
  );

  it(
    'statistics, dialogs, the menu and a shared screen have no accessibility violations',
    {
      timeout: PATIENCE_MS,
    },
    async () => {
      const ada = await portrayed('Ada', 0);
      const { page } = ada;
      const link = await testbed.newMeeting(ada);
      const bob = await portrayed('Bob', 1);
      await installFakeScreen(bob.page);
      await bob.join(link);
      await ada.isIn(2);
      await sees(ada, 1);
      const found: string[] = [];
      await more(ada, 'Connection');
      await page.getByText('kbit/s').first().waitFor();
      found.push(...(await inspect(page, 'connection')));
      await page.keyboard.press('Escape');

      for (const [name, heading, screen] of [
        ['Settings', 'Settings', 'settings'],
        ['Keyboard shortcuts', 'Keyboard shortcuts', 'shortcuts'],
      ] as const) {
        await more(ada, name);
        await page.getByRole('heading', { name: heading }).waitFor();
        found.push(...(await inspect(page, screen)));
        await closeDialog(ada);
      }
      await press(ada, 'Encryption');
      await page.getByText('Compare codes', { exact: true }).first().click();
      found.push(...(await inspect(page, 'encryption')));
      await closeDialog(ada);
      await page.locator('footer').getByRole('button', { name: 'Invite' }).click();
      await page.getByRole('img', { name: 'QR code' }).waitFor();
      found.push(...(await inspect(page, 'invite')));
      await closeDialog(ada);
      const openMenu = async (): Promise<void> => {
        if (await page.locator('#more').isHidden()) await press(ada, 'More');
      };
      await openMenu();
      found.push(...(await inspect(page, 'menu', openMenu)));
      await page.keyboard.press('Escape');

      await press(bob, 'Share screen');
      await page.locator('figure[data-source="screen"] video').waitFor();
      found.push(...(await inspect(page, 'screen')));
      expect(found).toEqual([]);
    },
  );
});
