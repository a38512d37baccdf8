/**
 * Validates messages of the server before they are used. The schemas are checked against the
 * generated types: a change of the protocol that they do not follow fails the build. MLS content is
 * passed to the end-to-end encryption as it is, which validates it.
 */

import * as v from 'valibot';
import type * as protocol from './protocol.gen';
import { JOIN_POLICIES, LOBBY_PARTICIPANTS, REFUSAL_CODES, SOURCES } from './protocol.gen';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const source = v.picklist(SOURCES);
/** Encodings of one track; clients send at most three. */
const MAX_ENCODINGS = 4;

const track: v.GenericSchema<protocol.Track> = v.object({
  mid: v.string(),
  source,
  muted: v.boolean(),
});

const state = { participant: count, tracks: v.pipe(v.array(track), v.maxLength(8)) };
const entry = v.object({ position: count });
const rules = {
  join_policy: v.picklist(JOIN_POLICIES),
  hosts: v.array(count),
};
const room = v.object({
  participants: v.array(v.object(state)),
  rules: v.object(rules),
  disconnected: v.array(count),
});

const refusal: v.GenericSchema<protocol.Refusal> = v.object({
  code: v.picklist(REFUSAL_CODES),
  message: v.string(),
  current: v.nullable(count),
  retry_after_seconds: v.nullable(count),
  message_id: v.nullable(v.string()),
});

const slots = v.object({
  audio: v.pipe(count, v.maxValue(64)),
  video: v.pipe(count, v.maxValue(64)),
});

const delta = v.variant('change', [
  v.object({ change: v.literal('participant_joined'), ...state }),
  v.object({ change: v.literal('participant_left'), participant: count }),
  v.object({ change: v.literal('tracks_changed'), ...state }),
  v.object({
    change: v.literal('connection_changed'),
    participant: count,
    disconnected: v.boolean(),
  }),
  v.object({ change: v.literal('rules_changed'), ...rules }),
  v.object({ change: v.literal('message'), sender: count }),
  v.object({ change: v.literal('log'), entry }),
]);

const roomMessage = v.variant('type', [
  v.object({
    type: v.literal('joined'),
    participant: count,
    resume_token: v.string(),
    seq: count,
    room,
    log: v.object({ position: count }),
    slots,
  }),
  v.object({ type: v.literal('resumed'), seq: count }),
  v.object({
    type: v.literal('snapshot'),
    seq: count,
    room,
    log: v.object({ entries: v.array(entry) }),
  }),
  v.object({ type: v.literal('delta'), seq: count, delta }),
  v.object({ type: v.literal('waiting') }),
  v.object({
    type: v.literal('lobby_participants'),
    lobby_participants: v.pipe(
      v.array(v.object({ lobby_participant: count, name: v.nullable(v.string()) })),
      v.maxLength(LOBBY_PARTICIPANTS),
    ),
  }),
  v.object({ type: v.literal('asked_to_mute'), by: count }),
]);

const logMessage = v.variant('type', [
  v.object({ type: v.literal('commit_pending') }),
  v.object({ type: v.literal('commit_rejected') }),
]);

const mediaMessage = v.variant('type', [
  v.object({ type: v.literal('answer'), sdp: v.string() }),
  v.object({ type: v.literal('media_lost'), refusal }),
  v.object({
    type: v.literal('subscribed_quality'),
    source,
    wanted: v.pipe(v.array(v.boolean()), v.maxLength(MAX_ENCODINGS)),
  }),
  v.object({
    type: v.literal('downlink'),
    estimate_kbps: count,
    wanted_kbps: count,
    sent_kbps: count,
  }),
]);

const controlMessage = v.variant('type', [
  v.object({ type: v.literal('heartbeat_echo') }),
  v.object({ type: v.literal('shutdown_notice'), in_seconds: v.nullable(count) }),
  v.object({ type: v.literal('shutdown_cancelled') }),
  v.object({ type: v.literal('refused'), refusal }),
  v.object({ type: v.literal('closing'), refusal }),
]);

/** The room: who is in it, its rules and its log. */
export type RoomMessage = v.InferOutput<typeof roomMessage>;
/** Commits that are not in the log yet; only the encryption reads them. */
export type LogMessage = v.InferOutput<typeof logMessage>;
/** The connection to the SFU. */
export type MediaMessage = v.InferOutput<typeof mediaMessage>;
/** The signaling connection itself. */
export type ControlMessage = v.InferOutput<typeof controlMessage>;

/** A message of the server, grouped by its reader. */
export type ServerMessage =
  | ({ topic: 'room' } & RoomMessage)
  | ({ topic: 'log' } & LogMessage)
  | ({ topic: 'media' } & MediaMessage)
  | ({ topic: 'control' } & ControlMessage);

/** Receive slots of a join, by kind. */
export type Slots = v.InferOutput<typeof slots>;

// Every message that the server can send must be accepted here, and no other: a field that is
// renamed, removed or retyped in the protocol fails these checks, and so does a new or retired kind.
type Accepts<Sent, Read> = [Sent] extends [Read] ? true : never;
type Same<A, B> = [A] extends [B] ? Accepts<B, A> : never;
/** A topic and a type, e.g. `media answer`. */
type Kind<M extends { topic: string; type: string }> = M extends unknown
  ? `${M['topic']} ${M['type']}`
  : never;
export const messagesMatch: Accepts<protocol.ServerMessage, ServerMessage> = true;
export const kindsMatch: Same<Kind<protocol.ServerMessage>, Kind<ServerMessage>> = true;
export const changesMatch: Same<protocol.Delta['change'], v.InferOutput<typeof delta>['change']> =
  true;

const topic = v.object({ topic: v.picklist(['room', 'log', 'media', 'control']) });

/** Decodes a message; returns `undefined` if it is malformed. */
export function decodeMessage(text: string): ServerMessage | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  switch (decode(topic, json)?.topic) {
    case 'room':
      return withTopic('room', decode(roomMessage, json));
    case 'log':
      return withTopic('log', decode(logMessage, json));
    case 'media':
      return withTopic('media', decode(mediaMessage, json));
    case 'control':
      return withTopic('control', decode(controlMessage, json));
    case undefined:
      return undefined;
  }
}

/** Decodes a refusal in an HTTP response; returns `undefined` if there is none. */
export function decodeRefusal(json: unknown): protocol.Refusal | undefined {
  return decode(refusal, json);
}

function decode<T>(schema: v.GenericSchema<unknown, T>, json: unknown): T | undefined {
  const result = v.safeParse(schema, json);
  return result.success ? result.output : undefined;
}

function withTopic<Topic extends string, Message extends object>(
  name: Topic,
  message: Message | undefined,
): ({ topic: Topic } & Message) | undefined {
  return message && { topic: name, ...message };
}
