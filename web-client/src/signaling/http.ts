/** The HTTP requests before the socket: creating a room, and issuing a join token. */

import * as v from 'valibot';
import { decodeRefusal } from './decode';
import type { Refusal, RoomCreated, TokenRequest } from './protocol.gen';

/** The server refused a request. */
export class RefusedError extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
    this.name = 'RefusedError';
  }
}

/** Creates a room. Its host key makes a participant a host. */
export async function createRoom(): Promise<RoomCreated> {
  return v.parse(v.object({ room: v.string(), host_key: v.string() }), await post('/api/v1/rooms'));
}

/** A join token, and what comes with it. */
export interface JoinToken {
  token: string;
  /** TURN servers, for networks without a direct path. */
  iceServers: RTCIceServer[];
  /** When their credentials expire, in ms. */
  iceServersExpireAt: number;
  /** How long the room is kept without participants, in ms; 0 if nothing is promised. */
  roomKeptMs: number;
}

const ISSUED = v.object({
  token: v.string(),
  ice_servers: v.array(
    v.object({ urls: v.array(v.string()), username: v.string(), credential: v.string() }),
  ),
  ice_servers_expire_in_seconds: v.number(),
  room_kept_seconds: v.number(),
});

/** Issues a join token; with the host key, a host's. */
export async function issueToken(room: string, hostKey?: string): Promise<JoinToken> {
  const request: TokenRequest = { host_key: hostKey ?? null };
  const response = await post(`/api/v1/rooms/${encodeURIComponent(room)}/tokens`, request);
  const issued = v.parse(ISSUED, response);
  const iceServersExpireAt = Date.now() + issued.ice_servers_expire_in_seconds * 1000;
  return {
    token: issued.token,
    iceServers: issued.ice_servers,
    iceServersExpireAt,
    roomKeptMs: issued.room_kept_seconds * 1000,
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
