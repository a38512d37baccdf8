/**
 * The validator at the edge: what comes from the server is looked at before it is believed.
 * The schemas are checked against the generated types, so that a change of the protocol that
 * they do not follow fails the build. MLS entries go to the end-to-end encryption as they are:
 * it validates them itself.
 */

import * as v from 'valibot';
import type {
  Delta,
  ParticipantState,
  Refusal,
  Rules,
  ServerMessage,
  Track,
  LobbyParticipant,
} from './protocol.gen';
import { LOBBY_PARTICIPANTS } from './protocol.gen';

/** What the page itself reads of a server's message. */
export type PageMessage =
  | {
      type: 'joined';
      participant: number;
      resume_token: string;
      seq: number;
      room: Room;
      log: { position: number };
      slots: Slots;
    }
  | { type: 'resumed'; seq: number }
  | { type: 'snapshot'; seq: number; room: Room; log: { entries: { position: number }[] } }
  | { type: 'delta'; seq: number; delta: PageDelta }
  | { type: 'commit_pending' }
  | { type: 'commit_rejected' }
  | { type: 'answer'; sdp: string }
  | { type: 'media_lost'; refusal: Refusal }
  | { type: 'subscribed_quality'; source: Track['source']; wanted: boolean[] }
  | { type: 'downlink'; estimate_kbps: number; wanted_kbps: number; sent_kbps: number }
  | { type: 'heartbeat_echo' }
  | { type: 'waiting' }
  | { type: 'lobby_participants'; lobby_participants: LobbyParticipant[] }
  | { type: 'asked_to_mute'; by: number }
  | { type: 'shutdown_notice'; in_seconds: number | null }
  | { type: 'shutdown_cancelled' }
  | { type: 'refused'; refusal: Refusal }
  | { type: 'closing'; refusal: Refusal };

export interface Room {
  participants: ParticipantState[];
  rules: Rules;
  /** Whose connection is broken. */
  disconnected: number[];
}

export interface Slots {
  audio: number;
  video: number;
}

export type PageDelta =
  | ({ change: 'participant_joined' } & ParticipantState)
  | { change: 'participant_left'; participant: number }
  | ({ change: 'tracks_changed' } & ParticipantState)
  | { change: 'connection_changed'; participant: number; disconnected: boolean }
  | ({ change: 'rules_changed' } & Rules)
  | { change: 'message'; sender: number }
  | { change: 'log'; entry: { position: number } };

// What the server can say, the page can read: a field that is renamed, dropped or retyped in the
// protocol fails here, and so does a kind that the page does not know or that is no more.
type Reads<Theirs, Ours> = [Theirs] extends [Ours] ? true : never;
export const messages: Reads<ServerMessage, PageMessage> = true;
type Same<A, B> = [A] extends [B] ? Reads<B, A> : never;
export const kinds: Same<ServerMessage['type'], PageMessage['type']> = true;
export const changes: Same<Delta['change'], PageDelta['change']> = true;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const source = v.picklist(['microphone', 'camera', 'screen', 'screen_audio']);
/** Encodings of one track, with room for one more than any client sends. */
const ENCODINGS = 4;

const track: v.GenericSchema<Track> = v.object({
  mid: v.string(),
  source,
  muted: v.boolean(),
});

const state = { participant: count, tracks: v.pipe(v.array(track), v.maxLength(8)) };
const entry = v.object({ position: count });
const rules = {
  join_policy: v.picklist(['open', 'lobby', 'locked']),
  hosts: v.array(count),
};
const room = v.object({
  participants: v.array(v.object(state)),
  rules: v.object(rules),
  disconnected: v.array(count),
});

const refusal: v.GenericSchema<Refusal> = v.object({
  code: v.picklist([
    'bad_message',
    'too_large',
    'too_fast',
    'unsupported_version',
    'bad_token',
    'unknown_room',
    'room_full',
    'room_locked',
    'denied',
    'removed',
    'server_full',
    'resume_expired',
    'superseded',
    'stale_handshake',
    'handshake_undecided',
    'stale_message',
    'not_allowed',
    'log_full',
    'bad_offer',
    'media_unavailable',
    'too_slow',
    'storage_unavailable',
    'shutting_down',
  ]),
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

const message: v.GenericSchema<unknown, PageMessage> = v.variant('type', [
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
  v.object({ type: v.literal('commit_pending') }),
  v.object({ type: v.literal('commit_rejected') }),
  v.object({ type: v.literal('answer'), sdp: v.string() }),
  v.object({ type: v.literal('media_lost'), refusal }),
  v.object({
    type: v.literal('subscribed_quality'),
    source,
    wanted: v.pipe(v.array(v.boolean()), v.maxLength(ENCODINGS)),
  }),
  v.object({
    type: v.literal('downlink'),
    estimate_kbps: count,
    wanted_kbps: count,
    sent_kbps: count,
  }),
  v.object({ type: v.literal('heartbeat_echo') }),
  v.object({ type: v.literal('waiting') }),
  v.object({
    type: v.literal('lobby_participants'),
    lobby_participants: v.pipe(
      v.array(v.object({ lobby_participant: count, name: v.nullable(v.string()) })),
      v.maxLength(LOBBY_PARTICIPANTS),
    ),
  }),
  v.object({ type: v.literal('asked_to_mute'), by: count }),
  v.object({ type: v.literal('shutdown_notice'), in_seconds: v.nullable(count) }),
  v.object({ type: v.literal('shutdown_cancelled') }),
  v.object({ type: v.literal('refused'), refusal }),
  v.object({ type: v.literal('closing'), refusal }),
]);

/** Reads a message, or says that it is none. */
export function decodeMessage(text: string): PageMessage | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const result = v.safeParse(message, json);
  return result.success ? result.output : undefined;
}

/** Reads a refusal in an HTTP answer. */
export function decodeRefusal(json: unknown): Refusal | undefined {
  const result = v.safeParse(refusal, json);
  return result.success ? result.output : undefined;
}
