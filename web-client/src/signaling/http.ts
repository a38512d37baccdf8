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

/** A join token for a room: a host's, with the host key. */
export async function issueToken(room: string, hostKey?: string): Promise<string> {
  const request: TokenRequest = { host_key: hostKey ?? null };
  const answer = await post(`/api/v1/rooms/${encodeURIComponent(room)}/tokens`, request);
  return v.parse(v.object({ token: v.string() }), answer).token;
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
