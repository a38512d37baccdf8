/** The host keys of rooms that were created in this browser. */

import { issueToken, type JoinToken, RefusedError } from '../signaling/http';
import { isString, persistedSignal } from './persisted_signal';

/** The most rooms stored; the oldest are forgotten. */
const MAX_ROOMS = 100;

type Keys = readonly (readonly [room: string, key: string])[];

const keys = persistedSignal<Keys>('host-keys', [], isKeys);

/** Stores the host key of a new room. */
export function storeHostKey(room: string, key: string): void {
  keys.value = [...keys.value.filter(([one]) => one !== room), [room, key] as const].slice(
    -MAX_ROOMS,
  );
}

/** Issues a join token: a host's, if the room was created in this browser. */
export async function joinToken(room: string): Promise<JoinToken> {
  const key = keys.value.find(([one]) => one === room)?.[1];
  if (key === undefined) return issueToken(room);
  try {
    return await issueToken(room, key);
  } catch (error) {
    if (!(error instanceof RefusedError) || error.refusal.code !== 'not_allowed') throw error;
    // The stored key is damaged: join as a guest.
    keys.value = keys.value.filter(([one]) => one !== room);
    return issueToken(room);
  }
}

function isKeys(value: unknown): value is Keys {
  return Array.isArray(value) && value.every(isPair);
}

function isPair(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every(isString);
}
