/** Devices whose failures a test controls. */

import type { Page } from 'playwright-core';

/** From the next page load, cameras and microphones fail as set by `fail`. */
export async function controlDevices(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const media = navigator.mediaDevices;
    const working = media.getUserMedia.bind(media);
    media.getUserMedia = async (constraints) => {
      const kind = constraints?.video ? 'camera' : 'microphone';
      const name = sessionStorage.getItem(`fail ${kind}`);
      if (name) throw new DOMException('injected by the test', name);
      return working(constraints);
    };
  });
}

/** Makes a device fail with an error of this name, across reloads. */
export async function fail(page: Page, kind: 'camera' | 'microphone', name: string): Promise<void> {
  await page.evaluate(([device, error]) => sessionStorage.setItem(`fail ${device}`, error), [
    kind,
    name,
  ] as const);
}

/** Makes a device work again and dispatches `devicechange`. */
export async function plugIn(page: Page, kind: 'camera' | 'microphone'): Promise<void> {
  await page.evaluate((device) => {
    sessionStorage.removeItem(`fail ${device}`);
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  }, kind);
}

/** From the next page load, screen sharing captures this drawing. */
export async function installFakeScreen(page: Page): Promise<void> {
  await page.addInitScript(() => {
    navigator.mediaDevices.getDisplayMedia = async () => {
      const canvas = document.createElement('canvas');
      canvas.width = 1280;
      canvas.height = 720;
      const pen = canvas.getContext('2d');
      let step = 0;
      setInterval(() => {
        if (pen === null) return;
        pen.fillStyle = '#f4f1ea';
        pen.fillRect(0, 0, 1280, 720);
        pen.fillStyle = '#20242b';
        pen.font = '600 56px sans-serif';
        pen.fillText('Quarterly review', 80, 130);
        pen.fillStyle = '#f6821f';
        for (const [at, height] of [180, 260, 220, 340, 410].entries()) {
          pen.fillRect(100 + at * 220, 620 - height, 140, height);
        }
        pen.fillStyle = '#20242b';
        pen.fillRect((step * 20) % 1280, 660, 40, 20);
        step += 1;
      }, 100);
      const stream = canvas.captureStream(10);
      const sound = new AudioContext();
      void sound.resume();
      const tone = sound.createOscillator();
      const out = sound.createMediaStreamDestination();
      tone.connect(out);
      tone.start();
      for (const track of out.stream.getAudioTracks()) stream.addTrack(track);
      return stream;
    };
  });
}
