/**
 * The identity key: Ed25519, made once per browser profile, kept in IndexedDB, and not
 * extractable: script can sign with it and never read it.
 */

import { inStore, request } from './database';

const KEY = 'ed25519';

export interface Identity {
  publicKey: Uint8Array;
  /** It is stored, and not for this visit only. */
  lasting: boolean;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** The identity of this browser profile; one for this visit only where nothing can be stored. */
export async function loadIdentity(): Promise<Identity> {
  const known = await stored().catch(() => undefined);
  const pair = known ?? (await fresh());
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  return {
    publicKey,
    lasting: known !== undefined,
    async sign(message) {
      const signature = await crypto.subtle.sign('Ed25519', pair.privateKey, copy(message));
      return new Uint8Array(signature);
    },
  };
}

async function fresh(): Promise<CryptoKeyPair> {
  const pair = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
  return pair as CryptoKeyPair;
}

async function stored(): Promise<CryptoKeyPair> {
  const known = await inStore('identity', 'readonly', get);
  if (known !== undefined) return known;
  const pair = await fresh();
  // If another tab was faster, its key stays and is taken.
  return inStore('identity', 'readwrite', async (store) => {
    const winner = await get(store);
    if (winner === undefined) await request(store.put(pair, KEY));
    return winner ?? pair;
  });
}

function get(store: IDBObjectStore): Promise<CryptoKeyPair | undefined> {
  return request<CryptoKeyPair | undefined>(store.get(KEY));
}

/** WebCrypto wants bytes in memory that is not shared. */
function copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
