/** This browser's database (IndexedDB): its identity key, and the identities that it knows. */

const DATABASE = 'orange-meets';
const VERSION = 2;

export type Store = 'identity' | 'people';

/** Runs one transaction on one store, and closes the database. */
export async function inStore<T>(
  store: Store,
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => Promise<T>,
): Promise<T> {
  const database = await open();
  try {
    return await work(database.transaction(store, mode).objectStore(store));
  } finally {
    database.close();
  }
}

/** Turns a request into a promise. */
export function request<T>(pending: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    pending.onsuccess = () => resolve(pending.result);
    pending.onerror = () => reject(pending.error ?? new Error('IndexedDB failed'));
  });
}

function open(): Promise<IDBDatabase> {
  const opening = indexedDB.open(DATABASE, VERSION);
  opening.onupgradeneeded = () => {
    const stores: Store[] = ['identity', 'people'];
    for (const store of stores) {
      if (!opening.result.objectStoreNames.contains(store)) opening.result.createObjectStore(store);
    }
  };
  return request(opening);
}
