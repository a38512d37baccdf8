/** The rooms that were opened in this browser, and the keys that make it their host. */

import { issueToken, type JoinToken, RefusedError } from '../signaling/http';
import { isString, stored } from './persisted_signal';

/** Rooms that are remembered; the ones opened longest ago are forgotten. */
const ROOMS = 100;

type Keys = readonly (readonly [room: string, key: string])[];

const keys = stored<Keys>('host-keys', [], isKeys);

export function rememberHostKey(room: string, key: string): void {
  keys.value = [...keys.value.filter(([one]) => one !== room), [room, key] as const].slice(-ROOMS);
}

/** A token for the room: a host's, if it was opened in this browser. */
export async function joinToken(room: string): Promise<JoinToken> {
  const key = keys.value.find(([one]) => one === room)?.[1];
  if (key === undefined) return issueToken(room);
  try {
    return await issueToken(room, key);
  } catch (error) {
    if (!(error instanceof RefusedError) || error.refusal.code !== 'not_allowed') throw error;
    // What was stored is damaged: one comes in as everybody does.
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
