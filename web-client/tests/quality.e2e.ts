/** Packet loss of one participant is shown as that participant's poor connection. */

import { afterAll, describe, expect, it } from 'vitest';
import { LossyNetwork } from './support/lossy_network';
import { press } from './support/controls';
import { GREEN_YELLOW, type Person, RED_BLUE, until, WHITE_PURPLE } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();
const line = new LossyNetwork();
afterAll(() => line.close());

/** Returns the names shown with a poor connection. */
async function poor({ page }: Person): Promise<string> {
  const marked = page
    .locator('figure')
    .filter({ has: page.locator('title', { hasText: 'Poor connection' }) });
  const names = await marked.locator('figcaption').allTextContents();
  return names.map((name) => /Ada|Bob|Cleo/.exec(name)?.[0] ?? name).join();
}

/** Waits until exactly these names are shown with a poor connection. */
const sees = (one: Person, names: string): Promise<void> =>
  until(`${one.name} sees it beside '${names}'`, async () => (await poor(one)) === names);

describe('a lossy connection', () => {
  it('is shown for its participant on every screen until it recovers', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    await line.carry(bob);
    const cleo = await testbed.person('Cleo', WHITE_PURPLE);
    await Promise.all([bob.join(link), cleo.join(link)]);
    const people = [ada, bob, cleo];
    await Promise.all(people.map((one) => one.isIn(3)));
    await Promise.all([bob.waitToSee('Ada', RED_BLUE), ada.waitToSee('Bob', GREEN_YELLOW)]);
    expect(line.carried).toBeGreaterThan(100);
    await Promise.all(people.map((one) => sees(one, '')));

    // Enough loss to be noticeable despite retransmissions.
    line.loss = 0.55;
    // Bob sees his own connection marked: what he does not receive was lost on it.
    await Promise.all(people.map((one) => sees(one, 'Bob')));
    expect(line.lost).toBeGreaterThan(10);
    await press(ada, /^People/);
    const row = ada.page.getByRole('list', { name: 'People' }).getByRole('listitem');
    await row
      .filter({ hasText: 'Bob' })
      .locator('title', { hasText: 'Poor connection' })
      .waitFor({ state: 'attached' });

    line.loss = 0;
    await Promise.all(people.map((one) => sees(one, '')));
    await Promise.all([bob.waitToSee('Ada', RED_BLUE), ada.waitToSee('Bob', GREEN_YELLOW)]);
  });
});
