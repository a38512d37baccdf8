/** How a link gets to others, and what stays when one leaves. */

import decodeQR from 'qr/decode.js';
import { describe, expect, it } from 'vitest';
import { press } from './support/meeting';
import { RED_BLUE, type Person } from './support/person';
import { Stage } from './support/stage';

const stage = new Stage();

/** Reads the code on the screen as a camera would: by its pixels. */
async function scan({ page }: Person): Promise<string> {
  const pixels = await page.getByRole('img', { name: 'QR code' }).evaluate(async (svg) => {
    const { width, height } = svg.getBoundingClientRect();
    const picture = new Image();
    const text = new XMLSerializer().serializeToString(svg);
    const [wide, high] = [Math.round(width) * 2, Math.round(height) * 2];
    const sized = text.replace('<svg', `<svg width="${wide}" height="${high}"`);
    picture.src = URL.createObjectURL(new Blob([sized], { type: 'image/svg+xml' }));
    await picture.decode();
    const pen = new OffscreenCanvas(wide, high).getContext('2d');
    if (pen === null) throw new Error('nothing to draw on');
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, wide, high);
    pen.drawImage(picture, 0, 0);
    return { width: wide, height: high, data: [...pen.getImageData(0, 0, wide, high).data] };
  });
  return decodeQR({ ...pixels, data: Uint8ClampedArray.from(pixels.data) });
}

describe('a link', () => {
  it('is copied, shared and scanned, and opens the meeting when it is pasted', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    const { page } = ada;
    await ada.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.addInitScript(() => {
      navigator.share = async (given) => {
        document.documentElement.dataset['shared'] = given?.url ?? '';
      };
    });
    const link = await stage.newMeeting(ada);
    await page.locator('footer').getByRole('button', { name: 'Invite' }).click();
    await press(ada, 'Copy link');
    await page.getByText('Copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(link);
    await press(ada, 'Share…');
    expect(await page.locator('html').getAttribute('data-shared')).toBe(link);
    expect(await scan(ada)).toBe(link);

    const bob = await stage.person('Bob', RED_BLUE);
    await bob.page.goto(stage.server.url);
    await bob.page.getByLabel('Or paste a meeting link').fill(link);
    await press(bob, 'Open');
    await bob.enter();
    await bob.isIn(2);
    // The part that is the key has not gone to the server.
    const secret = new URL(link).hash.slice(1);
    expect(bob.asked.some((address) => address.includes(secret))).toBe(false);
    expect(bob.asked.some((address) => address.includes(new URL(link).pathname))).toBe(true);
  });
});

describe('whoever leaves', () => {
  it('says how it was, to nobody but the clipboard', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    const { page } = ada;
    await ada.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await stage.newMeeting(ada);
    await ada.leave();
    ada.asked.length = 0;
    await page.getByLabel('So-so').check();
    await page.getByLabel('What went well, or badly?').fill('Bob was <i>late</i>');
    await press(ada, 'Copy the report');
    await page.getByText('Copied').waitFor();
    const report = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as object;
    expect(report).toMatchObject({ grade: 'fair', words: 'Bob was <i>late</i>', minutes: 1 });
    expect(ada.asked).toEqual([]);
  });
});
