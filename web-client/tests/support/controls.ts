/** Operates the controls of a call. */

import type { Person } from './person';

export async function press(one: Person, name: string | RegExp): Promise<void> {
  await one.page.getByRole('button', { name }).click();
}

/** Chooses an item of the menu. */
export async function more(one: Person, name: string): Promise<void> {
  await press(one, 'More');
  await one.page.locator('#more').getByRole('button', { name }).click();
}

export async function mute(one: Person): Promise<void> {
  await one.page.locator('footer').getByRole('button', { name: 'Mute', exact: true }).click();
}

export async function unmute(one: Person): Promise<void> {
  await one.page.locator('footer').getByRole('button', { name: 'Unmute', exact: true }).click();
}

/** Returns the name on the stage, or `undefined` in grid view. */
export async function onStage(one: Person): Promise<string | undefined> {
  const names = await one.page.locator('figure[data-stage="true"] figcaption').allInnerTexts();
  return names[0]?.trim();
}
