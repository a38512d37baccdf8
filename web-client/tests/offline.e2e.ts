/** The page as an installed app, with a server and without. */

import { describe, expect, it } from 'vitest';
import { RED_BLUE, until } from './support/person';
import { Stage } from './support/stage';

const stage = new Stage();

interface Manifest {
  start_url: string;
  display: string;
  icons: { src: string; sizes: string; type: string }[];
}

describe('the page', () => {
  it('can be installed', async () => {
    const { page } = await stage.person('Ada', RED_BLUE);
    await page.goto(stage.server.url);
    const href = await page.locator('link[rel="manifest"]').getAttribute('href');
    const answer = await fetch(stage.server.url + href);
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

  it('opens without the server, and keeps nothing of a meeting', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    const { page } = ada;
    await page.goto(stage.server.url);
    await page.evaluate(async () => navigator.serviceWorker.ready);
    // The worker answers from the next visit on.
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
    await page.goto(stage.server.url);
    await page.getByRole('button', { name: 'New meeting' }).click();
    await page.getByText('Can’t reach the server.').waitFor();
    // A link opens its lobby too; the call says what is missing.
    await page.goto(stage.server.url + room);
    await page.getByText('The part after “#” is missing').waitFor();
    await ada.context.setOffline(false);
    await page.goto(stage.server.url);
    await page.getByRole('button', { name: 'New meeting' }).click();
    await until('the server is back', async () =>
      page.getByRole('heading', { name: 'Ready to join?' }).isVisible(),
    );
    // The browser logs what it could not fetch.
    expect(ada.errors.filter((error) => !error.includes('ERR_INTERNET_DISCONNECTED'))).toEqual([]);
    ada.errors.length = 0;
  });
});
