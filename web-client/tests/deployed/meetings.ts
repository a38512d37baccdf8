/** Meetings through a server that is already running, for example in containers. */

import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { GREEN_YELLOW, openBrowser, Person, RED_BLUE, until } from '../support/person';

const URL = process.env['ORANGE_DEPLOYED_URL'] ?? '';
/** A shell command that restarts the server. */
const RESTART = process.env['ORANGE_DEPLOYED_RESTART'] ?? '';

let browser: Browser;
const people: Person[] = [];
beforeAll(async () => {
  browser = await openBrowser();
});
afterEach(() => Promise.all(people.splice(0).map((one) => one.close())));
afterAll(() => browser.close());

/** Returns two participants in a new meeting. */
async function meeting(query = ''): Promise<{ ada: Person; bob: Person }> {
  const ada = await Person.open(browser, 'Ada', RED_BLUE, URL);
  const bob = await Person.open(browser, 'Bob', GREEN_YELLOW, URL);
  people.push(ada, bob);
  await ada.page.goto(URL);
  await ada.page.getByRole('button', { name: 'New meeting' }).click();
  await ada.page.getByLabel('Your name').waitFor();
  const link = ada.page.url().replace('#', `${query}#`);
  await ada.join(link);
  await ada.isIn(1);
  await bob.join(link);
  await Promise.all([ada.isIn(2), bob.isIn(2)]);
  await seeEachOther(ada, bob);
  return { ada, bob };
}

async function seeEachOther(ada: Person, bob: Person): Promise<void> {
  await Promise.all([ada.waitToSee('Bob', GREEN_YELLOW), bob.waitToSee('Ada', RED_BLUE)]);
  await until('both hear', async () => (await ada.hears()) > 0 && (await bob.hears()) > 0);
}

/** Returns the selected local and remote candidates of a participant. */
async function ways(one: Person): Promise<[Record<string, unknown>, Record<string, unknown>][]> {
  const stats = await one.stats();
  const byId = new Map(stats.map((entry) => [entry['id'], entry]));
  return stats
    .filter((entry) => entry['type'] === 'candidate-pair' && entry['nominated'] === true)
    .map((pair) => [
      byId.get(pair['localCandidateId']) ?? {},
      byId.get(pair['remoteCandidateId']) ?? {},
    ]);
}

it('see each other before and after the server restarts', async () => {
  const { ada, bob } = await meeting();
  for (const one of [ada, bob]) {
    const [way] = await ways(one);
    expect(way?.[1]['protocol']).toBe('udp');
    expect(way?.[1]['port']).toBeGreaterThanOrEqual(8190);
    expect(way?.[1]['port']).toBeLessThan(8194);
  }
  const before = await Promise.all([ada.decoded(), bob.decoded()]);
  // They are told while the server drains.
  const warned = [ada, bob].map((one) =>
    one.page.getByText('The server is restarting').waitFor({ timeout: 60_000 }),
  );
  await Promise.all([promisify(exec)(RESTART), ...warned]);
  // They rejoin the same room automatically.
  await until(
    'media flows again',
    async () => {
      const connected = await Promise.all([ada.decoded(), bob.decoded()]);
      return connected.every((frames, at) => frames > 0 && frames !== before[at]);
    },
    90_000,
  );
  await Promise.all([ada.isIn(2), bob.isIn(2)]);
  await seeEachOther(ada, bob);
});

it('see each other over the TURN relay only', async () => {
  const { ada, bob } = await meeting('?relay');
  for (const one of [ada, bob]) {
    const kinds = (await ways(one)).map(([local]) => local['candidateType']);
    expect(new Set(kinds)).toEqual(new Set(['relay']));
  }
});

it('see each other over TCP only', async () => {
  const { ada, bob } = await meeting();
  for (const one of [ada, bob]) {
    const used = await ways(one);
    expect(used).not.toEqual([]);
    for (const [local, remote] of used) {
      expect([local['protocol'], remote['protocol']]).toEqual(['tcp', 'tcp']);
      expect(remote['port']).toBeGreaterThanOrEqual(8190);
      expect(remote['port']).toBeLessThan(8194);
    }
  }
});
