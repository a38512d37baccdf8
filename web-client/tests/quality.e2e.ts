/** Somebody on a bad line: the packets are really lost, and the marks say whose line it is. */

import { afterAll, describe, expect, it } from 'vitest';
import { LossyLine } from './support/lossy_line';
import { press } from './support/meeting';
import { GREEN_YELLOW, type Person, RED_BLUE, until, WHITE_PURPLE } from './support/person';
import { Stage } from './support/stage';

const stage = new Stage();
const line = new LossyLine();
afterAll(() => line.close());

/** Beside whom somebody sees the mark of a poor connection. */
async function poor({ page }: Person): Promise<string> {
  const marked = page
    .locator('figure')
    .filter({ has: page.locator('title', { hasText: 'Poor connection' }) });
  const names = await marked.locator('figcaption').allTextContents();
  return names.map((name) => /Ada|Bob|Cleo/.exec(name)?.[0] ?? name).join();
}

/** Waits until somebody sees it beside these, and nobody else. */
const sees = (one: Person, names: string): Promise<void> =>
  until(`${one.name} sees it beside '${names}'`, async () => (await poor(one)) === names);

describe('a bad line', () => {
  it('is marked beside whoever has it, on every screen, until it is good again', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    const link = await stage.newMeeting(ada);
    const bob = await stage.person('Bob', GREEN_YELLOW);
    await line.carry(bob);
    const cleo = await stage.person('Cleo', WHITE_PURPLE);
    await Promise.all([bob.join(link), cleo.join(link)]);
    const people = [ada, bob, cleo];
    await Promise.all(people.map((one) => one.isIn(3)));
    await Promise.all([bob.waitToSee('Ada', RED_BLUE), ada.waitToSee('Bob', GREEN_YELLOW)]);
    expect(line.carried).toBeGreaterThan(100);
    await Promise.all(people.map((one) => sees(one, '')));

    // So much that people notice, although what is lost is sent again.
    line.loss = 0.55;
    // Bob sees it beside himself: what he misses of the others is lost on his own line.
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
