/**
 * A call, from the click on "join" to the end: ties the conversation with the server, the
 * encryption workers and the connection to the SFU together. The screen reads its signals.
 */

import { batch, computed, signal } from '@preact/signals';
import type { Devices } from '../devices/devices';
import {
  CONTEXTS,
  type Content,
  type Context,
  type FromMedia,
  type FromMls,
  type Message,
  type Roster,
} from '../e2ee/messages';
import { EncryptionWorkers } from '../e2ee/workers';
import type { MeetingLink } from '../link';
import { PeerConnection, type Slot } from '../peer_connection/peer_connection';
import type { PageMessage } from '../signaling/decode';
import { issueToken, RefusedError } from '../signaling/http';
import type { Refusal, Track } from '../signaling/protocol.gen';
import { SignalingSocket } from '../signaling/socket';
import { quiet, REACTION_MS, read, said, sending, settle, stay, unsaid, type Chat } from './chat';
import { encryptionState } from './encryption';
import { follow, nobody, type Presence } from './presence';
import { type Label, tiles } from './tiles';

export type CallState =
  /** Asking to be let in. */
  | { kind: 'joining' }
  /** In the encrypted group. */
  | { kind: 'live' }
  /** Over, for a reason or by choice. */
  | { kind: 'ended'; why: string | undefined };

/** Others are here, but nobody lets us in: after so long the link is the likely reason. */
const ADMISSION_MS = 8000;
/** Joins in a row that did not become a call before it is given up. */
const REJOINS = 5;

export class Call {
  readonly state = signal<CallState>({ kind: 'joining' });
  /** The way to the server is broken and being mended. */
  readonly reconnecting = signal(false);
  readonly mediaConnected = signal(false);
  readonly roster = signal<Roster | undefined>(undefined);
  readonly presence = signal<Presence>(nobody);
  readonly labels = signal<ReadonlyMap<string, Label>>(new Map());
  readonly slots = signal<readonly Slot[]>([]);
  /** Sentences that concern this person, newest last. */
  readonly notices = signal<readonly string[]>([]);
  /** What was said while one is here. */
  readonly chat = signal<Chat>(quiet);
  /** Participants who were not heard of for a while: the server may keep them apart from us. */
  readonly unconfirmed = signal<readonly number[]>([]);
  readonly encryption = computed(() => encryptionState(this.roster.value, this.unconfirmed.value));
  readonly handRaised = computed(() => {
    const self = this.roster.value?.members.find((member) => member.own);
    return self !== undefined && this.chat.value.hands.includes(self.participant);
  });
  readonly sharing = signal<MediaStream | undefined>(undefined);
  readonly opened = signal(0);
  readonly dropped = signal(0);
  readonly tiles = computed(() => tiles(this.roster.value, this.presence.value, this.labels.value));

  #socket: SignalingSocket | undefined;
  #workers: EncryptionWorkers | undefined;
  #connection: PeerConnection | undefined;
  #participant = 0;
  #admission: ReturnType<typeof setTimeout> | undefined;
  #rejoins = 0;
  #saying = 0;
  /** What was said and is not read back yet. */
  readonly #unread = new Map<number, { content: Content; id: string | undefined }>();
  #unsubscribe: (() => void)[] = [];

  constructor(
    readonly link: MeetingLink,
    readonly name: string,
    readonly devices: Devices,
  ) {
    for (const source of ['microphone', 'camera'] as const) {
      const { track } = this.devices[source];
      this.#unsubscribe.push(track.subscribe(() => void this.#publish(source)));
    }
    void this.#join();
  }

  /** Ends the call by choice. */
  leave(): void {
    this.#end(undefined);
  }

  dismissNotice(index: number): void {
    this.notices.value = this.notices.value.filter((_, at) => at !== index);
  }

  /** Says something to all members. What is under way when the encryption begins anew is said
   * again. */
  say(content: Content): void {
    this.#saying += 1;
    this.#unread.set(this.#saying, { content, id: undefined });
    this.chat.value = sending(this.chat.value, this.#saying, content, Date.now());
    if (this.state.value.kind === 'live') this.#workers?.say(this.#saying, content);
  }

  /** The code was compared with this member: it was the same, or that is taken back. */
  verify(leaf: number, verified: boolean): void {
    this.#workers?.verify(leaf, verified);
  }

  /** Shares a screen or a window, with its sound where the browser gives it. */
  async shareScreen(): Promise<void> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: true });
    } catch {
      // The person chose nothing.
      return;
    }
    if (this.state.value.kind === 'ended') {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    stream.getVideoTracks()[0]?.addEventListener('ended', () => void this.stopSharing());
    this.sharing.value = stream;
    await Promise.all([this.#publish('screen'), this.#publish('screen_audio')]);
  }

  async stopSharing(): Promise<void> {
    for (const track of this.sharing.value?.getTracks() ?? []) track.stop();
    this.sharing.value = undefined;
    await Promise.all([this.#publish('screen'), this.#publish('screen_audio')]);
  }

  async #join(): Promise<void> {
    this.#dismantle();
    batch(() => {
      this.roster.value = undefined;
      this.presence.value = nobody;
      this.labels.value = new Map();
      this.unconfirmed.value = [];
    });
    const workers = new EncryptionWorkers(
      { room: this.link.room, link: this.link.fragment, name: this.name },
      {
        mls: (message) => this.#fromMls(workers, message),
        media: (message) => this.#fromMedia(workers, message),
      },
    );
    this.#workers = workers;
    try {
      const token = await issueToken(this.link.room);
      if (this.#workers !== workers) return;
      this.#socket = new SignalingSocket(token, {
        message: (message, text) => this.#fromServer(message, text),
        reconnecting: () => (this.reconnecting.value = true),
        closed: (refusal) => this.#conversationOver(refusal),
      });
    } catch (error) {
      if (this.#workers !== workers) return;
      if (error instanceof RefusedError || this.#rejoins === 0) this.#end(sentence(error));
      else this.#rejoin(sentence(error));
    }
  }

  #fromServer(message: PageMessage, text: string): void {
    this.presence.value = follow(this.presence.value, message, this.#participant);
    switch (message.type) {
      case 'joined':
        this.#participant = message.participant;
        this.reconnecting.value = false;
        this.#workers?.server(text);
        this.#connect(message.slots);
        this.#awaitAdmission();
        break;
      case 'resumed':
        this.reconnecting.value = false;
        this.#workers?.server(text);
        // Whatever was said into the broken socket is said again.
        this.#announce();
        if (this.#connection?.unanswered) void this.#connection.offer(true);
        break;
      case 'snapshot':
        this.#workers?.server(text);
        break;
      case 'delta':
        if (message.delta.change === 'log' || message.delta.change === 'message') {
          this.#workers?.server(text);
        }
        break;
      case 'answer':
        this.#connection?.answer(message.sdp).catch((error: unknown) => {
          this.#notice(`The connection for media could not be made: ${sentence(error)}`);
        });
        break;
      case 'media_lost':
        void this.#connection?.offer(true);
        break;
      case 'refused':
        this.#workers?.server(text);
        // What is stale is the worker's to mend; anything else concerns the person.
        if (!message.refusal.code.startsWith('stale_')) this.#notice(message.refusal.message);
        break;
      case 'heartbeat_echo':
      case 'closing':
        break;
    }
  }

  #fromMls(from: EncryptionWorkers, message: FromMls): void {
    if (from !== this.#workers) return;
    switch (message.type) {
      case 'send':
        this.#socket?.sendText(message.text);
        break;
      case 'roster':
        clearTimeout(this.#admission);
        this.#rejoins = 0;
        this.#members(message.roster);
        break;
      case 'said': {
        const unread = this.#unread.get(message.saying);
        if (unread !== undefined) unread.id = message.id;
        this.chat.value = said(this.chat.value, message.saying, message.id);
        break;
      }
      case 'unsaid':
        this.#unread.delete(message.saying);
        this.chat.value = unsaid(this.chat.value, message.saying);
        this.#notice(message.message);
        break;
      case 'message':
        this.#read(message.message);
        break;
      case 'unconfirmed':
        this.unconfirmed.value = message.participants;
        break;
      case 'problem':
        this.#notice(message.message);
        break;
      case 'rejoin':
        this.#rejoin(message.reason);
        break;
      case 'failed':
        this.#end(message.message);
        break;
      case 'ready':
        break;
    }
  }

  /** The members of a new epoch. */
  #members(roster: Roster): void {
    const first = this.state.value.kind !== 'live';
    batch(() => {
      this.roster.value = roster;
      this.state.value = { kind: 'live' };
      this.chat.value = stay(
        this.chat.value,
        roster.members.map((one) => one.participant),
      );
    });
    if (!first) return;
    for (const [saying, unread] of this.#unread) {
      unread.id = undefined;
      this.#workers?.say(saying, unread.content);
    }
  }

  #read(message: Message): void {
    for (const [saying, { id }] of this.#unread) {
      if (id === message.id) this.#unread.delete(saying);
    }
    this.chat.value = read(this.chat.value, message, Date.now());
    if (message.content.kind !== 'reaction') return;
    setTimeout(() => (this.chat.value = settle(this.chat.value, Date.now())), REACTION_MS);
  }

  #fromMedia(from: EncryptionWorkers, message: FromMedia): void {
    if (from !== this.#workers) return;
    switch (message.type) {
      case 'label': {
        const labels = new Map(this.labels.value);
        labels.set(message.slot, { leaf: message.leaf, context: message.context });
        this.labels.value = labels;
        break;
      }
      case 'key_frame':
        void this.#connection?.keyFrame(message.context);
        break;
      case 'counters': {
        const all = Object.values(message.slots);
        const lost = all.flatMap((one) => Object.values(one.dropped));
        batch(() => {
          this.opened.value = all.reduce((sum, one) => sum + one.opened, 0);
          this.dropped.value = lost.reduce((sum, one) => sum + one, 0);
        });
        break;
      }
      case 'failed':
        this.#end(message.message);
        break;
    }
  }

  #connect(slots: { audio: number; video: number }): void {
    const workers = this.#workers;
    if (workers === undefined) return;
    const connection = new PeerConnection(slots, workers, {
      offer: (sdp) => {
        this.#socket?.send({ type: 'offer', sdp });
        this.#announce();
      },
      connected: (connected) => (this.mediaConnected.value = connected),
    });
    this.#connection = connection;
    this.slots.value = connection.slots;
    for (const source of CONTEXTS) void connection.send(source, this.#track(source));
    connection.offer().catch((error: unknown) => this.#end(sentence(error)));
  }

  #track(source: Context): MediaStreamTrack | undefined {
    switch (source) {
      case 'microphone':
      case 'camera':
        return this.devices[source].track.value;
      case 'screen':
        return this.sharing.value?.getVideoTracks()[0];
      case 'screen_audio':
        return this.sharing.value?.getAudioTracks()[0];
    }
  }

  async #publish(source: Context): Promise<void> {
    await this.#connection?.send(source, this.#track(source));
    this.#announce();
  }

  #announce(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const tracks = CONTEXTS.map((source) => {
      const off = this.#track(source) === undefined;
      const shared = source === 'screen' || source === 'screen_audio';
      return shared && off ? undefined : connection.announcement(source, off);
    }).filter((track): track is Track => track !== undefined);
    this.#socket?.send({ type: 'set_tracks', tracks });
  }

  #awaitAdmission(): void {
    clearTimeout(this.#admission);
    this.#admission = setTimeout(() => {
      if (this.state.value.kind !== 'joining' || this.presence.value.size === 0) return;
      this.#notice(
        'Nobody in the meeting could let you in yet. The link may be incomplete or wrong: ask for it again.',
      );
    }, ADMISSION_MS);
  }

  #conversationOver(refusal: Refusal | undefined): void {
    switch (refusal?.code) {
      case undefined:
      case 'resume_expired':
      case 'shutting_down':
      case 'storage_unavailable':
      case 'too_slow':
      case 'bad_token':
        this.#rejoin(refusal?.message ?? 'The server cannot be reached.', refusal);
        break;
      default:
        this.#end(refusal?.message);
    }
  }

  /** Comes in again, as somebody new: the old keys are gone. */
  #rejoin(why: string, refusal?: Refusal): void {
    if (this.state.value.kind === 'ended') return;
    this.#dismantle();
    this.#rejoins += 1;
    if (this.#rejoins > REJOINS) {
      this.#end(why);
      return;
    }
    batch(() => {
      this.reconnecting.value = true;
      this.state.value = { kind: 'joining' };
    });
    const wait = Math.max((refusal?.retry_after_seconds ?? 0) * 1000, this.#rejoins * 500);
    setTimeout(() => {
      if (this.state.value.kind !== 'ended') void this.#join();
    }, wait);
  }

  #notice(text: string): void {
    const known = this.notices.value;
    if (!known.includes(text)) this.notices.value = [...known.slice(-3), text];
  }

  #end(why: string | undefined): void {
    if (this.state.value.kind === 'ended') return;
    this.#socket?.leave();
    this.#dismantle();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const track of this.sharing.value?.getTracks() ?? []) track.stop();
    this.devices.stop();
    batch(() => {
      this.reconnecting.value = false;
      this.state.value = { kind: 'ended', why };
    });
  }

  #dismantle(): void {
    clearTimeout(this.#admission);
    this.#socket?.stop();
    this.#socket = undefined;
    this.#connection?.close();
    this.#connection = undefined;
    this.#workers?.terminate();
    this.#workers = undefined;
  }
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
