/** A meeting by keyboard only: tab order, focus and shortcuts. */

import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { RED_BLUE } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

/** Returns the accessible name of the focused element. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const at = document.activeElement;
    if (at === null || at === document.body) return '';
    const label = at.closest('label')?.querySelector('span')?.textContent;
    return (at.getAttribute('aria-label') ?? label ?? at.textContent).trim();
  });
}

/** Returns the names of the elements that the tab key reaches, up to `last`. */
async function tabTo(page: Page, last: string, key = 'Tab'): Promise<string[]> {
  const names: string[] = [];
  for (let step = 0; step < 40 && names.at(-1) !== last; step += 1) {
    await page.keyboard.press(key);
    names.push(await focused(page));
    const shown = await page.evaluate(() => {
      const at = document.activeElement;
      if (at === null) return false;
      const { x, y, width, height } = at.getBoundingClientRect();
      const top = document.elementFromPoint(x + width / 2, y + height / 2);
      return top !== null && (at.contains(top) || top.contains(at));
    });
    expect(shown, `${names.at(-1)} is hidden while it has the focus`).toBe(true);
  }
  return names;
}

describe('with the keyboard alone', () => {
  it('a person starts a meeting, joins, mutes, reads the help and leaves', async () => {
    const { page } = await testbed.person('Ada', RED_BLUE);
    await page.goto(testbed.server.url);
    await page.getByRole('button', { name: 'New meeting' }).waitFor();
    expect(await tabTo(page, 'Test this browser')).toEqual([
      'New meeting',
      'Add a passphrase',
      'Or paste a meeting link',
      'Open',
      'Language',
      'Theme',
      'Test this browser',
    ]);
    await tabTo(page, 'New meeting', 'Shift+Tab');
    await page.keyboard.press('Enter');

    await page.getByLabel('Your camera').waitFor();
    expect(await focused(page)).toBe('Ready to join?');
    expect(await tabTo(page, 'Join')).toEqual(['Microphone', 'Camera', 'Your name', 'Join']);
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.type('Ada');
    await page.keyboard.press('Enter');

    await page.locator('main[data-state="live"]').waitFor();
    expect(await focused(page)).toBe('Meeting');
    expect(await tabTo(page, 'Leave')).toEqual([
      'Pin Ada (you)',
      'Invite people',
      'Mute',
      'Turn off camera',
      'Share screen',
      'Raise hand',
      'Encryption',
      'Invite',
      'People (1)',
      'Chat',
      'More',
      'Leave',
    ]);

    await page.keyboard.press('m');
    await page.locator('footer').getByRole('button', { name: 'Unmute' }).waitFor();
    await page.keyboard.press('m');
    await page.getByRole('button', { name: 'Mute', exact: true }).waitFor();

    // A dialog takes the focus and restores it.
    await tabTo(page, 'Encryption', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    expect(await page.evaluate(() => document.activeElement?.closest('dialog') !== null)).toBe(
      true,
    );
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await focused(page)).toBe('Encryption');
    await page.keyboard.press('?');
    await page.getByRole('heading', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('c');
    await page.getByLabel('Message to everyone').waitFor();
    expect(await focused(page)).toBe('Message to everyone');
    await page.keyboard.type('mvs');
    await page.keyboard.press('Enter');
    await page.getByRole('log').getByText('mvs').waitFor();
    await page.keyboard.press('Escape');
    await page.getByLabel('Message to everyone').waitFor({ state: 'detached' });

    await tabTo(page, 'Leave');
    await page.keyboard.press('Enter');
    await page.getByText('You left the meeting').waitFor();
    expect(await focused(page)).toBe('You left the meeting');
  });
});
