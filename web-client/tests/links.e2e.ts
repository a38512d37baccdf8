/** Sharing a link, and the report after a call. */

import { readFileSync } from 'node:fs';
import decodeQR from 'qr/decode.js';
import { describe, expect, it } from 'vitest';
import { press } from './support/controls';
import { RED_BLUE, type Person } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

/** Decodes the QR code from a screenshot's pixels. */
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
    const { data } = pen.getImageData(0, 0, wide, high);
    // As text: transferring a million numbers through the debugger is slow.
    let light = '';
    for (let at = 0; at < data.length; at += 4) light += (data[at] ?? 0) > 127 ? '1' : '0';
    return { width: wide, height: high, light };
  });
  const data = [...pixels.light].flatMap((one) =>
    one === '1' ? [255, 255, 255, 255] : [0, 0, 0, 255],
  );
  return decodeQR({ ...pixels, data: Uint8ClampedArray.from(data) });
}

describe('a link', () => {
  it('can be copied, shared, scanned and pasted', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const { page } = ada;
    await ada.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.addInitScript(() => {
      navigator.share = async (given) => {
        document.documentElement.dataset['shared'] = given?.url ?? '';
      };
    });
    const link = await testbed.newMeeting(ada);
    await page.locator('footer').getByRole('button', { name: 'Invite' }).click();
    await press(ada, 'Copy link');
    await page.getByText('Copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(link);
    await press(ada, 'Share…');
    expect(await page.locator('html').getAttribute('data-shared')).toBe(link);
    expect(await scan(ada)).toBe(link);

    const bob = await testbed.person('Bob', RED_BLUE);
    await bob.page.goto(testbed.server.url);
    await bob.page.getByLabel('Or paste a meeting link').fill(link);
    await press(bob, 'Open');
    await bob.enter();
    await bob.isIn(2);
    // The key was not sent to the server.
    const secret = new URL(link).hash.slice(1);
    expect(bob.requested.some((address) => address.includes(secret))).toBe(false);
    expect(bob.requested.some((address) => address.includes(new URL(link).pathname))).toBe(true);
  });
});

/** Saves the calendar file and returns its properties, unfolded. */
async function calendar(one: Person): Promise<Map<string, string>> {
  const saved = one.page.waitForEvent('download');
  await press(one, 'Save calendar file');
  const file = readFileSync(await (await saved).path(), 'utf8');
  expect(file.endsWith('END:VCALENDAR\r\n')).toBe(true);
  const lines = file.replaceAll('\r\n ', '').trimEnd().split('\r\n');
  return new Map(lines.map((line) => [line.split(':')[0] ?? '', line.replace(/^[^:]*:/, '')]));
}

describe('a lasting link', () => {
  it('can be added to a calendar before the call, with or without its key', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const { page } = ada;
    await page.goto(testbed.server.url);
    await press(ada, 'New meeting');
    await press(ada, 'Invite people');
    await page.getByText('You can reuse the link').waitFor();
    await page.getByText('Add to calendar').click();
    await page.getByText('Your calendar provider, and anyone who can see the entry').waitFor();
    ada.requested.length = 0;
    const [link, bare] = [page.url(), page.url().replace(/#.*/, '')];
    await page.getByLabel('Title').fill('Plan, part 2');
    await page.getByLabel('Starts').fill('2027-01-15T09:30');
    await page.getByLabel('Duration').selectOption('45');
    const whole = await calendar(ada);
    expect(Object.fromEntries(whole)).toMatchObject({
      SUMMARY: String.raw`Plan\, part 2`,
      DTSTART: await page.evaluate(() =>
        new Date('2027-01-15T09:30').toISOString().replaceAll(/[-:]|\.000/g, ''),
      ),
      LOCATION: link,
      URL: link,
    });
    // Without the key, no part of it is in the file.
    await page.getByLabel('Link without its key').check();
    const named = await calendar(ada);
    const secret = new URL(link).hash.slice(4);
    expect(secret.length).toBe(43);
    expect([...named.values()].some((value) => value.includes(secret.slice(0, 8)))).toBe(false);
    expect(named.get('URL')).toBe(bare);
    expect(named.get('DESCRIPTION')).toContain('the full link that was sent to you');
    // The file was made in the browser, without a request.
    expect(ada.requested.filter((address) => !address.startsWith('blob:'))).toEqual([]);

    // A link without its key is explained and can be completed.
    const bob = await testbed.person('Bob', RED_BLUE);
    await bob.page.goto(named.get('URL') ?? '');
    await bob.page.getByText('The part after “#” is missing').waitFor();
    await bob.page.getByLabel('Paste the full link').fill(whole.get('URL') ?? '');
    await press(bob, 'Open');
    await bob.enter();
    await bob.isIn(1);
    await bob.leave();

    // The link opens the same room again, and its creator is still the host.
    await page.keyboard.press('Escape');
    await ada.enter();
    await ada.isIn(1);
    await press(ada, /^People/);
    await page.getByRole('list', { name: 'People' }).getByText('Host').waitFor();
    await page.locator('footer').getByRole('button', { name: 'Invite' }).click();
    await page.getByText('It stops working when this server restarts').waitFor();
  });
});

describe('after a call', () => {
  it('a report can be copied, and nothing is sent', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const { page } = ada;
    await ada.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await testbed.newMeeting(ada);
    await ada.leave();
    ada.requested.length = 0;
    await page.getByLabel('OK', { exact: true }).check();
    await page.getByLabel('What went well, or didn’t?').fill('Bob was <i>late</i>');
    await press(ada, 'Copy report');
    await page.getByText('Copied').waitFor();
    const report = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as object;
    expect(report).toMatchObject({ grade: 'fair', comment: 'Bob was <i>late</i>', minutes: 1 });
    expect(ada.requested).toEqual([]);
  });
});
