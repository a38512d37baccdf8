/** Every screen, in light, dark and on a phone: no barrier that axe finds, and nothing wider than
 * the window. With SCREENSHOTS=1 it also makes the pictures in docs/screens. */

import { describe, expect, it } from 'vitest';
import { screenToShare } from './support/devices';
import { inspect } from './support/looks';
import { more, press } from './support/meeting';
import { GREEN_YELLOW, type Person, RED_BLUE, WHITE_PURPLE } from './support/person';
import { Stage } from './support/stage';

const stage = new Stage();

async function closeDialog({ page }: Person): Promise<void> {
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
}

describe('before and after the call', () => {
  it('every screen is free of barriers', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    const { page } = ada;
    await page.goto(stage.server.url);
    const found = await inspect(page, 'start');
    await page.goto(`${stage.server.url}/check`);
    await page.getByText('Everything is fine.').waitFor();
    found.push(...(await inspect(page, 'check')));
    await page.goto(`${stage.server.url}/nonsense`);
    found.push(...(await inspect(page, 'wrong-link')));
    await page.goto(stage.server.url);
    await press(ada, 'New meeting');
    await page.getByLabel('Your camera').waitFor();
    await page.getByLabel('Your name').fill('Ada');
    found.push(...(await inspect(page, 'lobby')));
    await ada.enter();
    await ada.isIn(1);
    await ada.leave();
    await page.getByLabel('Good').check();
    found.push(...(await inspect(page, 'ended')));
    expect(found).toEqual([]);
  });
});

describe('in the call', () => {
  it('every screen is free of barriers', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    const { page } = ada;
    const link = await stage.newMeeting(ada);
    const found = await inspect(page, 'alone');
    const bob = await stage.person('Bob', GREEN_YELLOW);
    await screenToShare(bob.page);
    const cleo = await stage.person('Cleo', WHITE_PURPLE);
    await Promise.all([bob.join(link), cleo.join(link)]);
    await ada.isIn(3);
    await ada.waitToSee('Bob', GREEN_YELLOW);
    await ada.waitToSee('Cleo', WHITE_PURPLE);
    await press(bob, 'Raise hand');
    await page.getByText('Hand raised').first().waitFor({ state: 'attached' });
    found.push(...(await inspect(page, 'grid')));
    await press(ada, 'Keep large: Bob');
    found.push(...(await inspect(page, 'pinned')));
    await press(ada, 'Keep large: Bob');

    await press(bob, /^Chat/);
    await bob.page.getByLabel('Message to everybody').fill('The plan: https://example.org/plan');
    await bob.page.getByRole('button', { name: 'Send' }).click();
    await press(ada, /^Chat/);
    await page.getByRole('link', { name: 'example.org' }).waitFor();
    await page.getByRole('log').getByText('The plan').waitFor();
    found.push(...(await inspect(page, 'chat')));
    await press(ada, 'Show People');
    found.push(...(await inspect(page, 'people')));
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
  });
});
