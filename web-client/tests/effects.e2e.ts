/** Noise suppression and background blur. */

import type { Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { RED_BLUE, until } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

/** From the next page load, the microphone picks up steady noise only. */
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

/** Returns the microphone level on the pre-join screen, over a second. */
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

/** Waits until the level has fallen, and returns it a moment later. */
async function quietened(page: Page, before: number): Promise<number> {
  await until('there is less noise', async () => (await level(page)) < before / 2);
  return level(page);
}

describe('noise suppression', () => {
  it('removes noise, is loaded on demand, and is remembered', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const { page } = ada;
    await noisyRoom(page);
    await page.goto(testbed.server.url);
    await page.getByRole('button', { name: 'New meeting' }).click();
    await until('the noise is there', async () => (await level(page)) > 0.1);
    expect(ada.requested.some((address) => address.includes('rnnoise'))).toBe(false);
    const before = await level(page);
    await page.getByLabel('Noise suppression').check();
    const after = await quietened(page, before);
    expect(after).toBeLessThan(before / 2);
    expect(ada.requested.some((address) => address.includes('rnnoise'))).toBe(true);
    ada.requested.length = 0;
    await page.reload();
    await until('it is fetched again', async () =>
      ada.requested.some((address) => address.includes('rnnoise')),
    );
    await page.getByLabel('Microphone level').waitFor();
    expect(await quietened(page, before)).toBeLessThan(before / 2);
    await page.getByLabel('Noise suppression').uncheck();
    await until('the noise is back', async () => (await level(page)) > before * 0.8);
    process.stdout.write(`noise of a fan: ${before.toFixed(3)}, suppressed ${after.toFixed(3)}\n`);
  });
});

/** From the next page load, the camera shows a face with dark eyes in front of a striped wall. */
async function stripedRoom(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const devices = navigator.mediaDevices;
    const working = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      if (constraints?.video === undefined) return working(constraints);
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [640, 360];
      const pen = canvas.getContext('2d');
      const disc = (x: number, y: number, width: number, height: number, fill: string): void => {
        if (pen === null) return;
        pen.fillStyle = fill;
        pen.beginPath();
        pen.ellipse(x, y, width, height, 0, 0, Math.PI * 2);
        pen.fill();
      };
      setInterval(() => {
        if (pen === null) return;
        for (let x = 0; x < 640; x += 8) {
          pen.fillStyle = (x / 8) % 2 === 0 ? 'rgb(150 155 150)' : 'rgb(90 95 90)';
          pen.fillRect(x, 0, 8, 360);
        }
        disc(320, 375, 175, 155, 'rgb(40 60 120)');
        disc(320, 138, 65, 85, 'rgb(224 172 140)');
        disc(296, 120, 6, 6, 'rgb(30 20 20)');
        disc(344, 120, 6, 6, 'rgb(30 20 20)');
      }, 66);
      return canvas.captureStream(15);
    };
  });
}

/** Returns the contrast of neighbouring pixels on the wall and around the eyes. */
function contrasts(video: Locator): Promise<{ wall: number; eyes: number }> {
  return video.evaluate((element) => {
    const picture = element as HTMLVideoElement;
    const pen = new OffscreenCanvas(640, 360).getContext('2d');
    if (pen === null) throw new Error('nothing to draw on');
    pen.drawImage(picture, 0, 0, 640, 360);
    const range = (x: number, y: number, width: number): number => {
      const { data } = pen.getImageData(x, y, width, 1);
      const light = Array.from({ length: width }, (_, at) => data[at * 4] ?? 0);
      return Math.max(...light) - Math.min(...light);
    };
    return { wall: range(60, 60, 64), eyes: range(280, 120, 80) };
  });
}

/** Returns `true` if the wall is blurred and the face is not. */
async function blurred(video: Locator): Promise<boolean> {
  const { wall, eyes } = await contrasts(video);
  return wall < 12 && eyes > 80;
}

describe('a blurred background', () => {
  it('hides the background and not the face, for other participants too', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const { page } = ada;
    await stripedRoom(page);
    await page.goto(testbed.server.url);
    await page.getByRole('button', { name: 'New meeting' }).click();
    const preview = page.getByLabel('Your camera');
    await until('the wall is seen', async () => (await contrasts(preview)).wall > 40);
    expect(ada.requested.some((address) => address.includes('tflite'))).toBe(false);
    await page.getByLabel('Blur my background').check();
    await until('the wall is hidden, the face is seen', async () => blurred(preview));
    await ada.enter();
    await ada.isIn(1);
    const bob = await testbed.person('Bob', RED_BLUE);
    await bob.join(page.url());
    const seen = bob.page.locator('figure:not([data-self]) video');
    await until('Bob sees it so', async () => (await seen.count()) > 0 && (await blurred(seen)));
  });
});
