/**
 * The identity key: Ed25519, generated once per browser profile and stored in IndexedDB. It is not
 * extractable: scripts can sign with it but never read it.
 */

import { inStore, request } from './database';

const KEY = 'ed25519';

export interface Identity {
  publicKey: Uint8Array;
  /** The key is stored; otherwise it lasts for this visit only. */
  stored: boolean;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** Loads the identity of this browser profile, or generates one. */
export async function loadIdentity(): Promise<Identity> {
  const known = await loadKeyPair().catch(() => undefined);
  const pair = known ?? (await generateKeyPair());
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  return {
    publicKey,
    stored: known !== undefined,
    async sign(message) {
      const signature = await crypto.subtle.sign('Ed25519', pair.privateKey, copy(message));
      return new Uint8Array(signature);
    },
  };
}

async function generateKeyPair(): Promise<CryptoKeyPair> {
  const pair = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
  return pair as CryptoKeyPair;
}

/** Loads the stored key pair; generates and stores one the first time. */
async function loadKeyPair(): Promise<CryptoKeyPair> {
  const known = await inStore('identity', 'readonly', get);
  if (known !== undefined) return known;
  const pair = await generateKeyPair();
  // If another tab was faster, its key wins.
  return inStore('identity', 'readwrite', async (store) => {
    const winner = await get(store);
    if (winner === undefined) await request(store.put(pair, KEY));
    return winner ?? pair;
  });
}

function get(store: IDBObjectStore): Promise<CryptoKeyPair | undefined> {
  return request<CryptoKeyPair | undefined>(store.get(KEY));
}

/** Copies bytes into memory that is not shared, as WebCrypto requires. */
function copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
