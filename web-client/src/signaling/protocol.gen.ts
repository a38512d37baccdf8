// Generated from the Rust crate signaling-protocol; not edited by hand.
// To bring it up to date: UPDATE_GENERATED=1 cargo test -p signaling-protocol

/** The version of this protocol. */
export const VERSION = 4;

/** A WebSocket message, in bytes. */
export const MESSAGE_BYTES = 524288;

/** An offer or an answer, in bytes. */
export const SDP_BYTES = 131072;

/** A KeyPackage, in bytes. A post-quantum one is about 2.7 kB. */
export const KEY_PACKAGE_BYTES = 16384;

/** An application message, in bytes. */
export const APPLICATION_BYTES = 24576;

/** A commit and its Welcome together, in bytes. */
export const SUBMISSION_BYTES = 368640;

/** Adds in one commit. */
export const ADDS_PER_COMMIT = 32;

/** Tracks of one participant: one per source. */
export const TRACKS = 4;

/** Video constraints of one participant: two video tracks of everyone in a large room. */
export const RECEIVER_VIDEO_CONSTRAINTS = 512;

/** Characters of an m-line's `mid`. */
export const MID_CHARS = 16;

/** The encrypted name of a participant in the lobby, in bytes. */
export const KNOCK_BYTES = 320;

/** People who wait before one door. */
export const LOBBY_PARTICIPANTS = 32;

/** Characters of a message id. */
export const MESSAGE_ID_CHARS = 22;

/** Seconds between heartbeats. */
export const HEARTBEAT_SECONDS = 5;

/** Every [`RefusalCode`]. */
export const REFUSAL_CODES = ["bad_message", "too_large", "too_fast", "unsupported_version", "bad_token", "unknown_room", "room_full", "room_locked", "denied", "removed", "server_full", "resume_expired", "superseded", "stale_handshake", "handshake_undecided", "stale_message", "not_allowed", "log_full", "bad_offer", "media_unavailable", "too_slow", "storage_unavailable", "shutting_down"] as const;

/** Every [`JoinPolicy`]. */
export const JOIN_POLICIES = ["open", "lobby", "locked"] as const;

/** Every [`Source`]. */
export const SOURCES = ["microphone", "camera", "screen", "screen_audio"] as const;

/** What a client can do after each refusal. */
export const REFUSAL_RETRY: Readonly<Record<RefusalCode, Retry>> = {
  bad_message: "never",
  too_large: "never",
  too_fast: "later",
  unsupported_version: "never",
  bad_token: "rejoin",
  unknown_room: "never",
  room_full: "never",
  room_locked: "never",
  denied: "never",
  removed: "never",
  server_full: "later",
  resume_expired: "rejoin",
  superseded: "never",
  stale_handshake: "resend",
  handshake_undecided: "resend",
  stale_message: "resend",
  not_allowed: "never",
  log_full: "never",
  bad_offer: "never",
  media_unavailable: "later",
  too_slow: "rejoin",
  storage_unavailable: "rejoin",
  shutting_down: "rejoin",
};

/**
 * A message from a client. The first one is [`ClientMessage::Hello`].
 */
export type ClientMessage = { "type": "hello" } & Hello | { "type": "upload_key_package",
/**
 * An RFC 9420 `MLSMessage` of type `mls_key_package`.
 */
key_package: Opaque, } | { "type": "submit" } & Submission | { "type": "commit_vote",
/**
 * The pending commit.
 */
message_id: MessageId,
/**
 * The vote: can this member follow it?
 */
vote: CommitVote, } | { "type": "send_message",
/**
 * An RFC 9420 `PrivateMessage` of content type `application`, of the current epoch; of
 * another one it is refused as stale.
 */
message: Opaque, } | { "type": "heartbeat",
/**
 * The last log entry it has processed.
 */
position: LogPosition, } | { "type": "offer",
/**
 * RFC 8866.
 */
sdp: string, } | { "type": "set_tracks",
/**
 * At most one per source.
 */
tracks: Array<Track>, } | { "type": "receiver_video_constraints",
/**
 * At most one per track.
 */
constraints: Array<ReceiverVideoConstraint>, } | { "type": "knock",
/**
 * The name, sealed by the link secret: for the people inside, not for the server.
 */
name: Opaque, } | { "type": "moderate" } & Moderation | { "type": "page_hide" } | { "type": "leave" };

/**
 * A member's word on a commit that is not in the log yet.
 */
export type CommitVote = "ack" | "nack";

/**
 * The WebSocket connection, the server, and refusals.
 */
export type ControlMessage = { "type": "heartbeat_echo" } | { "type": "shutdown_notice",
/**
 * Seconds from now, rounded up; absent if the time is not known.
 */
in_seconds: number | null, } | { "type": "shutdown_cancelled" } | { "type": "refused",
/**
 * The reason, and what to do.
 */
refusal: Refusal, } | { "type": "closing",
/**
 * The reason, and what to do.
 */
refusal: Refusal, };

/**
 * One change of the room.
 */
export type Delta = { "change": "participant_joined" } & ParticipantState | { "change": "participant_left",
/**
 * The participant.
 */
participant: ParticipantId, } | { "change": "tracks_changed" } & ParticipantState | { "change": "connection_changed",
/**
 * The participant.
 */
participant: ParticipantId,
/**
 * True if it is broken.
 */
disconnected: boolean, } | { "change": "rules_changed" } & Rules | { "change": "message",
/**
 * The participant that submitted it; MLS authenticates its author.
 */
sender: ParticipantId,
/**
 * As in [`crate::ClientMessage::SendMessage`].
 */
message: Opaque, } | { "change": "log",
/**
 * The new entry.
 */
entry: LogEntry, };

/**
 * The SFU's view of a participant's downlink.
 */
export type Downlink = {
/**
 * Estimated available bandwidth, in kbit/s.
 */
estimate_kbps: number,
/**
 * Bandwidth that the participant's video constraints would need, in kbit/s.
 */
wanted_kbps: number,
/**
 * Bandwidth in use, in kbit/s.
 */
sent_kbps: number, };

/**
 * An accepted create or commit.
 */
export type Handshake = {
/**
 * The handshake count with this one included.
 */
count: HandshakeCount,
/**
 * The sender.
 */
sender: ParticipantId,
/**
 * The submission's id, by which the sender knows its own.
 */
message_id: MessageId,
/**
 * The members after it, by its sender's word; members check it against the MLS tree.
 */
roster: Array<ParticipantId>,
/**
 * The change of the group.
 */
step: Step, };

/**
 * The number of handshakes (creates and commits) that a room's log has accepted, on which
 * submissions compare and swap.
 */
export type HandshakeCount = number;

/**
 * Opens the conversation.
 */
export type Hello = {
/**
 * [`crate::VERSION`] of the client.
 */
version: number,
/**
 * The join token; it names the room.
 */
token: Secret,
/**
 * Present when a known participant returns.
 */
resume: Resume | null,
/**
 * Present when a client that has lost its keys, as by a reload of the page, joins as a new
 * participant: the one that it was before.
 */
predecessor: Predecessor | null, };

/**
 * A TURN server (RFC 8656), as the browser's `RTCIceServer`.
 */
export type IceServer = {
/**
 * RFC 7065.
 */
urls: Array<string>,
/**
 * Names no person: the time of expiry, and random characters.
 */
username: string,
/**
 * For this username.
 */
credential: Secret, };

/**
 * The treatment of a participant that joins.
 */
export type JoinPolicy = "open" | "lobby" | "locked";

/**
 * The state that a new participant needs: its own id and secret, the room, and the delivery log.
 * (Not the MLS Welcome.)
 */
export type Joined = {
/**
 * The server's [`crate::VERSION`].
 */
version: number,
/**
 * The new participant's id in this room.
 */
participant: ParticipantId,
/**
 * Proves who the participant is when it reconnects; the client keeps it.
 */
resume_token: Secret,
/**
 * The room's newest delta; the next one is its successor.
 */
seq: Seq,
/**
 * The participants and the rules.
 */
room: RoomSnapshot,
/**
 * The state of the delivery log.
 */
log: LogSnapshot,
/**
 * The number of receiving m-lines to offer.
 */
slots: ReceiveSlots, };

/**
 * A participant with the KeyPackage by which it can be added.
 */
export type JoinedParticipant = {
/**
 * The participant.
 */
participant: ParticipantId,
/**
 * An RFC 9420 `MLSMessage` of type `mls_key_package`.
 */
key_package: Opaque,
/**
 * The participant that it replaces: the same client before it lost its keys. It departs with this
 * entry, so that one commit adds the new leaf and removes the old one.
 */
replaces: ParticipantId | null, };

/**
 * A participant that waits to be admitted.
 */
export type LobbyParticipant = {
/**
 * Its id in the lobby.
 */
lobby_participant: LobbyParticipantId,
/**
 * As in [`crate::ClientMessage::Knock`]; before it has come, nothing.
 */
name: Opaque | null, };

/**
 * A participant in the lobby of one room, from 1; never assigned twice while the room lives.
 */
export type LobbyParticipantId = number;

/**
 * One entry at its place in the log.
 */
export type LogEntry = {
/**
 * Its place; entries follow one another without a gap.
 */
position: LogPosition,
/**
 * The event.
 */
event: LogEvent, };

/**
 * The content of an entry.
 */
export type LogEvent = { "kind": "joined" } & JoinedParticipant | { "kind": "departed",
/**
 * The participant.
 */
participant: ParticipantId, } | { "kind": "handshake" } & Handshake;

/**
 * Commits that the delivery log does not have yet.
 */
export type LogMessage = { "type": "commit_pending",
/**
 * As the log will have it, without its Welcome.
 */
handshake: Handshake, } | { "type": "commit_rejected",
/**
 * The rejected submission.
 */
message_id: MessageId, };

/**
 * The position of an entry in a room's delivery log, from 1. Zero is "before the first".
 */
export type LogPosition = number;

/**
 * Log entries that a client has missed.
 */
export type LogReplay = {
/**
 * In order and without a gap.
 */
entries: Array<LogEntry>, };

/**
 * Where a log stands: all that a joiner needs in order to follow from here.
 */
export type LogSnapshot = {
/**
 * The last entry it covers.
 */
position: LogPosition,
/**
 * Handshakes accepted so far.
 */
handshakes: HandshakeCount,
/**
 * The members after the last handshake.
 */
roster: Array<ParticipantId>,
/**
 * Every participant that is a member or waits to be one, with its KeyPackage.
 */
joined: Array<JoinedParticipant>,
/**
 * Every departed participant that is still a member.
 */
departed: Array<ParticipantId>, };

/**
 * The participant's connection to the SFU.
 */
export type MediaMessage = { "type": "answer",
/**
 * RFC 8866.
 */
sdp: string, } | { "type": "media_lost",
/**
 * The reason, and what to do.
 */
refusal: Refusal, } | { "type": "subscribed_quality" } & SubscribedQuality | { "type": "downlink" } & Downlink;

/**
 * A submission's own id, 16 random bytes as 22 base64url characters: a resent submission is
 * recognised by it, never doubled.
 */
export type MessageId = string;

/**
 * Something that hosts may do.
 */
export type Moderation = { "action": "set_join_policy",
/**
 * From now on.
 */
join_policy: JoinPolicy, } | { "action": "admit",
/**
 * The participant.
 */
lobby_participant: LobbyParticipantId, } | { "action": "deny",
/**
 * The participant.
 */
lobby_participant: LobbyParticipantId, } | { "action": "remove",
/**
 * The participant.
 */
participant: ParticipantId, } | { "action": "ask_to_mute",
/**
 * The participant.
 */
participant: ParticipantId, };

/**
 * Bytes that a server relays and does not read; base64 (RFC 4648 section 4) in JSON.
 */
export type Opaque = string;

/**
 * A participant of one room, as the server sees it. Assigned in join order, from 1, and never twice
 * in the same room; a person who joins again is a new participant.
 */
export type ParticipantId = number;

/**
 * One participant and its tracks.
 */
export type ParticipantState = {
/**
 * The participant.
 */
participant: ParticipantId,
/**
 * The tracks it publishes.
 */
tracks: Array<Track>, };

/**
 * A participant that a new one replaces: it departs with the entry that brings the new one's
 * KeyPackage into the log. Ignored if it is gone already or the token is another.
 */
export type Predecessor = {
/**
 * The participant.
 */
participant: ParticipantId,
/**
 * Given at its join.
 */
resume_token: Secret, };

/**
 * The number of receiving m-lines in an offer. The SFU assigns tracks to them without another
 * negotiation.
 */
export type ReceiveSlots = {
/**
 * Audio m-lines.
 */
audio: number,
/**
 * Video m-lines.
 */
video: number, };

/**
 * The size at which one video track of another participant is displayed.
 */
export type ReceiverVideoConstraint = {
/**
 * The publisher.
 */
participant: ParticipantId,
/**
 * The track's source.
 */
source: Source,
/**
 * The displayed height, in device pixels. 0: not displayed.
 */
height: number,
/**
 * Pinned by the user: comes before all tracks that are not.
 */
pinned: boolean, };

/**
 * A refused message or request: nothing else is lost.
 *
 * Displays as its sentence.
 */
export type Refusal = {
/**
 * The reason, for programs.
 */
code: RefusalCode,
/**
 * The reason in English, [`RefusalCode::sentence`]; clients translate the code.
 */
message: string,
/**
 * With [`RefusalCode::StaleHandshake`] and [`RefusalCode::StaleMessage`]: the log's current
 * handshake count.
 */
current: HandshakeCount | null,
/**
 * Seconds before a retry makes sense, where it does.
 */
retry_after_seconds: number | null,
/**
 * The refused submission, if it is one.
 */
message_id: MessageId | null, };

/**
 * The reason of a refusal, for programs.
 */
export type RefusalCode = "bad_message" | "too_large" | "too_fast" | "unsupported_version" | "bad_token" | "unknown_room" | "room_full" | "room_locked" | "denied" | "removed" | "server_full" | "resume_expired" | "superseded" | "stale_handshake" | "handshake_undecided" | "stale_message" | "not_allowed" | "log_full" | "bad_offer" | "media_unavailable" | "too_slow" | "storage_unavailable" | "shutting_down";

/**
 * The return of a participant whose socket broke.
 */
export type Resume = {
/**
 * The participant that returns.
 */
participant: ParticipantId,
/**
 * Given at the join.
 */
resume_token: Secret,
/**
 * The last delta it has seen.
 */
seq: Seq,
/**
 * The last log entry it has seen.
 */
position: LogPosition, };

/**
 * The action that a client can take after a refusal.
 */
export type Retry = "never" | "later" | "resend" | "rejoin";

/**
 * `POST /api/v1/rooms`
 */
export type RoomCreated = {
/**
 * The new room.
 */
room: RoomId,
/**
 * The key that makes its holder a host of the room. Sent this once.
 */
host_key: Secret, };

/**
 * A room's name on the wire: 16 bytes as 22 base64url characters. They are the first ones of the
 * SHA-256 of the room's host key, so that a host key can be checked wherever the room is known.
 */
export type RoomId = string;

/**
 * Membership of the room, and what has changed there.
 */
export type RoomMessage = { "type": "joined" } & Joined | { "type": "resumed",
/**
 * The room's newest delta.
 */
seq: Seq, } | { "type": "snapshot" } & Snapshot | { "type": "delta",
/**
 * Follows its predecessor without a gap.
 */
seq: Seq,
/**
 * The change.
 */
delta: Delta, } | { "type": "waiting" } | { "type": "lobby_participants",
/**
 * Replaces the previous list.
 */
lobby_participants: Array<LobbyParticipant>, } | { "type": "asked_to_mute",
/**
 * The host.
 */
by: ParticipantId, };

/**
 * The participants of a room as the server sees them.
 */
export type RoomSnapshot = {
/**
 * In join order.
 */
participants: Array<ParticipantState>,
/**
 * The join policy and the hosts.
 */
rules: Rules,
/**
 * Participants whose connection is broken, as reported by [`Delta::ConnectionChanged`].
 */
disconnected: Array<ParticipantId>, };

/**
 * The rules of a room, known to everyone in it. They last while the room has participants.
 */
export type Rules = {
/**
 * The join policy.
 */
join_policy: JoinPolicy,
/**
 * The participants that have shown the room's host key, in join order.
 */
hosts: Array<ParticipantId>, };

/**
 * A bearer secret of the signalling service (a join token, a resume token, a host key). Not readable in logs.
 */
export type Secret = string;

/**
 * The number of a delta in one room, from 1. Zero is "before the first".
 */
export type Seq = number;

/**
 * A message from the signalling service, grouped by the part of a client that reads it.
 *
 * On the wire the group is the field `topic`, and the message's own name the field `type`:
 * `{"topic": "media", "type": "answer", "sdp": "…"}`.
 */
export type ServerMessage = { "topic": "room" } & RoomMessage | { "topic": "log" } & LogMessage | { "topic": "media" } & MediaMessage | { "topic": "control" } & ControlMessage;

/**
 * Replaces the state of a client that missed deltas.
 */
export type Snapshot = {
/**
 * The newest delta that it includes.
 */
seq: Seq,
/**
 * The participants and the rules.
 */
room: RoomSnapshot,
/**
 * The log entries after the position in the client's last heartbeat. The client may have read
 * some of them already.
 */
log: LogReplay, };

/**
 * The source of a track, in the order of the key contexts of frame encryption.
 */
export type Source = "microphone" | "camera" | "screen" | "screen_audio";

/**
 * The change of the group that a handshake makes.
 */
export type Step = { "step": "create" } | { "step": "commit",
/**
 * An RFC 9420 `MLSMessage` that holds the Commit.
 */
commit: Opaque,
/**
 * An `MLSMessage` of type `mls_welcome`, if members were added; sent to those only.
 */
welcome: Opaque | null, };

/**
 * A client's submission: accepted whole, as one entry, or refused.
 */
export type Submission = {
/**
 * Made once per submission and kept when it is resent.
 */
message_id: MessageId,
/**
 * The handshake count it builds on; refused as stale if the log has moved on.
 */
expected: HandshakeCount,
/**
 * The members after it.
 */
roster: Array<ParticipantId>,
/**
 * The change of the group.
 */
step: Step, };

/**
 * The encodings of one of a participant's tracks that others receive.
 */
export type SubscribedQuality = {
/**
 * The track's source.
 */
source: Source,
/**
 * One per encoding, in the order of the offer's `a=simulcast` line (RFC 8853); a single one
 * for a track without it. What is not wanted need not be encoded or sent.
 */
wanted: Array<boolean>, };

/**
 * `POST /api/v1/rooms/{room}/tokens`
 */
export type TokenIssued = {
/**
 * For the hello.
 */
token: Secret,
/**
 * Time for which the token can be used to join, in seconds.
 */
expires_in_seconds: number,
/**
 * Servers that help media through where a direct way is barred; empty where none is set up.
 */
ice_servers: Array<IceServer>,
/**
 * Time for which their credentials can be used to start relaying, in seconds; relaying that has
 * started goes on.
 */
ice_servers_expire_in_seconds: number,
/**
 * Time for which the room is kept after its last join, in seconds; 0: while this server runs.
 */
room_kept_seconds: number, };

/**
 * The body of `POST /api/v1/rooms/{room}/tokens`; without one the token is a guest's.
 */
export type TokenRequest = {
/**
 * The key from [`RoomCreated`]; the token is then a host's.
 */
host_key: Secret | null, };

/**
 * One published track.
 */
export type Track = {
/**
 * The m-line of the publisher's offer that carries it (RFC 8843 `mid`).
 */
mid: string,
/**
 * The source.
 */
source: Source,
/**
 * Nothing is being sent just now.
 */
muted: boolean, };
