/**
 * Who knocks: the name of somebody who waits to be let in, sealed by the link secret, so that the
 * hosts read it and the server does not. It is only said: whoever has the link can say any name,
 * and nothing of it is believed once the person is in the encrypted group.
 */

import { linkSecret, type MeetingLink } from '../../link';

/** The passphrase, if there is one, is not needed to knock. */
type Door = Pick<MeetingLink, 'room' | 'fragment'>;

const IV_BYTES = 12;
/** All names have one length under way: two bytes that count, then the name, then nothing. */
const PADDED_BYTES = 256;

export async function sealName(link: Door, name: string): Promise<string> {
  const bytes = new TextEncoder().encode(name).subarray(0, PADDED_BYTES - 2);
  const padded = new Uint8Array(PADDED_BYTES);
  new DataView(padded.buffer).setUint16(0, bytes.length);
  padded.set(bytes, 2);
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, await knockKey(link), padded);
  return btoa(String.fromCharCode(...iv, ...new Uint8Array(sealed)));
}

/** The name, or nothing if it was not sealed by this link. */
export async function openName(link: Door, sealed: string): Promise<string | undefined> {
  try {
    const bytes = bytesOf(sealed);
    const iv = bytes.slice(0, IV_BYTES);
    const opened = await crypto.subtle.decrypt(
      { name: 'AES-GCM', iv },
      await knockKey(link),
      bytes.slice(IV_BYTES),
    );
    const length = new DataView(opened).getUint16(0);
    return new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(opened, 2, length));
  } catch {
    return undefined;
  }
}

async function knockKey({ room, fragment }: Door): Promise<CryptoKey> {
  const base64 = linkSecret(fragment).replaceAll('-', '+').replaceAll('_', '/');
  const secret = await crypto.subtle.importKey('raw', bytesOf(base64), 'HKDF', false, [
    'deriveKey',
  ]);
  const text = new TextEncoder();
  const derivation = {
    name: 'HKDF',
    hash: 'SHA-256',
    salt: text.encode(room),
    info: text.encode('orange-meets knock'),
  };
  const cipher = { name: 'AES-GCM', length: 256 };
  return crypto.subtle.deriveKey(derivation, secret, cipher, false, ['encrypt', 'decrypt']);
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
