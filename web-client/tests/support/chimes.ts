/** Detects the page's own short sounds by their tones. */

import type { Page } from 'playwright-core';

/** Runs in the page: analyses every media element that plays without being in the document. */
function listen(): void {
  const heard: number[] = [];
  Object.assign(window, { heard });
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function playAndListen() {
    if (!this.isConnected && this.srcObject instanceof MediaStream) follow(this.srcObject);
    return play.call(this);
  };
  // Started before the first sound: a context takes longer to start than a sound lasts.
  const context = new AudioContext();
  void context.resume();
  const meter = context.createAnalyser();
  // A window of a third of a second, so that a busy page misses nothing between two reads.
  meter.fftSize = 16_384;
  meter.smoothingTimeConstant = 0;
  const levels = new Float32Array(meter.frequencyBinCount);
  function follow(stream: MediaStream): void {
    context.createMediaStreamSource(stream).connect(meter);
    const timer = setInterval(() => {
      meter.getFloatFrequencyData(levels);
      const faintest = Math.max(-60, Math.max(...levels) - 25);
      for (const [bin, level] of levels.entries()) {
        const peak = level > (levels[bin - 1] ?? 0) && level >= (levels[bin + 1] ?? 0);
        if (!peak || level < faintest) continue;
        heard.push(Math.round((bin * context.sampleRate) / meter.fftSize));
      }
    }, 40);
    setTimeout(() => clearInterval(timer), 1500);
  }
}

/** Starts the detection from the next page load. */
export async function listenToChimes(page: Page): Promise<void> {
  await page.addInitScript(listen);
}

/** Returns `true` if all these tones, in Hz, were played since the last call that returned `true`. */
export async function heardTones(page: Page, tones: readonly number[]): Promise<boolean> {
  return page.evaluate((wanted) => {
    const { heard } = window as unknown as { heard: number[] };
    const found = wanted.every((tone) => heard.some((one) => Math.abs(one - tone) < 12));
    if (found) heard.length = 0;
    return found;
  }, tones);
}
