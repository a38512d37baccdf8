/** A meeting whose media goes by TCP to the server itself, as where no UDP passes. */

import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FirefoxPerson, openFirefox } from './support/firefox';
import { GREEN_YELLOW, RED_BLUE, until } from './support/person';
import { Stage } from './support/stage';

const stage = new Stage(() => ({ flags: ['--media-tcp', 'only'] }));

/** Two browsers begin a meeting, on a machine that may do other things. */
const PATIENCE = { timeout: 240_000 };

/** How the connections that a person sends by are carried, at either end. */
function carriers(stats: Record<string, unknown>[]): Set<string> {
  const byId = new Map(stats.map((entry) => [entry['id'], entry]));
  const ends = stats
    .filter((entry) => entry['type'] === 'candidate-pair' && entry['nominated'] === true)
    .flatMap((pair) => [pair['localCandidateId'], pair['remoteCandidateId']]);
  return new Set(ends.map((id) => String(byId.get(id)?.['protocol'])));
}

describe('two people who are told of TCP alone, with Chromium and with Firefox', () => {
  let firefox: Browser | undefined;
  beforeAll(async () => {
    firefox = await openFirefox();
  });
  afterAll(async () => {
    await firefox?.close();
  });

  it('see and hear each other over it', PATIENCE, async () => {
    if (firefox === undefined) throw new Error('the browser runs in tests only');
    const ada = await stage.person('Ada', RED_BLUE);
    const fox = await FirefoxPerson.open(firefox, 'Fox', GREEN_YELLOW);
    await fox.join(await stage.newMeeting(ada));
    await Promise.all([ada.waitToSee('Fox', GREEN_YELLOW), fox.waitToSee('Ada', RED_BLUE)]);
    await until('both hear', async () => (await ada.hears()) > 0 && (await fox.hears()) > 0);
    for (const one of [ada, fox]) expect(carriers(await one.stats())).toEqual(new Set(['tcp']));
    expect(fox.errors).toEqual([]);
  });
});
