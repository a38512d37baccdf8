/**
 * The name under which a participant waits in the lobby, sealed with the link secret so that hosts
 * can read it and the server cannot. It is a claim only: everyone who has the link can claim any
 * name, and none of it is used once the participant is in the encrypted group.
 */

import { linkSecret, type MeetingLink } from '../../link';

/** The part of a link that sealing needs; it works without the link's passphrase. */
type RoomLink = Pick<MeetingLink, 'room' | 'fragment'>;

const IV_BYTES = 12;
/** Names are padded to one length: two bytes of length, the name in UTF-8, zeros. */
const PADDED_BYTES = 256;

/** Seals a name with AES-256-GCM under a key derived from the link secret (HKDF-SHA256, RFC 5869);
 * returns base64 of the IV and the ciphertext. A name that is too long is cut. */
export async function sealName(link: RoomLink, name: string): Promise<string> {
  const bytes = new TextEncoder().encode(name).subarray(0, PADDED_BYTES - 2);
  const padded = new Uint8Array(PADDED_BYTES);
  new DataView(padded.buffer).setUint16(0, bytes.length);
  padded.set(bytes, 2);
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, await knockKey(link), padded);
  return btoa(String.fromCharCode(...iv, ...new Uint8Array(sealed)));
}

/** Opens a sealed name; returns `undefined` if it was not sealed with this link. */
export async function openName(link: RoomLink, sealed: string): Promise<string | undefined> {
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

async function knockKey({ room, fragment }: RoomLink): Promise<CryptoKey> {
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
