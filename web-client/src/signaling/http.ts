/** The two requests that come before the socket. */

import * as v from 'valibot';
import { decodeRefusal } from './decode';
import type { Refusal, RoomCreated, TokenRequest } from './protocol.gen';

/** The server refused, in words for a person. */
export class RefusedError extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
    this.name = 'RefusedError';
  }
}

/** Makes a room; whoever has its host key is its host. */
export async function createRoom(): Promise<RoomCreated> {
  return v.parse(v.object({ room: v.string(), host_key: v.string() }), await post('/api/v1/rooms'));
}

/** What a join begins with. */
export interface JoinToken {
  token: string;
  /** Servers that relay media where a direct way is barred. */
  relays: RTCIceServer[];
  /** Until when, in ms, relaying can begin by them. */
  relaysUntil: number;
  /** How long the room is kept once nobody enters it, in ms; 0: nothing is promised. */
  kept: number;
}

const ISSUED = v.object({
  token: v.string(),
  ice_servers: v.array(
    v.object({ urls: v.array(v.string()), username: v.string(), credential: v.string() }),
  ),
  ice_servers_expire_in_seconds: v.number(),
  room_kept_seconds: v.number(),
});

/** A join token for a room: a host's, with the host key. */
export async function issueToken(room: string, hostKey?: string): Promise<JoinToken> {
  const request: TokenRequest = { host_key: hostKey ?? null };
  const answer = await post(`/api/v1/rooms/${encodeURIComponent(room)}/tokens`, request);
  const issued = v.parse(ISSUED, answer);
  const relaysUntil = Date.now() + issued.ice_servers_expire_in_seconds * 1000;
  return {
    token: issued.token,
    relays: issued.ice_servers,
    relaysUntil,
    kept: issued.room_kept_seconds * 1000,
  };
}

async function post(path: string, request?: TokenRequest): Promise<unknown> {
  let response: Response;
  try {
    const body = request === undefined ? null : JSON.stringify(request);
    response = await fetch(path, { method: 'POST', body });
  } catch {
    throw new Error('The server cannot be reached. Check your connection and try again.');
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body;
  const refusal = decodeRefusal(body);
  if (refusal) throw new RefusedError(refusal);
  throw new Error(`The server answered with an error (${response.status}). Try again later.`);
}
