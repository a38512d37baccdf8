/** A meeting with a passphrase in addition to its link. */

import { expect, it } from 'vitest';
import { GREEN_YELLOW, type Person, RED_BLUE } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

const PASSPHRASE = 'zwölf Äpfel';

async function tryWith(one: Person, passphrase: string): Promise<void> {
  await one.page.getByLabel('Meeting passphrase').fill(passphrase);
  await one.enter();
}

it('a passphrase is required in addition to the link, and is checked before joining', async () => {
  const ada = await testbed.person('Ada', RED_BLUE);
  await ada.page.goto(testbed.server.url);
  await ada.page.getByText('Add a passphrase').click();
  await ada.page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await ada.page.getByRole('button', { name: 'New meeting' }).click();
  // The creator is not asked for the passphrase.
  await ada.enter();
  await ada.isIn(1);
  const link = ada.page.url();
  expect(new URL(link).hash).toMatch(/^#v1p\./);

  const bob = await testbed.person('Bob', GREEN_YELLOW);
  const requests: string[] = [];
  bob.page.on('request', (request) => requests.push(new URL(request.url()).pathname));
  await bob.page.goto(link);
  await tryWith(bob, 'zwölf Birnen');
  await bob.page.getByRole('alert').getByText('Wrong passphrase').waitFor();
  expect(requests.filter((path) => path.startsWith('/api/'))).toEqual([]);
  // The same letters in another Unicode normalization form.
  await tryWith(bob, ` ${PASSPHRASE.normalize('NFD')}`);
  await Promise.all([ada.isIn(2), bob.isIn(2)]);
  await Promise.all([ada.waitToSee('Bob', GREEN_YELLOW), bob.waitToSee('Ada', RED_BLUE)]);
  expect(await bob.roomCode()).toBe(await ada.roomCode());
});
