/** The two requests that come before the socket. */

import * as v from 'valibot';
import { decodeRefusal } from './decode';
import type { Refusal } from './protocol.gen';

/** The server refused, in words for a person. */
export class RefusedError extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
    this.name = 'RefusedError';
  }
}

/** Makes a room and returns its id. */
export async function createRoom(): Promise<string> {
  const answer = v.parse(v.object({ room: v.string() }), await post('/api/v1/rooms'));
  return answer.room;
}

/** A join token for a room. */
export async function issueToken(room: string): Promise<string> {
  const answer = await post(`/api/v1/rooms/${encodeURIComponent(room)}/tokens`);
  return v.parse(v.object({ token: v.string() }), answer).token;
}

async function post(path: string): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, { method: 'POST' });
  } catch {
    throw new Error('The server cannot be reached. Check your connection and try again.');
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body;
  const refusal = decodeRefusal(body);
  if (refusal) throw new RefusedError(refusal);
  throw new Error(`The server answered with an error (${response.status}). Try again later.`);
}
