/**
 * A call, from the click on "join" to the end: ties the conversation with the server, the
 * encryption workers and the connection to the SFU together. The screen reads its signals.
 */

import { batch, computed, effect, signal } from '@preact/signals';
import type { Devices } from '../devices/devices';
import {
  CONTEXTS,
  type Context,
  type FromMedia,
  type FromMls,
  type Message,
  type Roster,
} from '../e2ee/messages';
import { EncryptionWorkers } from '../e2ee/workers';
import { list, type Sentence, sentence } from '../i18n/i18n';
import type { MeetingLink } from '../link';
import { PeerConnection, type Slot } from '../peer_connection/peer_connection';
import { Relays } from '../peer_connection/turn';
import type { PageMessage } from '../signaling/decode';
import { RefusedError } from '../signaling/http';
import { keepPlace, takePlace } from '../signaling/predecessor_store';
import type { Downlink, Predecessor, Refusal, Track } from '../signaling/protocol.gen';
import { SignalingSocket } from '../signaling/socket';
import { joinToken } from '../settings/host_keys';
import { settings } from '../settings/settings';
import { StatisticsWatch } from '../stats/statistics_poller';
import { arrivals } from './membership/roster_changes';
import { Away } from './membership/disconnected';
import { Comparison } from './membership/sas';
import { Conversation } from './chat/chat_outbox';
import { encryptionState } from './membership/encryption_state';
import { House } from './moderation/moderation';
import { Outsiders } from './membership/non_members';
import { follow, nobody, type Presence } from './membership/presence';
import { type Reception, videoSlots } from './media/receive_mode';
import { type Cause, isMendable, Rejoining } from './recovery/rejoin_policy';
import { ScreenShare } from './media/screen_share';
import { type Label, tiles } from './layout/tiles';
import { followRestart, type Restart } from './recovery/shutdown';
import { Notices, Toasts } from './notifications';
import { Voices } from './media/audio_levels';
import { Wishes } from './media/video_constraints';
import { doorSentence, failureSentence, problemSentence, refusalSentence } from './error_messages';

export type CallState =
  /** Agreeing on keys. */
  | { kind: 'joining' }
  /** Before the door, until a host opens it. */
  | { kind: 'waiting' }
  /** In the encrypted group. */
  | { kind: 'live' }
  /** Over, for a reason or by choice. */
  | { kind: 'ended'; why: Sentence | undefined };

export class Call {
  readonly state = signal<CallState>({ kind: 'joining' });
  /** The way to the server is broken and being mended. */
  readonly reconnecting = signal(false);
  readonly mediaConnected = signal(false);
  readonly roster = signal<Roster | undefined>(undefined);
  readonly presence = signal<Presence>(nobody);
  readonly labels = signal<ReadonlyMap<string, Label>>(new Map());
  readonly slots = signal<readonly Slot[]>([]);
  readonly reception = signal<Reception>('all');
  /** Participants who were not heard of for a while: the server may keep them apart from us. */
  readonly unconfirmed = signal<readonly number[]>([]);
  readonly away = new Away();
  readonly encryption = computed(() => {
    const excused = this.away.excused.value;
    const silent = this.unconfirmed.value.filter((one) => !excused.has(one));
    return encryptionState(this.roster.value, silent);
  });
  /** What the server has said of its end. */
  readonly restart = signal<Restart>('none');
  /** How the SFU sees the way to here, in kbit/s. */
  readonly downlink = signal<Downlink | undefined>(undefined);
  /** How long the server keeps the room once nobody enters it, in ms. */
  readonly kept = signal<number | undefined>(undefined);
  readonly opened = signal(0);
  readonly dropped = signal(0);
  readonly outsiders = new Outsiders();
  readonly tiles = computed(() =>
    tiles(this.roster.value, this.presence.value, this.labels.value, this.outsiders.lasting.value),
  );
  readonly ownLeaf = computed(() => this.roster.value?.members.find((one) => one.own)?.leaf);
  /** When the person came in, in ms. */
  readonly since = Date.now();

  readonly toasts = new Toasts();
  readonly notices = new Notices();
  readonly conversation = new Conversation(this.roster, (saying, content) => {
    if (this.state.value.kind === 'live') this.#workers?.say(saying, content);
  });
  readonly comparison = new Comparison({
    begin: () => this.#workers?.compare(),
    allSame: () => this.#workers?.allSame(),
    invited: () => this.notices.add(sentence('notice.sas')),
  });
  readonly house: House;
  readonly screen = new ScreenShare(() => {
    void this.#publish('screen');
    void this.#publish('screen_audio');
  });
  readonly wishes = new Wishes((wishes) =>
    this.#socket?.send({ type: 'receiver_video_constraints', constraints: wishes }),
  );
  readonly watch = new StatisticsWatch(() => this.#connection);
  readonly voices: Voices;

  #socket: SignalingSocket | undefined;
  #workers: EncryptionWorkers | undefined;
  #relays: Relays | undefined;
  #connection: PeerConnection | undefined;
  readonly #participant = signal(0);
  #retry: ReturnType<typeof setTimeout> | undefined;
  readonly #rejoining = new Rejoining();
  readonly #unsubscribe: (() => void)[] = [];
  /** Whose place this client takes when it joins. */
  #place: Predecessor | undefined;
  /** The identity will be the same; with another one nobody's place can be taken. */
  #lasting = false;

  constructor(
    readonly link: MeetingLink,
    readonly entry: { name: string; fragment: string },
    readonly devices: Devices,
  ) {
    this.#place = takePlace(link.room);
    this.house = new House(link, this.#participant, (message) => this.#socket?.send(message));
    this.voices = new Voices(devices.microphone, () => ({
      slots: this.slots.value,
      labels: this.labels.value,
      ownLeaf: this.ownLeaf.value,
      members: new Set(this.roster.value?.members.map((one) => one.leaf)),
    }));
    for (const source of ['microphone', 'camera'] as const) {
      const { track } = this.devices[source];
      this.#unsubscribe.push(track.subscribe(() => void this.#publish(source)));
    }
    this.#unsubscribe.push(
      effect(() => {
        // Without a group there is no outside.
        const members = this.roster.value?.members.map((one) => one.participant);
        const here = members === undefined ? [] : this.presence.value.keys();
        this.outsiders.follow(here, new Set(members));
      }),
      () => this.outsiders.follow([], new Set()),
      () => this.away.reset(),
    );
    const online = (): void => {
      if (this.#retry !== undefined) void this.#join();
      this.#socket?.networkChanged();
      void this.#connection?.networkChanged();
    };
    addEventListener('online', online);
    this.#unsubscribe.push(() => removeEventListener('online', online));
    void this.#join();
  }

  /** The person's own name. */
  get name(): string {
    return this.entry.name;
  }

  /** Ends the call by choice. */
  leave(): void {
    this.#end(undefined);
  }

  /** Ends the call with the page; if that is loaded anew, it comes back in its place. */
  pageHide(): void {
    const socket = this.#socket;
    if (this.#lasting && socket?.place !== undefined) {
      keepPlace(this.link.room, socket.place);
      socket.pageHide();
    }
    this.#end(undefined);
  }

  /** The code was compared with this member: it was the same, or that is taken back. */
  verify(leaf: number, verified: boolean): void {
    this.#workers?.verify(leaf, verified);
  }

  /** Receives this much from now on. */
  async receive(reception: Reception): Promise<void> {
    this.reception.value = reception;
    await Promise.all([
      this.devices.camera.small(reception !== 'all'),
      this.#connection?.receiveVideos(videoSlots(reception)),
    ]);
  }

  async #join(): Promise<void> {
    this.#dismantle();
    batch(() => {
      this.roster.value = undefined;
      this.presence.value = nobody;
      this.away.reset();
      this.labels.value = new Map();
      this.unconfirmed.value = [];
      this.downlink.value = undefined;
      this.comparison.forget();
      this.house.reset();
    });
    const workers = new EncryptionWorkers(
      {
        room: this.link.room,
        link: this.entry.fragment,
        name: this.entry.name,
        trace: settings.trace.value,
      },
      {
        mls: (message) => this.#fromMls(workers, message),
        media: (message) => this.#fromMedia(workers, message),
      },
    );
    this.#workers = workers;
    try {
      const issued = await joinToken(this.link.room);
      if (this.#workers !== workers) return;
      this.kept.value = issued.kept;
      this.#relays = new Relays(issued, () => joinToken(this.link.room));
      this.#socket = new SignalingSocket(
        issued.token,
        {
          message: (message, text) => this.#fromServer(message, text),
          reconnecting: () => (this.reconnecting.value = true),
          closed: (refusal) => this.#conversationOver(refusal),
        },
        this.#place,
      );
    } catch (error) {
      if (this.#workers !== workers) return;
      const refused = error instanceof RefusedError;
      if (refused && !isMendable(error.refusal)) this.#end(failureSentence(error));
      else if (!refused && !this.reconnecting.value) this.#end(failureSentence(error));
      else this.#rejoin(refused ? 'lost' : 'unreachable', failureSentence(error));
    }
  }

  #fromServer(message: PageMessage, text: string): void {
    const { join_policy: door } = this.house.rules.value;
    batch(() => {
      if (message.type === 'joined') this.#participant.value = message.participant;
      this.presence.value = follow(this.presence.value, message, this.#participant.value);
      this.away.hear(message, this.#participant.value);
      this.house.hear(message);
      this.restart.value = followRestart(this.restart.value, message, Date.now());
    });
    // What one finds on coming in is no news.
    const now = this.house.rules.value.join_policy;
    if (message.type === 'delta' && now !== door) this.toasts.add('other', doorSentence(now));
    switch (message.type) {
      case 'waiting':
        batch(() => {
          this.reconnecting.value = false;
          this.state.value = { kind: 'waiting' };
        });
        void this.house.knock(this.name);
        break;
      case 'joined':
        this.state.value = { kind: 'joining' };
        this.reconnecting.value = false;
        this.#workers?.server(text);
        this.#connect(message.slots);
        this.wishes.tell();
        break;
      case 'resumed':
        this.reconnecting.value = false;
        this.#workers?.server(text);
        // Whatever was said into the broken socket is said again.
        this.#announce();
        this.wishes.tell();
        if (this.#connection?.unanswered) void this.#connection.offer(true);
        break;
      case 'snapshot':
      case 'commit_pending':
      case 'commit_rejected':
        this.#workers?.server(text);
        break;
      case 'delta':
        if (message.delta.change === 'log' || message.delta.change === 'message') {
          this.#workers?.server(text);
        }
        break;
      case 'answer':
        this.#connection
          ?.answer(message.sdp)
          .catch(() => this.notices.add(sentence('notice.media_failed')));
        break;
      case 'media_lost':
        void this.#connection?.renew();
        break;
      case 'subscribed_quality':
        this.#connection?.want(message.source, message.wanted);
        break;
      case 'downlink':
        this.downlink.value = message;
        break;
      case 'refused':
        this.#workers?.server(text);
        // What is stale is the worker's to mend; anything else concerns the person.
        if (!/^(stale|handshake)_/.test(message.refusal.code)) {
          this.notices.add(refusalSentence(message.refusal));
        }
        break;
      case 'heartbeat_echo':
      case 'lobby_participants':
      case 'asked_to_mute':
      case 'shutdown_notice':
      case 'shutdown_cancelled':
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
        this.#rejoining.succeeded();
        this.#members(message.roster);
        break;
      case 'said':
        this.conversation.said(message.saying, message.id);
        break;
      case 'unsaid':
        this.conversation.unsaid(message.saying);
        this.notices.add(sentence('notice.message_not_sent'));
        break;
      case 'message':
        this.#handRaised(message.message);
        this.conversation.read(message.message);
        break;
      case 'unconfirmed':
        this.unconfirmed.value = message.participants;
        break;
      case 'comparison':
        this.comparison.follow(message.comparison);
        break;
      case 'problem':
        this.notices.add(problemSentence(message.code));
        break;
      case 'trace':
        // Asked for by a setting; a console is where whoever debugs a meeting looks.
        // oxlint-disable-next-line no-console
        console.debug(message.line);
        break;
      case 'rejoin':
        this.#rejoin('lost', sentence('ended.encryption_lost'));
        break;
      case 'failed':
        this.#end(sentence('ended.encryption_failed'));
        break;
      case 'ready':
        this.#lasting = message.lasting;
        break;
    }
  }

  /** The members of a new epoch. */
  #members(roster: Roster): void {
    const first = this.state.value.kind !== 'live';
    const { came, went } = arrivals(this.roster.value, roster);
    batch(() => {
      this.roster.value = roster;
      this.state.value = { kind: 'live' };
      this.conversation.members(roster.members.map((one) => one.participant));
      if (came.length > 0)
        this.toasts.add(
          'came',
          sentence('toast.joined', { names: list(came), count: came.length }),
        );
      if (went.length > 0)
        this.toasts.add('went', sentence('toast.left', { names: list(went), count: went.length }));
    });
    if (first) this.conversation.sayAgain();
  }

  /** Says whose hand goes up; one's own is no news. */
  #handRaised({ participant, content }: Message): void {
    if (content.kind !== 'hand' || !content.raised) return;
    if (this.conversation.chat.value.hands.includes(participant)) return;
    const who = this.roster.value?.members.find((one) => one.participant === participant);
    if (who === undefined || who.own) return;
    this.toasts.add('other', sentence('toast.hand', { name: who.name }));
  }

  #fromMedia(from: EncryptionWorkers, message: FromMedia): void {
    if (from !== this.#workers) return;
    switch (message.type) {
      case 'label': {
        const labels = new Map(this.labels.value);
        // The newest comes last.
        labels.delete(message.slot);
        labels.set(message.slot, { leaf: message.leaf, context: message.context });
        this.labels.value = labels;
        break;
      }
      case 'key_frame':
        this.#connection?.keyFrame(message.context);
        break;
      case 'counters': {
        const all = Object.values(message.slots);
        // What comes twice has been shown once: the SFU finds out what a line carries by sending
        // again what it has sent.
        const reasons = all.flatMap((one) => Object.entries(one.dropped));
        const lost = reasons.flatMap(([reason, frames]) => (reason === 'replay' ? [] : [frames]));
        batch(() => {
          this.opened.value = all.reduce((sum, one) => sum + one.opened, 0);
          this.dropped.value = lost.reduce((sum, one) => sum + one, 0);
        });
        break;
      }
      case 'failed':
        this.#end(sentence('ended.encryption_failed'));
        break;
    }
  }

  #connect(slots: { audio: number; video: number }): void {
    const [workers, relays] = [this.#workers, this.#relays];
    if (workers === undefined || relays === undefined) return;
    const connection = new PeerConnection(slots, workers, relays, {
      offer: (sdp) => {
        this.#socket?.send({ type: 'offer', sdp });
        this.#announce();
      },
      connected: (connected) => (this.mediaConnected.value = connected),
    });
    this.#connection = connection;
    this.slots.value = connection.slots;
    for (const source of CONTEXTS) void connection.send(source, this.#track(source));
    void connection.receiveVideos(videoSlots(this.reception.value));
    connection.offer().catch(() => this.#end(sentence('notice.media_failed')));
  }

  #track(source: Context): MediaStreamTrack | undefined {
    switch (source) {
      case 'microphone':
      case 'camera':
        return this.devices[source].track.value;
      case 'screen':
        return this.screen.video;
      case 'screen_audio':
        return this.screen.audio;
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

  #conversationOver(refusal: Refusal | undefined): void {
    const why = refusal === undefined ? sentence('refusal.unreachable') : refusalSentence(refusal);
    if (!isMendable(refusal)) this.#end(why);
    else this.#rejoin(refusal === undefined ? 'unreachable' : 'lost', why, refusal);
  }

  /** Comes in again, as somebody new: the old keys are gone. */
  #rejoin(cause: Cause, why: Sentence, refusal?: Refusal): void {
    if (this.state.value.kind === 'ended') return;
    this.#dismantle();
    const wait = this.#rejoining.next(cause, refusal);
    if (wait === undefined) {
      this.#end(why);
      return;
    }
    batch(() => {
      this.reconnecting.value = true;
      this.state.value = { kind: 'joining' };
    });
    this.#retry = setTimeout(() => void this.#join(), wait);
  }

  #end(why: Sentence | undefined): void {
    if (this.state.value.kind === 'ended') return;
    this.#socket?.leave();
    this.#dismantle();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.screen.end();
    this.watch.stop();
    this.wishes.stop();
    this.voices.stop();
    this.devices.stop();
    batch(() => {
      this.reconnecting.value = false;
      this.state.value = { kind: 'ended', why };
    });
  }

  #dismantle(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.#lasting) this.#place = this.#socket?.place ?? this.#place;
    this.#socket?.stop();
    this.#socket = undefined;
    this.#connection?.close();
    this.#connection = undefined;
    this.#workers?.terminate();
    this.#workers = undefined;
  }
}
