/** Firefox and Chromium in one call. */

import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FirefoxPerson, openFirefox } from './support/firefox';
import { GREEN_YELLOW, RED_BLUE, until } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

/** Two browsers start two meetings, on a machine that may be busy. */
const PATIENCE = { timeout: 240_000 };

describe('participants with Firefox and Chromium', () => {
  let firefox: Browser | undefined;
  beforeAll(async () => {
    firefox = await openFirefox();
  });
  afterAll(async () => {
    await firefox?.close();
  });

  it('see and hear each other, compare codes, and leave', PATIENCE, async () => {
    if (firefox === undefined) throw new Error('the browser runs in tests only');
    const ada = await testbed.person('Ada', RED_BLUE);
    const link = await testbed.newMeeting(ada);
    const fox = await FirefoxPerson.open(firefox, 'Fox', GREEN_YELLOW);
    await fox.join(link);
    await Promise.all([ada.isIn(2), fox.isIn(2)]);
    await Promise.all([ada.waitToSee('Fox', GREEN_YELLOW), fox.waitToSee('Ada', RED_BLUE)]);
    await until('Ada hears Fox', async () => (await ada.hears()) > 0);
    await until('Fox hears Ada', async () => (await fox.hears()) > 0);

    expect(await fox.roomCode()).toBe(await ada.roomCode());
    await fox.press('Encryption');
    await fox.page.locator('summary').click();
    const seen = await fox.page.$eval('section[aria-label="Code with Ada"]', (code) =>
      code.textContent.replaceAll(/\D/g, ''),
    );
    await ada.page.getByRole('button', { name: 'Encryption' }).click();
    await ada.page.getByText('Compare codes', { exact: true }).click();
    const own = await ada.page.getByRole('region', { name: 'Code with Fox' }).innerText();
    expect(seen).toBe(own.replaceAll(/\D/g, ''));
    await fox.press('It matches');
    await fox.page.waitForSelector('li[data-trust="verified"]');
    await fox.press('Close');
    await ada.page.keyboard.press('Escape');

    const epoch = await ada.epoch();
    await fox.leave();
    await ada.isIn(1);
    await until('a later epoch', async () => (await ada.epoch()) > epoch);

    // The opposite order: Firefox starts the meeting.
    await fox.page.goto(testbed.server.url);
    await fox.press('New meeting');
    await fox.page.locator('input[name="name"]').fill('Fox');
    await fox.press('Join');
    await fox.isIn(1);
    await ada.leave();
    await ada.join(fox.page.url());
    await Promise.all([ada.isIn(2), fox.isIn(2)]);
    await Promise.all([ada.waitToSee('Fox', GREEN_YELLOW), fox.waitToSee('Ada', RED_BLUE)]);
    expect(fox.errors).toEqual([]);
  });
});
