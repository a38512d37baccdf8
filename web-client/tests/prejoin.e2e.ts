/** The pre-join screen: device failures, remembered choices, and the self test. */

import { describe, expect, it } from 'vitest';
import { fail, plugIn, controlDevices } from './support/devices';
import { type Person, RED_BLUE, until } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

async function onPrejoinScreen(): Promise<Person> {
  const ada = await testbed.person('Ada', RED_BLUE);
  await controlDevices(ada.page);
  await ada.page.goto(testbed.server.url);
  await ada.page.getByRole('button', { name: 'New meeting' }).click();
  await ada.page.getByRole('heading', { name: 'Ready to join?' }).waitFor();
  return ada;
}

const alert = (one: Person, words: string) =>
  one.page.getByRole('alert').filter({ hasText: words }).waitFor();

describe('the pre-join screen', () => {
  it('explains why a camera or microphone does not start', async () => {
    const { page } = await onPrejoinScreen();
    const ada = { page } as Person;
    const reasons = [
      ['camera', 'NotAllowedError', 'Camera access is blocked'],
      ['camera', 'NotReadableError', 'Your camera is in use by another app'],
      ['microphone', 'NotFoundError', 'No microphone found'],
      ['microphone', 'OverconstrainedError', 'The selected microphone is no longer available'],
    ] as const;
    for (const [device, error, words] of reasons) {
      await fail(page, device, error);
      await page.reload();
      await alert(ada, words);
      await plugIn(page, device);
    }
  });

  it('starts a missing device when it is plugged in, and a blocked one on a click', async () => {
    const ada = await onPrejoinScreen();
    const { page } = ada;
    await fail(page, 'camera', 'NotFoundError');
    await fail(page, 'microphone', 'NotAllowedError');
    await page.reload();
    await alert(ada, 'No camera found');
    await alert(ada, 'Microphone access is blocked');
    await plugIn(page, 'camera');
    await page.getByLabel('Your camera').waitFor();
    await plugIn(page, 'microphone');
    await alert(ada, 'Microphone access is blocked');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('access is blocked').waitFor({ state: 'detached' });
  });

  it('shows the microphone level and plays a test sound', async () => {
    const { page } = await onPrejoinScreen();
    const meter = page.getByLabel('Microphone level');
    await until('the meter moves', async () =>
      meter.evaluate((element) => (element as HTMLMeterElement).value > 0.1),
    );
    await page.getByRole('button', { name: 'Microphone' }).click();
    await until('the meter is still', async () =>
      meter.evaluate((element) => (element as HTMLMeterElement).value === 0),
    );
    await page.getByRole('button', { name: 'Test sound' }).click();
    await page.getByRole('button', { name: 'Playing…' }).waitFor();
    await page.getByRole('button', { name: 'Test sound' }).waitFor();
  });

  it('remembers the name and the chosen devices', async () => {
    const ada = await onPrejoinScreen();
    const { page } = ada;
    const picker = page.locator('label', { hasText: 'Microphone' }).locator('select');
    await picker.selectOption({ index: 1 });
    const chosen = await picker.inputValue();
    const stored = await page.evaluate(() => localStorage.getItem('orange-meets.microphone'));
    expect(stored).toBe(JSON.stringify(chosen));
    await ada.enter();
    await ada.isIn(1);
    await ada.leave();
    await page.getByRole('button', { name: 'Rejoin' }).click();
    await until('the name is there', async () =>
      page
        .getByLabel('Your name')
        .inputValue()
        .then((name) => name === 'Ada'),
    );
  });
});

describe('the self test', () => {
  it('passes in a browser that can make calls', async () => {
    const { page } = await testbed.person('Ada', RED_BLUE);
    await page.goto(`${testbed.server.url}/check`);
    await page.getByText('Calls work here.').waitFor();
    expect(await page.locator('li[data-result="passed"]').count()).toBe(9);
  });

  it('names the problem, as the start page does', async () => {
    const { page } = await testbed.person('Ada', RED_BLUE);
    await page.addInitScript(() => Reflect.deleteProperty(window, 'RTCRtpScriptTransform'));
    await page.goto(testbed.server.url);
    await page.getByText('can’t make encrypted calls').waitFor();
    await page.getByRole('link', { name: 'Test this browser' }).click();
    await page.getByText('Calls won’t work here yet.').waitFor();
    expect(await page.locator('li[data-result="failed"]').innerText()).toContain(
      'can’t make encrypted calls',
    );
  });
});

describe('a language', () => {
  it('follows the browser until another one is chosen, which is remembered', async () => {
    const { page } = await testbed.person('Ada', RED_BLUE);
    await page.addInitScript(() =>
      Object.defineProperty(navigator, 'languages', { value: ['de-CH', 'en'] }),
    );
    await page.goto(testbed.server.url);
    await page.getByRole('button', { name: 'Neues Meeting' }).waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('de');
    await page.getByLabel('Sprache').selectOption('fr');
    await page.getByRole('button', { name: 'Nouvelle réunion' }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Nouvelle réunion' }).waitFor();
  });
});
