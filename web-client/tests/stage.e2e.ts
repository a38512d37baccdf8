/** The stage: pins, active speaker and shared screens, and the receive modes. */

import { describe, expect, it } from 'vitest';
import { installFakeScreen } from './support/devices';
import { more, mute, onStage, press, unmute } from './support/controls';
import { GREEN_YELLOW, type Person, RED_BLUE, until } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

/** Returns the number of video bytes received. */
async function videoBytes(one: Person): Promise<number> {
  const stats = await one.stats();
  return stats
    .filter((entry) => entry['type'] === 'inbound-rtp' && entry['kind'] === 'video')
    .reduce((sum, entry) => sum + Number(entry['bytesReceived'] ?? 0), 0);
}

/** Returns the decoded frame rate of the largest video. */
async function picturesOfScreen(one: Person): Promise<number> {
  const decoded = async (): Promise<number> => {
    const stats = await one.stats();
    const screens = stats.filter(
      (entry) => entry['type'] === 'inbound-rtp' && Number(entry['frameWidth'] ?? 0) > 1000,
    );
    return screens.reduce((sum, entry) => sum + Number(entry['framesDecoded'] ?? 0), 0);
  };
  const before = await decoded();
  await one.page.waitForTimeout(2000);
  return ((await decoded()) - before) / 2;
}

const shows = (one: Person, name: string | undefined): Promise<void> =>
  until(`${one.name} has ${name} on the stage`, async () => (await onStage(one)) === name);

describe('the stage', () => {
  it('shows the pinned participant, or follows the active speaker', async () => {
    const { ada, bob, cleo } = await testbed.meetingOfThree();
    await shows(ada, undefined);
    await press(ada, 'Pin Cleo');
    await shows(ada, 'Cleo');
    const figure = ada.page.locator('figure', { hasText: 'Cleo' });
    await until('Cleo is large', async () => ((await figure.boundingBox())?.width ?? 0) > 600);
    await press(ada, 'Pin Cleo');
    await shows(ada, undefined);

    await Promise.all([mute(bob), mute(cleo)]);
    await more(ada, 'Speaker view');
    await until('nobody speaks', async () => {
      const speaking = ada.page.locator('figure:not([data-self])[data-speaking="true"]');
      return (await speaking.count()) === 0;
    });
    await unmute(cleo);
    await shows(ada, 'Cleo');
    await mute(cleo);
    await unmute(bob);
    await shows(ada, 'Bob');
  });

  it('shows a shared screen automatically, and returns to the grid after it', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    await installFakeScreen(ada.page);
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await press(ada, 'Share screen');
    await shows(bob, 'Ada’s screen');
    const video = bob.page.locator('figure[data-source="screen"] video');
    await until('the screen has a picture', async () =>
      video.evaluate((element) => (element as HTMLVideoElement).videoWidth > 320),
    );
    // At full frame rate; with data saver at a quarter of it, equally sharp.
    await until('all of its pictures come', async () => (await picturesOfScreen(bob)) > 7);
    await more(bob, 'Settings');
    await bob.page.getByLabel('Data saver').check();
    await until('few of its pictures come', async () => {
      const pictures = await picturesOfScreen(bob);
      return pictures > 0 && pictures < 5;
    });
    expect(await video.evaluate((element) => (element as HTMLVideoElement).videoWidth)).toBe(1280);
    await bob.page.getByLabel('All', { exact: true }).check();
    await until('all of them come again', async () => (await picturesOfScreen(bob)) > 7);
    await bob.page.keyboard.press('Escape');

    // With the screen's audio, the only audio, since Ada is muted.
    await mute(ada);
    const heard = await bob.hears();
    await until('the screen is heard', async () => (await bob.hears()) > heard + 1);
    await press(ada, 'Stop sharing');
    await shows(bob, undefined);
    await bob.isIn(2);
  });
});

describe('receiving less', () => {
  it('stops other participants’ video at the server, and resumes it', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await bob.waitToSee('Ada', RED_BLUE);
    await more(bob, 'Settings');
    await bob.page.getByLabel('Audio only').check();
    await until('no video arrives', async () => {
      const before = await videoBytes(bob);
      await bob.page.waitForTimeout(1000);
      return (await videoBytes(bob)) === before;
    });
    expect(await bob.sees('Ada')).toBeUndefined();
    await bob.page.getByLabel('All', { exact: true }).check();
    await bob.page.keyboard.press('Escape');
    await bob.waitToSee('Ada', RED_BLUE);
    await more(bob, 'Settings');
    await bob.page.getByLabel('Data saver').check();
    await bob.page.keyboard.press('Escape');
    await bob.waitToSee('Ada', RED_BLUE);
    await ada.waitToSee('Bob', GREEN_YELLOW);
  });
});
