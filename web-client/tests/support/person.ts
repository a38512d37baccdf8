/** A participant with its own browser context: joins a meeting and reports what it sees and hears. */

import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

export type Colour = readonly [number, number, number];

/** The video of a fake camera: two coloured halves that identify the participant. */
export interface CameraPattern {
  left: Colour;
  right: Colour;
}

export const RED_BLUE: CameraPattern = { left: [200, 30, 30], right: [30, 30, 200] };
export const GREEN_YELLOW: CameraPattern = { left: [30, 160, 30], right: [210, 200, 30] };
export const WHITE_PURPLE: CameraPattern = { left: [230, 230, 230], right: [140, 30, 160] };

export interface Seen {
  frames: number;
  width: number;
  left: Colour;
  right: Colour;
  /** Position of the moving bar, 0 to 1. */
  bar: number;
}

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    headless: true,
    ignoreDefaultArgs: ['--mute-audio'],
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-background-timer-throttling',
      '--disable-renderer-backgrounding',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
}

interface TestWindow {
  connections: RTCPeerConnection[];
  sockets: WebSocket[];
}

function showsTiles(count: number): boolean {
  return document.querySelectorAll('figure').length === count;
}

export class Person {
  /** Errors of the page and of the browser's console. */
  readonly errors: string[] = [];
  /** Requested URLs of other servers. */
  readonly foreign: string[] = [];
  /** Protocol trace steps that the page logged, if tracing is on. */
  readonly trace: string[] = [];
  /** All requested URLs. */
  readonly requested: string[] = [];

  private constructor(
    readonly name: string,
    readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  /** Opens a browser context whose page may only send requests to the server at `url`. */
  static async open(
    browser: Browser,
    name: string,
    pattern: CameraPattern,
    url: string,
  ): Promise<Person> {
    const context = await browser.newContext({ viewport: { width: 960, height: 600 } });
    const page = await context.newPage();
    const person = new Person(name, context, page);
    person.#watch(new URL(url).host);
    await page.addInitScript(installFakeMedia, pattern);
    return person;
  }

  #watch(host: string): void {
    const recordRequest = (address: string): void => {
      this.requested.push(address);
      const { protocol, host: other } = new URL(address);
      if (protocol !== 'data:' && protocol !== 'blob:' && other !== host) {
        this.foreign.push(address);
      }
    };
    this.page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
      if (message.text().startsWith('{"step":')) this.trace.push(message.text());
    });
    this.page.on('pageerror', (error) => this.errors.push(String(error)));
    this.context.on('request', (request) => recordRequest(request.url()));
    this.page.on('websocket', (socket) => recordRequest(socket.url()));
  }

  /** From the next page load, the camera has `times` times 320 × 240 pixels. */
  async enlargeCamera(times: number): Promise<void> {
    await this.page.addInitScript((scale) => Object.assign(window, { cameraScale: scale }), times);
  }

  /** Opens a link and joins from the pre-join screen. */
  async join(link: string): Promise<void> {
    // Opening the current URL again would not reload the page.
    if (this.page.url() === link) await this.page.reload();
    else await this.page.goto(link);
    await this.enter();
  }

  /** Enters the name on the pre-join screen and joins. */
  async enter(): Promise<void> {
    await this.page.getByLabel('Your name').fill(this.name);
    await this.page.getByRole('button', { name: 'Join', exact: true }).click();
  }

  /** Waits until the participant is in the encrypted group with this number of members. */
  async isIn(members: number): Promise<void> {
    await this.page.waitForSelector('main[data-state="live"]');
    await this.page.waitForFunction(showsTiles, members).catch(async (error: unknown) => {
      const there = await this.page.locator('figure').allInnerTexts();
      throw new Error(`${this.name} sees ${JSON.stringify(there)}`, { cause: error });
    });
  }

  async leave(): Promise<void> {
    await this.page.getByRole('button', { name: 'Leave' }).click();
    await this.page.getByText('You left the meeting').waitFor();
  }

  epoch(): Promise<number> {
    return this.page.locator('main').evaluate((main) => Number(main.dataset['epoch']));
  }

  roomCode(): Promise<string> {
    return this.page.locator('main').evaluate((main) => main.dataset['roomCode'] ?? '');
  }

  /** Returns what a participant's tile shows, from its pixels and its decoder. */
  async sees(name: string): Promise<Seen | undefined> {
    return this.page.evaluate(look, name);
  }

  /** Waits until a participant's tile shows this pattern and moves. */
  async waitToSee(name: string, pattern: CameraPattern): Promise<void> {
    let before: Seen | undefined;
    await until(`${this.name} sees ${name}`, async () => {
      const now = await this.sees(name);
      const seen = showsPattern(before, now, pattern);
      before = now;
      return seen;
    });
  }

  /** Returns the audio energy received over all slots. */
  async hears(): Promise<number> {
    const stats = await this.stats();
    return stats
      .filter((one) => one['type'] === 'inbound-rtp' && one['kind'] === 'audio')
      .reduce((sum, one) => sum + Number(one['totalAudioEnergy'] ?? 0), 0);
  }

  /** Returns the number of video frames decoded over all slots. */
  async decoded(): Promise<number> {
    const stats = await this.stats();
    return stats
      .filter((one) => one['type'] === 'inbound-rtp' && one['kind'] === 'video')
      .reduce((sum, one) => sum + Number(one['framesDecoded'] ?? 0), 0);
  }

  async stats(): Promise<Record<string, unknown>[]> {
    return this.page.evaluate(async () => {
      const { connections } = window as unknown as TestWindow;
      const live = connections.filter((one) => one.connectionState !== 'closed');
      const reports = await Promise.all(live.map((one) => one.getStats()));
      return reports.flatMap((report) => [...report.values()] as Record<string, unknown>[]);
    });
  }

  /** Closes every WebSocket, as a network failure would. */
  async breakSockets(): Promise<void> {
    await this.page.evaluate(() => {
      for (const socket of (window as unknown as TestWindow).sockets) socket.close();
    });
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}

/** Polls until a condition holds, for at most `ms`. */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  ms = 90_000,
): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

/** Returns `true` if the video shows this pattern and moves. */
export function showsPattern(
  before: Seen | undefined,
  now: Seen | undefined,
  pattern: CameraPattern,
): boolean {
  if (before === undefined || now === undefined) return false;
  const moves = now.frames > before.frames && now.bar !== before.bar;
  return moves && close(now.left, pattern.left) && close(now.right, pattern.right);
}

function close(seen: Colour, pattern: Colour): boolean {
  return seen.every((value, index) => Math.abs(value - (pattern[index] ?? 0)) < 45);
}

/** Runs in the page: installs a camera that draws the pattern and a microphone that plays a tone (or
 * keeps the browser's), and records the page's connections, sockets and cameras. */
export function installFakeMedia(pattern: CameraPattern, hums = true): void {
  const connections: RTCPeerConnection[] = [];
  const sockets: WebSocket[] = [];
  const cameras: MediaStreamTrack[] = [];
  Object.assign(window, { connections, sockets, cameras });
  const { RTCPeerConnection: Connection, WebSocket: Socket } = window;
  window.RTCPeerConnection = class extends Connection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      connections.push(this);
    }
  };
  window.WebSocket = class extends Socket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  };
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  // The initial blank page has none.
  if (devices === undefined) return;
  const working = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (constraints) => {
    if (constraints?.audio && !hums) return working(constraints);
    const stream = new MediaStream();
    if (constraints?.video) {
      const canvas = document.createElement('canvas');
      const scale = (window as unknown as { cameraScale?: number }).cameraScale ?? 1;
      canvas.width = 320 * scale;
      canvas.height = 240 * scale;
      const pen = canvas.getContext('2d');
      pen?.scale(scale, scale);
      let step = 0;
      setInterval(() => {
        if (pen === null) return;
        pen.fillStyle = `rgb(${pattern.left.join(',')})`;
        pen.fillRect(0, 0, 160, 240);
        pen.fillStyle = `rgb(${pattern.right.join(',')})`;
        pen.fillRect(160, 0, 160, 240);
        pen.fillStyle = 'black';
        pen.fillRect((step * 16) % 320, 200, 16, 40);
        step += 1;
      }, 66);
      const track = canvas.captureStream(15).getVideoTracks()[0];
      if (track) {
        cameras.push(track);
        stream.addTrack(track);
      }
    }
    if (constraints?.audio) {
      const audio = new AudioContext();
      void audio.resume();
      const tone = audio.createOscillator();
      const out = audio.createMediaStreamDestination();
      tone.connect(out);
      tone.start();
      const track = out.stream.getAudioTracks()[0];
      if (track) stream.addTrack(track);
    }
    return stream;
  };
}

/** Runs in the page: scales a participant's video down and reads its colours. */
export async function look(name: string): Promise<Seen | undefined> {
  const figure = [...document.querySelectorAll('figure:not([data-self])')].find((one) =>
    one.querySelector('figcaption')?.textContent?.endsWith(name),
  );
  const video = figure?.querySelector('video');
  if (!video || video.videoWidth === 0) return undefined;
  const canvas = new OffscreenCanvas(80, 60);
  const pen = canvas.getContext('2d');
  if (pen === null) return undefined;
  pen.drawImage(video, 0, 0, 80, 60);
  const { data } = pen.getImageData(0, 0, 80, 60);
  const average = (x0: number, x1: number): Colour => {
    const sums = [0, 0, 0];
    let pixels = 0;
    for (let y = 5; y < 45; y += 1) {
      for (let x = x0; x < x1; x += 1) {
        for (const channel of [0, 1, 2]) {
          sums[channel] = (sums[channel] ?? 0) + (data[(y * 80 + x) * 4 + channel] ?? 0);
        }
        pixels += 1;
      }
    }
    return [(sums[0] ?? 0) / pixels, (sums[1] ?? 0) / pixels, (sums[2] ?? 0) / pixels];
  };
  let darkest = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let x = 0; x < 80; x += 1) {
    const at = (55 * 80 + x) * 4;
    const light = (data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0);
    if (light < least) [least, darkest] = [light, x];
  }
  // Firefox counts frames of files only; `currentTime` advances with those of a stream.
  const frames = video.getVideoPlaybackQuality().totalVideoFrames || video.currentTime * 15;
  return {
    frames,
    width: video.videoWidth,
    left: average(5, 35),
    right: average(45, 75),
    bar: darkest / 80,
  };
}
