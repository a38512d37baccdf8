/** A person with a browser of their own: joins a meeting and tells what is seen and heard. */

import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

export type Colour = readonly [number, number, number];

/** How somebody looks: two halves of a picture, so that nobody is mistaken for somebody else. */
export interface Looks {
  left: Colour;
  right: Colour;
}

export const RED_BLUE: Looks = { left: [200, 30, 30], right: [30, 30, 200] };
export const GREEN_YELLOW: Looks = { left: [30, 160, 30], right: [210, 200, 30] };
export const WHITE_PURPLE: Looks = { left: [230, 230, 230], right: [140, 30, 160] };

export interface Seen {
  frames: number;
  width: number;
  left: Colour;
  right: Colour;
  /** Where the moving bar is, 0…1. */
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

function showsSoMany(count: number): boolean {
  return document.querySelectorAll('figure').length === count;
}

export class Person {
  /** Errors of the page and of the browser's console. */
  readonly errors: string[] = [];
  /** Addresses that the page asked for anything, apart from its own server. */
  readonly foreign: string[] = [];
  /** What the page told of the steps of key agreement, if it does. */
  readonly trace: string[] = [];
  /** Everything that the page asked for. */
  readonly asked: string[] = [];

  private constructor(
    readonly name: string,
    readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  /** Somebody whose page may ask the server at `url`, and nobody else. */
  static async open(browser: Browser, name: string, looks: Looks, url: string): Promise<Person> {
    const context = await browser.newContext({ viewport: { width: 960, height: 600 } });
    const page = await context.newPage();
    const person = new Person(name, context, page);
    person.#watch(new URL(url).host);
    await page.addInitScript(takePart, looks);
    return person;
  }

  #watch(host: string): void {
    const asked = (address: string): void => {
      this.asked.push(address);
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
    this.context.on('request', (request) => asked(request.url()));
    this.page.on('websocket', (socket) => asked(socket.url()));
  }

  /** From the next page on, the camera has so many times 320 × 240 pixels. */
  async enlargeCamera(times: number): Promise<void> {
    await this.page.addInitScript((scale) => Object.assign(window, { cameraScale: scale }), times);
  }

  /** Opens a link and joins by the lobby. */
  async join(link: string): Promise<void> {
    // A page that is there already would not be opened anew.
    if (this.page.url() === link) await this.page.reload();
    else await this.page.goto(link);
    await this.enter();
  }

  /** Says the name in the lobby and joins. */
  async enter(): Promise<void> {
    await this.page.getByLabel('Your name').fill(this.name);
    await this.page.getByRole('button', { name: 'Join', exact: true }).click();
  }

  /** Waits until the person is in the encrypted group with so many members. */
  async isIn(members: number): Promise<void> {
    await this.page.waitForSelector('main[data-state="live"]');
    await this.page.waitForFunction(showsSoMany, members).catch(async (error: unknown) => {
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

  /** What the tile of somebody shows, by its pixels and its decoder. */
  async sees(name: string): Promise<Seen | undefined> {
    return this.page.evaluate(look, name);
  }

  /** Waits until the tile of somebody shows these looks, moving. */
  async waitToSee(name: string, looks: Looks): Promise<void> {
    let before: Seen | undefined;
    await until(`${this.name} sees ${name}`, async () => {
      const now = await this.sees(name);
      const seen = sameLooks(before, now, looks);
      before = now;
      return seen;
    });
  }

  /** Sound energy received over all slots. */
  async hears(): Promise<number> {
    const stats = await this.stats();
    return stats
      .filter((one) => one['type'] === 'inbound-rtp' && one['kind'] === 'audio')
      .reduce((sum, one) => sum + Number(one['totalAudioEnergy'] ?? 0), 0);
  }

  /** Video frames decoded over all slots. */
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

  /** Breaks every socket, as a bad network would. */
  async breakSockets(): Promise<void> {
    await this.page.evaluate(() => {
      for (const socket of (window as unknown as TestWindow).sockets) socket.close();
    });
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}

/** Asks again and again, for a bounded time. */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  ms = 90_000,
): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

/** Whether what is seen has these looks, and moves. */
export function sameLooks(before: Seen | undefined, now: Seen | undefined, looks: Looks): boolean {
  if (before === undefined || now === undefined) return false;
  const moves = now.frames > before.frames && now.bar !== before.bar;
  return moves && close(now.left, looks.left) && close(now.right, looks.right);
}

function close(seen: Colour, looks: Colour): boolean {
  return seen.every((value, index) => Math.abs(value - (looks[index] ?? 0)) < 45);
}

/** Runs in the page: a camera that draws the looks, a microphone that hums (or else the browser's), and lists of
 * the page's connections, sockets and cameras. */
export function takePart(looks: Looks, hums = true): void {
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
  // A page that is empty yet has none.
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
        pen.fillStyle = `rgb(${looks.left.join(',')})`;
        pen.fillRect(0, 0, 160, 240);
        pen.fillStyle = `rgb(${looks.right.join(',')})`;
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

/** Runs in the page: draws somebody's video small and reads its colours. */
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
  // Firefox counts the frames of files only; its clock goes on with those of a stream.
  const frames = video.getVideoPlaybackQuality().totalVideoFrames || video.currentTime * 15;
  return {
    frames,
    width: video.videoWidth,
    left: average(5, 35),
    right: average(45, 75),
    bar: darkest / 80,
  };
}
