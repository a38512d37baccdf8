/** A participant with Firefox, driven by WebDriver BiDi, which Playwright does not support. */

import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import {
  look,
  type CameraPattern,
  type Seen,
  showsPattern,
  installFakeMedia,
  until,
} from './person';

export async function openFirefox(): Promise<Browser> {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env['FIREFOX'] ?? '/usr/bin/firefox-esr',
    headless: true,
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.peerconnection.ice.loopback': true,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      'media.autoplay.default': 0,
      'media.autoplay.blocking_policy': 0,
    },
  });
}

export class FirefoxPerson {
  readonly errors: string[] = [];

  private constructor(
    readonly name: string,
    readonly page: Page,
  ) {}

  static async open(
    browser: Browser,
    name: string,
    pattern: CameraPattern,
  ): Promise<FirefoxPerson> {
    const page = await browser.newPage();
    await page.setViewport({ width: 960, height: 600 });
    const person = new FirefoxPerson(name, page);
    page.on('console', (message) => {
      if (message.type() === 'error') person.errors.push(message.text());
    });
    page.on('pageerror', (error) => person.errors.push(String(error)));
    // Without a sound device no tone can be generated: the microphone is the browser's fake one.
    await page.evaluateOnNewDocument(installFakeMedia, pattern, false);
    return person;
  }

  async join(link: string): Promise<void> {
    await this.page.goto(link);
    await this.page.locator('input[name="name"]').fill(this.name);
    await this.press('Join');
  }

  async press(name: string): Promise<void> {
    await this.page.locator(`::-p-aria([name="${name}"][role="button"])`).click();
  }

  async isIn(members: number): Promise<void> {
    await this.page.waitForSelector('main[data-state="live"]');
    await this.page.waitForFunction(
      (count: number) => document.querySelectorAll('figure').length === count,
      {},
      members,
    );
  }

  async leave(): Promise<void> {
    await this.press('Leave');
    await this.page.waitForFunction(() => document.body.innerText.includes('You left the meeting'));
  }

  async roomCode(): Promise<string> {
    return this.page.$eval('main', (main) => main.dataset['roomCode'] ?? '');
  }

  async epoch(): Promise<number> {
    return this.page.$eval('main', (main) => Number(main.dataset['epoch']));
  }

  /** Waits until the tile of a participant shows this pattern and moves. */
  async waitToSee(name: string, pattern: CameraPattern): Promise<void> {
    let before: Seen | undefined;
    await until(`${this.name} sees ${name}`, async () => {
      const now = await this.page.evaluate(look, name);
      const seen = showsPattern(before, now, pattern);
      before = now;
      return seen;
    });
  }

  /** Returns the audio energy received over all slots. */
  async hears(): Promise<number> {
    const received = (await this.stats()).filter(
      (entry) => entry['type'] === 'inbound-rtp' && entry['kind'] === 'audio',
    );
    return received.reduce((sum, entry) => sum + Number(entry['totalAudioEnergy'] ?? 0), 0);
  }

  /** Returns the statistics of all open connections. */
  async stats(): Promise<Record<string, unknown>[]> {
    return this.page.evaluate(async () => {
      const { connections } = window as unknown as { connections: RTCPeerConnection[] };
      const live = connections.filter((one) => one.connectionState !== 'closed');
      const reports = await Promise.all(live.map((one) => one.getStats()));
      return reports.flatMap((report) => [...report.values()] as Record<string, unknown>[]);
    });
  }
}
