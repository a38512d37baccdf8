/** The fixture of every meeting test: a server, a browser, and participants that are closed at the end. */

import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import {
  GREEN_YELLOW,
  type CameraPattern,
  openBrowser,
  Person,
  RED_BLUE,
  WHITE_PURPLE,
} from './person';
import { Server, type Settings } from './server';

export class Testbed {
  #server: Server | undefined;
  #browser: Browser | undefined;
  #people: Person[] = [];

  /** Set up before the tests of a file and torn down after them. A console error on any page, or a
   * request to any other server, fails the test. */
  constructor(settings: () => Settings = () => ({})) {
    beforeAll(async () => {
      this.#server = await Server.start(settings());
      this.#browser = await openBrowser();
    });
    afterEach(async () => {
      const errors = this.#people.flatMap(({ name, errors: all, foreign }) => [
        ...all.map((error) => `${name}: ${error}`),
        ...foreign.map((address) => `${name} asked ${address}`),
      ]);
      await Promise.all(this.#people.map((one) => one.close()));
      this.#people = [];
      expect(errors).toEqual([]);
    });
    afterAll(async () => {
      await this.#browser?.close();
      await this.#server?.stop();
    });
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('the server runs in tests only');
    return this.#server;
  }

  async person(name: string, pattern: CameraPattern): Promise<Person> {
    if (this.#browser === undefined) throw new Error('the browser runs in tests only');
    const one = await Person.open(this.#browser, name, pattern, this.server.url);
    this.#people.push(one);
    return one;
  }

  /** Starts a meeting from the start page, joins it, and returns its link. */
  async newMeeting(host: Person): Promise<string> {
    await host.page.goto(this.server.url);
    await host.page.getByRole('button', { name: 'New meeting' }).click();
    await host.enter();
    await host.isIn(1);
    return host.page.url();
  }

  async meetingOfThree(): Promise<{ ada: Person; bob: Person; cleo: Person; link: string }> {
    const ada = await this.person('Ada', RED_BLUE);
    const link = await this.newMeeting(ada);
    const bob = await this.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    const cleo = await this.person('Cleo', WHITE_PURPLE);
    await cleo.join(link);
    await Promise.all([ada.isIn(3), bob.isIn(3), cleo.isIn(3)]);
    return { ada, bob, cleo, link };
  }
}
