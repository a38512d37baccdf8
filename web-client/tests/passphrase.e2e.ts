/** A meeting that asks for a passphrase on top of its link. */

import { expect, it } from 'vitest';
import { GREEN_YELLOW, type Person, RED_BLUE } from './support/person';
import { Stage } from './support/stage';

const stage = new Stage();

const PASSPHRASE = 'zwölf Äpfel';

async function tryWith(one: Person, passphrase: string): Promise<void> {
  await one.page.getByLabel('Meeting passphrase').fill(passphrase);
  await one.enter();
}

it('lets in whoever has both, and says so before joining to whoever has only the link', async () => {
  const ada = await stage.person('Ada', RED_BLUE);
  await ada.page.goto(stage.server.url);
  await ada.page.getByText('Add a passphrase').click();
  await ada.page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await ada.page.getByRole('button', { name: 'New meeting' }).click();
  // Whoever has just chosen it is not asked for it.
  await ada.enter();
  await ada.isIn(1);
  const link = ada.page.url();
  expect(new URL(link).hash).toMatch(/^#v1p\./);

  const bob = await stage.person('Bob', GREEN_YELLOW);
  const requests: string[] = [];
  bob.page.on('request', (request) => requests.push(new URL(request.url()).pathname));
  await bob.page.goto(link);
  await tryWith(bob, 'zwölf Birnen');
  await bob.page.getByRole('alert').getByText('Wrong passphrase').waitFor();
  expect(requests.filter((path) => path.startsWith('/api/'))).toEqual([]);
  // The same letters, as another keyboard composes them.
  await tryWith(bob, ` ${PASSPHRASE.normalize('NFD')}`);
  await Promise.all([ada.isIn(2), bob.isIn(2)]);
  await Promise.all([ada.waitToSee('Bob', GREEN_YELLOW), bob.waitToSee('Ada', RED_BLUE)]);
  expect(await bob.roomCode()).toBe(await ada.roomCode());
});
