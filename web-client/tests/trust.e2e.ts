/** Verification of identities: codes, known keys, and the warning about a changed key. */

import { describe, expect, it } from 'vitest';
import { GREEN_YELLOW, type Person, RED_BLUE, WHITE_PURPLE } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

async function openEncryption(one: Person): Promise<void> {
  await one.page.getByRole('button', { name: 'Encryption' }).click();
}

const comparing = (one: Person) => one.page.getByRole('region', { name: 'Compare emoji' });

/** Returns the emoji that a participant reads out. */
async function shownEmoji(one: Person): Promise<string> {
  const list = comparing(one).getByRole('list');
  await list.waitFor();
  return list.innerText();
}

const trusts = (one: Person, trust: string): Promise<void> =>
  one.page.locator(`li[data-trust="${trust}"]`).waitFor();

/** Returns the QR code that a participant's list shows, as SVG. */
const shownCode = (one: Person): Promise<string> =>
  one.page.getByRole('img', { name: 'QR code' }).evaluate((code) => {
    code.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    return code.outerHTML;
  });

/** From now on, the scanning camera shows this image. */
async function holdBeforeCamera(one: Person, svg: string): Promise<void> {
  await one.page.evaluate(async (picture) => {
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(picture)}`;
    await image.decode();
    const media = navigator.mediaDevices;
    const others = media.getUserMedia.bind(media);
    media.getUserMedia = async (constraints) => {
      const scans = typeof constraints?.video === 'object' && constraints.video.facingMode;
      if (!scans) return others(constraints);
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [640, 480];
      const pen = canvas.getContext('2d');
      setInterval(() => {
        if (pen === null) return;
        pen.fillStyle = 'white';
        pen.fillRect(0, 0, 640, 480);
        pen.drawImage(image, 120, 40, 400, 400);
      }, 50);
      return canvas.captureStream(20);
    };
  }, svg);
}

/** Returns the code shown next to a name. */
async function codeWith(one: Person, name: string): Promise<string> {
  const item = one.page.getByRole('listitem').filter({ hasText: name });
  await item.getByText('Compare codes', { exact: true }).click();
  return item.getByRole('region', { name: `Code with ${name}` }).innerText();
}

describe('two people', () => {
  it('see the same code, verify it, and recognize each other in the next call', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await Promise.all([openEncryption(ada), openEncryption(bob)]);
    const [ofBob, ofAda] = [await codeWith(ada, 'Bob'), await codeWith(bob, 'Ada')];
    expect(ofBob.match(/\d/g)?.length).toBe(60);
    expect(ofAda).toBe(ofBob);
    await ada.page.getByRole('button', { name: 'It matches' }).click();
    await ada.page.getByText('Verified: you’ve compared').waitFor();
    await ada.page.getByRole('button', { name: 'Close' }).click();
    await bob.page.getByRole('button', { name: 'Close' }).click();

    // Bob rejoins with the same browser: he is verified for Ada, and she is known to him.
    await bob.leave();
    await ada.isIn(1);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await Promise.all([openEncryption(ada), openEncryption(bob)]);
    await ada.page.locator('li[data-trust="verified"]').waitFor();
    await bob.page.locator('li[data-trust="known"]').waitFor();
    await ada.page.locator('[data-encryption="confirmed"]').waitFor();
  });

  it('see the same emoji, and each verifies the other by confirming them', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await openEncryption(ada);
    await comparing(ada).getByRole('button', { name: 'Show emoji' }).click();
    await bob.page.getByText('A participant wants to compare emoji').waitFor();
    await openEncryption(bob);
    const [ofAda, ofBob] = await Promise.all([shownEmoji(ada), shownEmoji(bob)]);
    expect(ofAda.match(/\p{Extended_Pictographic}/gu)?.length).toBe(5);
    expect(ofBob).toBe(ofAda);
    await comparing(ada).getByRole('button', { name: 'They match' }).click();
    await trusts(ada, 'verified');
    await comparing(bob).getByRole('button', { name: 'They don’t match' }).click();
    await comparing(bob).getByText('The call may be intercepted').waitFor();
    await trusts(bob, 'new');
  });

  it('scan each other’s code: the right one verifies, a different one warns', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await Promise.all([openEncryption(ada), openEncryption(bob)]);
    await Promise.all([codeWith(ada, 'Bob'), codeWith(bob, 'Ada')]);
    await holdBeforeCamera(ada, await shownCode(bob));
    await ada.page.getByRole('button', { name: 'Scan with camera' }).click();
    await trusts(ada, 'verified');

    // Cleo's code with Ada is not Bob's code with Ada.
    const cleo = await testbed.person('Cleo', WHITE_PURPLE);
    await cleo.join(link);
    await Promise.all([bob.isIn(3), cleo.isIn(3)]);
    await openEncryption(cleo);
    await codeWith(cleo, 'Ada');
    await holdBeforeCamera(bob, await shownCode(cleo));
    await bob.page.getByRole('button', { name: 'Scan with camera' }).click();
    await bob.page.getByText('This is a different code').waitFor();
  });

  it('are warned when a known name joins with another key', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await bob.leave();
    await ada.leave();
    await ada.join(link);
    await ada.isIn(1);
    const impostor = await testbed.person('Bob', GREEN_YELLOW);
    await impostor.join(link);
    await Promise.all([ada.isIn(2), impostor.isIn(2)]);
    await ada.page.getByRole('alert').getByText('Security key changed for Bob').waitFor();
    await ada.page.locator('[data-encryption="changed"]').waitFor();
  });
});
