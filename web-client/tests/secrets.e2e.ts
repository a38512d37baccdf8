/** Looks for a meeting's content in the server's logs and data. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { GREEN_YELLOW, type Person, RED_BLUE } from './support/person';
import { Testbed } from './support/testbed';

const data = mkdtempSync(join(tmpdir(), 'orange-secrets-'));
const testbed = new Testbed(() => ({ log: 'trace', data }));
afterAll(() => rmSync(data, { recursive: true }));

const NAMES = ['Adelheid Zimt', 'Bartholomew Quince'] as const;
const SAID = 'the swallow flies at midnight';

/** Returns the public identity key stored in the browser. */
async function identity(one: Person): Promise<Buffer> {
  const bytes = await one.page.evaluate(async () => {
    // Runs in the page, without access to this file.
    // oxlint-disable-next-line unicorn/consistent-function-scoping
    const done = <T>(asked: IDBRequest<T>): Promise<T> =>
      new Promise((resolve) => (asked.onsuccess = () => resolve(asked.result)));
    const database = await done(indexedDB.open('orange-meets'));
    const store = database.transaction('identity').objectStore('identity');
    const pair = (await done(store.get('ed25519'))) as CryptoKeyPair;
    database.close();
    return Array.from(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)));
  });
  return Buffer.from(bytes);
}

/** Returns the encodings in which these bytes could appear. */
function spellings(bytes: Buffer): Buffer[] {
  // The base64 encoding of bytes depends on their alignment; the ends depend on their neighbours.
  const shifted = [0, 1, 2].flatMap((by) =>
    (['base64', 'base64url'] as const).map((encoding) =>
      Buffer.concat([Buffer.alloc(by), bytes])
        .toString(encoding)
        .replace(/=+$/, '')
        .slice(4, -3),
    ),
  );
  const hex = bytes.toString('hex');
  const texts = [hex, hex.toUpperCase(), JSON.stringify([...bytes]), ...shifted];
  // A search for a short string would match by chance.
  return [bytes, ...texts.filter((text) => text.length > 5).map((text) => Buffer.from(text))];
}

describe('a server that logs everything', () => {
  it('contains no name, identity key, link secret or message', async () => {
    const ada = await testbed.person(NAMES[0], RED_BLUE);
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person(NAMES[1], GREEN_YELLOW);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await ada.page.getByRole('button', { name: /^Chat/ }).click();
    await ada.page.getByLabel('Message to everyone').fill(SAID);
    await ada.page.getByRole('button', { name: 'Send' }).click();
    await bob.page.getByRole('button', { name: 'Chat (1)' }).waitFor();
    const keys = [await identity(ada), await identity(bob)];
    await bob.leave();
    await ada.isIn(1);

    const figures = await (await fetch(`${testbed.server.admin}/metrics`)).text();
    const stored = readdirSync(data).map((name) => readFileSync(join(data, name)));
    const log = Buffer.from(testbed.server.log.join('\n'));
    const places = { log, figures: Buffer.from(figures), store: Buffer.concat(stored) };
    // The search finds what is present.
    const { pathname, hash } = new URL(link);
    const room = pathname.split('/').at(-1) ?? '';
    expect(room.length).toBeGreaterThan(20);
    expect(log.includes(room) && places.store.includes(room)).toBe(true);
    expect(testbed.server.log.length).toBeGreaterThan(100);
    expect(figures).toContain('orange_participants');

    const secret = Buffer.from(hash.replace(/^#v1\./, '').slice(0, 43), 'base64url');
    expect(secret.length).toBe(32);
    const words = [...NAMES, ...NAMES.flatMap((name) => name.split(' ')), SAID];
    const secrets: [string, Buffer][] = [
      ['the link secret', secret],
      ...keys.map((key): [string, Buffer] => ['an identity key', key]),
      ...words.map((word): [string, Buffer] => [word, Buffer.from(word)]),
    ];
    for (const [place, bytes] of Object.entries(places)) {
      for (const [what, sought] of secrets) {
        for (const spelling of spellings(sought)) {
          expect(bytes.includes(spelling), `${what} in the ${place}`).toBe(false);
        }
      }
    }
  });
});
