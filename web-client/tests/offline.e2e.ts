/** The page as an installed app, online and offline. */

import { describe, expect, it } from 'vitest';
import { RED_BLUE, until } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

interface Manifest {
  start_url: string;
  display: string;
  icons: { src: string; sizes: string; type: string }[];
}

describe('the page', () => {
  it('can be installed', async () => {
    const { page } = await testbed.person('Ada', RED_BLUE);
    await page.goto(testbed.server.url);
    const href = await page.locator('link[rel="manifest"]').getAttribute('href');
    const answer = await fetch(testbed.server.url + href);
    expect(answer.headers.get('content-type')).toBe('application/manifest+json');
    const manifest = (await answer.json()) as Manifest;
    expect(manifest).toMatchObject({ start_url: '/', display: 'standalone' });
    for (const { src, sizes } of manifest.icons.filter(({ type }) => type === 'image/png')) {
      const size = await page.evaluate(async (url) => {
        const image = new Image();
        image.src = url;
        await image.decode();
        return `${image.naturalWidth}x${image.naturalHeight}`;
      }, src);
      expect(size).toBe(sizes);
    }
  });

  it('opens offline, and caches nothing of a meeting', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const { page } = ada;
    await page.goto(testbed.server.url);
    await page.evaluate(async () => navigator.serviceWorker.ready);
    // The service worker responds from the next visit.
    await page.reload();
    await page.getByRole('button', { name: 'New meeting' }).click();
    await ada.enter();
    await ada.isIn(1);
    const room = new URL(page.url()).pathname;
    await page.reload();
    await ada.enter();
    await ada.isIn(1);
    await ada.leave();
    const kept = await page.evaluate(async () => {
      const cache = await caches.open('shell');
      return (await cache.keys()).map(({ url }) => new URL(url).pathname + new URL(url).hash);
    });
    expect(kept.filter((path) => !/^\/($|assets\/|icon-|favicon|manifest)/.test(path))).toEqual([]);
    expect(kept.some((path) => path.startsWith('/assets/'))).toBe(true);
    expect(kept).not.toContain(room);
    expect(await page.evaluate(async () => caches.keys())).toEqual(['shell']);

    await ada.context.setOffline(true);
    await page.goto(testbed.server.url);
    await page.getByRole('button', { name: 'New meeting' }).click();
    await page.getByText('Can’t reach the server.').waitFor();
    // A link opens the pre-join screen too; the call reports the missing connection.
    await page.goto(testbed.server.url + room);
    await page.getByText('The part after “#” is missing').waitFor();
    await ada.context.setOffline(false);
    await page.goto(testbed.server.url);
    await page.getByRole('button', { name: 'New meeting' }).click();
    await until('the server is back', async () =>
      page.getByRole('heading', { name: 'Ready to join?' }).isVisible(),
    );
    // The browser logs the failed requests.
    expect(ada.errors.filter((error) => !error.includes('ERR_INTERNET_DISCONNECTED'))).toEqual([]);
    ada.errors.length = 0;
  });
});
