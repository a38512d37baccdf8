/** The controls of a call, by mouse and keyboard. */

import { describe, expect, it } from 'vitest';
import { more } from './support/controls';
import { GREEN_YELLOW, type Person, RED_BLUE, until } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

/** The title of an icon in a participant's tile. */
const sign = (one: Person, of: string, title: string) =>
  one.page.locator('figure', { hasText: of }).locator('title', { hasText: title });

describe('two people', () => {
  it('use shortcuts, talk while muted, see each other’s state, and change the layout', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const { page } = ada;
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await page.getByText('Bob has joined').waitFor();

    // While muted, Ada is told that she is talking; holding the space bar unmutes her.
    await page.keyboard.press('m');
    await sign(bob, 'Ada', 'Microphone off').waitFor({ state: 'attached' });
    await page.getByText('You’re talking, but your microphone is off').waitFor();
    await page.keyboard.down(' ');
    await sign(bob, 'Ada', 'Microphone off').waitFor({ state: 'detached' });
    await page.keyboard.up(' ');
    await sign(bob, 'Ada', 'Microphone off').waitFor({ state: 'attached' });
    await page.getByRole('alert').getByRole('button', { name: 'Unmute' }).click();
    await sign(bob, 'Ada', 'Microphone off').waitFor({ state: 'detached' });

    await page.keyboard.press('h');
    await sign(bob, 'Ada', 'Hand raised').waitFor({ state: 'attached' });
    await page.keyboard.press('v');
    await until('the picture is gone', async () => (await bob.sees('Ada')) === undefined);

    // The list of participants shows the same.
    await bob.page.keyboard.press('p');
    const row = bob.page.getByRole('list', { name: 'People' }).getByRole('listitem').nth(1);
    await row.getByText('Ada').waitFor();
    for (const title of ['Hand raised', 'Microphone on', 'Camera off']) {
      await row.locator('title', { hasText: title }).waitFor({ state: 'attached' });
    }
    await page.keyboard.press('v');
    await row.locator('title', { hasText: 'Camera on' }).waitFor({ state: 'attached' });
    await bob.waitToSee('Ada', RED_BLUE);

    // Full screen and speaker view.
    await page.keyboard.press('f');
    await page.waitForFunction(() => document.fullscreenElement !== null);
    await page.keyboard.press('f');
    await page.waitForFunction(() => document.fullscreenElement === null);
    await page.keyboard.press('l');
    await page.locator('figure[data-stage="true"]', { hasText: 'Bob' }).waitFor();
    await page.keyboard.press('l');
    await page.locator('figure[data-stage="true"]').waitFor({ state: 'detached' });

    // Reduced motion turns transitions off.
    const glides = (): Promise<number> =>
      page
        .locator('figure')
        .first()
        .evaluate((tile) => Number.parseFloat(getComputedStyle(tile).transitionDuration));
    expect(await glides()).toBeGreaterThan(0.1);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    expect(await glides()).toBeLessThan(0.001);

    // Shortcuts can be turned off, and settings are kept.
    await more(ada, 'Settings');
    await page.getByLabel('Single-key shortcuts').uncheck();
    await page.getByLabel('Mirror my video').uncheck();
    const speaker = page.getByRole('dialog').getByLabel('Speaker');
    await speaker.selectOption({ index: 1 });
    await page.waitForFunction(
      (id) => [...document.querySelectorAll('audio')].every(({ sinkId }) => sinkId === id),
      await speaker.inputValue(),
    );
    await page.keyboard.press('Escape');
    await page.locator('figure[data-self] video[data-mirrored="false"]').waitFor();
    await page.keyboard.press('m');
    await page.getByRole('button', { name: 'Mute', exact: true }).waitFor();
    expect(await page.evaluate(() => localStorage.getItem('orange-meets.shortcuts'))).toBe('false');

    // Statistics of the connection and of each stream.
    await more(ada, 'Connection');
    const panel = page.getByRole('complementary', { name: 'Connection' });
    await panel.getByText('UDP').waitFor();
    await panel.getByText('Bob, video').waitFor();
    await panel
      .getByText(/VP[89] · \d+ kbit\/s · \d+×\d+ · \d+ fps/)
      .first()
      .waitFor();
  });

  it('continue in a picture-in-picture window', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await ada.waitToSee('Bob', GREEN_YELLOW);
    const opened = ada.context.waitForEvent('page');
    await more(ada, 'Picture-in-picture');
    const small = await opened;
    await small.getByText('Bob').waitFor();
    await until('the picture moves there', async () =>
      small
        .locator('video')
        .evaluate((video) => (video as HTMLVideoElement).currentTime)
        .then((time) => time > 0),
    );
    await small.getByRole('button', { name: 'Mute', exact: true }).click();
    await sign(bob, 'Ada', 'Microphone off').waitFor({ state: 'attached' });
    await small.getByRole('button', { name: 'Leave' }).click();
    await ada.page.getByText('You left the meeting').waitFor();
    await until('the window closes with the call', async () => small.isClosed());
  });

  it('switch to another camera when one is unplugged', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await bob.waitToSee('Ada', RED_BLUE);
    // As a browser does when the camera is unplugged.
    await ada.page.evaluate(() => {
      const [camera] = (window as unknown as { cameras: MediaStreamTrack[] }).cameras.slice(-1);
      camera?.stop();
      camera?.dispatchEvent(new Event('ended'));
    });
    await until('another camera has taken its place', async () =>
      ada.page.evaluate(() => (window as unknown as { cameras: unknown[] }).cameras.length > 1),
    );
    await bob.waitToSee('Ada', RED_BLUE);
  });
});
