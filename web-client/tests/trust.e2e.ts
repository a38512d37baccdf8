/** Whom one talks to: codes, pins, and the warning about another key. */

import { describe, expect, it } from 'vitest';
import { GREEN_YELLOW, type Person, RED_BLUE } from './support/person';
import { Stage } from './support/stage';

const stage = new Stage();

async function openEncryption(one: Person): Promise<void> {
  await one.page.getByRole('button', { name: 'Encryption' }).click();
}

/** The code that somebody's list shows beside a name. */
async function codeWith(one: Person, name: string): Promise<string> {
  const item = one.page.getByRole('listitem').filter({ hasText: name });
  await item.getByText('Compare codes', { exact: true }).click();
  return item.getByRole('region', { name: `Code with ${name}` }).innerText();
}

describe('two people', () => {
  it('see the same code, pin it, and are known to each other the next time', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    const link = await stage.newMeeting(ada);
    const bob = await stage.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await Promise.all([openEncryption(ada), openEncryption(bob)]);
    const [ofBob, ofAda] = [await codeWith(ada, 'Bob'), await codeWith(bob, 'Ada')];
    expect(ofBob.match(/\d/g)?.length).toBe(60);
    expect(ofAda).toBe(ofBob);
    await ada.page.getByRole('button', { name: 'It is the same' }).click();
    await ada.page.getByText('Verified: you have compared').waitFor();
    await ada.page.getByRole('button', { name: 'Close' }).click();
    await bob.page.getByRole('button', { name: 'Close' }).click();

    // Bob comes again, with the same browser: he is pinned for Ada, and she is known to him.
    await bob.leave();
    await ada.isIn(1);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await Promise.all([openEncryption(ada), openEncryption(bob)]);
    await ada.page.locator('li[data-trust="verified"]').waitFor();
    await bob.page.locator('li[data-trust="known"]').waitFor();
    await ada.page.locator('[data-encryption="confirmed"]').waitFor();
  });

  it('are warned when somebody comes under a known name with another key', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    const link = await stage.newMeeting(ada);
    const bob = await stage.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await bob.leave();
    await ada.leave();
    await ada.join(link);
    await ada.isIn(1);
    const impostor = await stage.person('Bob', GREEN_YELLOW);
    await impostor.join(link);
    await Promise.all([ada.isIn(2), impostor.isIn(2)]);
    await ada.page.getByRole('alert').getByText('Bob has another key than before').waitFor();
    await ada.page.locator('[data-encryption="changed"]').waitFor();
  });
});
