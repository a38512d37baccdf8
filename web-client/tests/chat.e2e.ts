/** Chat, raised hands and reactions. */

import type { Locator } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { Person } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

async function openChat(one: Person): Promise<void> {
  await one.page.getByRole('button', { name: /^Chat/ }).click();
}

async function write(one: Person, text: string): Promise<void> {
  await one.page.getByLabel('Message to everyone').fill(text);
  await one.page.getByRole('button', { name: 'Send' }).click();
}

function messages(one: Person): Promise<string[]> {
  return one.page
    .getByRole('log')
    .locator('[data-state="delivered"] > span:last-child')
    .allInnerTexts();
}

function hand(one: Person): Locator {
  return one.page
    .locator('figure', { hasText: 'Ada' })
    .locator('title', { hasText: 'Hand raised' });
}

describe('three people', () => {
  it('read the same messages in the same order, rendered as plain text', async () => {
    const { ada, bob, cleo } = await testbed.meetingOfThree();
    await openChat(ada);
    await write(ada, 'Hello <b>you</b>, see https://example.org/a.');
    await bob.page.getByRole('button', { name: 'Chat (1)' }).waitFor();
    await openChat(bob);
    await openChat(cleo);
    await write(bob, 'And you <img src=x onerror=alert(1)>');
    const all = [
      'Hello <b>you</b>, see https://example.org/a.',
      'And you <img src=x onerror=alert(1)>',
    ];
    for (const one of [ada, bob, cleo]) {
      await one.page.getByText('onerror').waitFor();
      await expect.poll(() => messages(one), { timeout: 20_000 }).toEqual(all);
      expect(await one.page.getByRole('log').locator('img, b').count()).toBe(0);
      const link = one.page.getByRole('log').getByRole('link');
      expect(await link.getAttribute('href')).toBe('https://example.org/a');
      expect(await link.getAttribute('rel')).toContain('noopener');
    }
  });

  it('see reactions and raised hands, including those raised before they joined', async () => {
    const { ada, bob, cleo, link } = await testbed.meetingOfThree();
    await ada.page.getByRole('button', { name: 'Raise hand' }).click();
    await hand(bob).waitFor({ state: 'attached' });
    await bob.page.getByText('Ada raised their hand').waitFor();
    await cleo.leave();
    await cleo.join(link);
    await cleo.isIn(3);
    await hand(cleo).waitFor({ state: 'attached' });
    await openChat(bob);
    await bob.page.getByRole('button', { name: 'React with 🎉' }).click();
    await ada.page.getByText('🎉 Bob').waitFor();
    await ada.page.getByText('🎉 Bob').waitFor({ state: 'detached', timeout: 15_000 });
    await ada.page.getByRole('button', { name: 'Lower hand' }).click();
    await hand(cleo).waitFor({ state: 'detached' });
  });
});
