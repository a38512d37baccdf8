/** What is done to sound and picture before anybody gets them. */

import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { RED_BLUE, until } from './support/person';
import { Stage } from './support/stage';

const stage = new Stage();

/** From the next page on, the microphone hears nothing but noise, as of a fan. */
async function noisyRoom(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const devices = navigator.mediaDevices;
    const working = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      if (constraints?.audio === undefined) return working(constraints);
      const context = new AudioContext();
      void context.resume();
      const buffer = context.createBuffer(1, context.sampleRate * 2, context.sampleRate);
      const samples = buffer.getChannelData(0);
      for (let at = 0; at < samples.length; at += 1) samples[at] = Math.random() - 0.5;
      const noise = context.createBufferSource();
      noise.buffer = buffer;
      noise.loop = true;
      const out = context.createMediaStreamDestination();
      const low = context.createBiquadFilter();
      low.frequency.value = 500;
      noise.connect(low).connect(out);
      noise.start();
      return out.stream;
    };
  });
}

/** The level of the microphone as the lobby shows it, over a second. */
async function level(page: Page): Promise<number> {
  return page.getByLabel('Microphone level').evaluate(async (meter) => {
    let sum = 0;
    for (let read = 0; read < 10; read += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      sum += (meter as HTMLMeterElement).value;
    }
    return sum / 10;
  });
}

/** Waits until the level has fallen, and tells what it is a moment later. */
async function quietened(page: Page, before: number): Promise<number> {
  await until('there is less noise', async () => (await level(page)) < before / 2);
  return level(page);
}

describe('noise suppression', () => {
  it('takes noise away, is fetched when it is wanted, and is remembered', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    const { page } = ada;
    await noisyRoom(page);
    await page.goto(stage.server.url);
    await page.getByRole('button', { name: 'New meeting' }).click();
    await until('the noise is there', async () => (await level(page)) > 0.1);
    expect(ada.asked.some((address) => address.includes('rnnoise'))).toBe(false);
    const before = await level(page);
    await page.getByLabel('Take noise out of my sound').check();
    const after = await quietened(page, before);
    expect(after).toBeLessThan(before / 2);
    expect(ada.asked.some((address) => address.includes('rnnoise'))).toBe(true);
    ada.asked.length = 0;
    await page.reload();
    await until('it is fetched again', async () =>
      ada.asked.some((address) => address.includes('rnnoise')),
    );
    await page.getByLabel('Microphone level').waitFor();
    expect(await quietened(page, before)).toBeLessThan(before / 2);
    await page.getByLabel('Take noise out of my sound').uncheck();
    await until('the noise is back', async () => (await level(page)) > before * 0.8);
    process.stdout.write(`noise of a fan: ${before.toFixed(3)}, suppressed ${after.toFixed(3)}\n`);
  });
});
