/** Media over TCP directly to the server, for networks that block UDP. */

import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FirefoxPerson, openFirefox } from './support/firefox';
import { GREEN_YELLOW, RED_BLUE, until } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed(() => ({ flags: ['--media-tcp', 'only'] }));

/** Two browsers start a meeting, on a machine that may be busy. */
const PATIENCE = { timeout: 240_000 };

/** Returns the transport protocols of a participant's selected candidate pairs, at both ends. */
function carriers(stats: Record<string, unknown>[]): Set<string> {
  const byId = new Map(stats.map((entry) => [entry['id'], entry]));
  const ends = stats
    .filter((entry) => entry['type'] === 'candidate-pair' && entry['nominated'] === true)
    .flatMap((pair) => [pair['localCandidateId'], pair['remoteCandidateId']]);
  return new Set(ends.map((id) => String(byId.get(id)?.['protocol'])));
}

describe('Chromium and Firefox with TCP candidates only', () => {
  let firefox: Browser | undefined;
  beforeAll(async () => {
    firefox = await openFirefox();
  });
  afterAll(async () => {
    await firefox?.close();
  });

  it('see and hear each other', PATIENCE, async () => {
    if (firefox === undefined) throw new Error('the browser runs in tests only');
    const ada = await testbed.person('Ada', RED_BLUE);
    const fox = await FirefoxPerson.open(firefox, 'Fox', GREEN_YELLOW);
    await fox.join(await testbed.newMeeting(ada));
    await Promise.all([ada.waitToSee('Fox', GREEN_YELLOW), fox.waitToSee('Ada', RED_BLUE)]);
    await until('both hear', async () => (await ada.hears()) > 0 && (await fox.hears()) > 0);
    for (const one of [ada, fox]) expect(carriers(await one.stats())).toEqual(new Set(['tcp']));
    expect(fox.errors).toEqual([]);
  });
});
