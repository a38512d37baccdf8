/**
 * A call from the click on "join" to its end. Coordinates the connection to the server and the parts
 * that own the call's state; components read their signals and call their methods.
 */

import { batch, computed, type ReadonlySignal, signal } from '@preact/signals';
import type { Devices } from '../devices/devices';
import type { FromMedia, FromMls, Roster } from '../e2ee/messages';
import { list, type Sentence, sentence } from '../i18n/i18n';
import type { MeetingLink } from '../link';
import type { ControlMessage, RoomMessage, ServerMessage, Slots } from '../signaling/decode';
import { RefusedError } from '../signaling/http';
import { storePredecessor, takePredecessor } from '../signaling/predecessor_store';
import type { ClientMessage, Predecessor, Refusal } from '../signaling/protocol.gen';
import { joinToken } from '../settings/host_keys';
import { settings } from '../settings/settings';
import { Chat } from './chat/chat';
import { CallConnection, type ConnectionEvents } from './connection';
import {
  encryptionProblemSentence,
  failureSentence,
  isHandledByEncryption,
  refusalSentence,
} from './error_messages';
import { buildTiles } from './layout/tiles';
import { AudioLevels } from './media/audio_levels';
import { CallMedia } from './media/call_media';
import { Membership } from './membership/membership';
import { SasVerification } from './membership/sas';
import { RoomModeration } from './moderation/moderation';
import { joinPolicySentence } from './moderation/rules';
import { Notices, Toasts } from './notifications';
import { isRetryable, type RejoinCause, RejoinPolicy } from './recovery/rejoin_policy';
import { ShutdownNotice } from './recovery/shutdown';

export type CallState =
  /** Agreeing on keys. */
  | { kind: 'joining' }
  /** In the lobby, until a host admits this participant. */
  | { kind: 'waiting' }
  /** In the encrypted group. */
  | { kind: 'live' }
  /** Ended, for a reason or by choice. */
  | { kind: 'ended'; why: Sentence | undefined };

export class Call {
  readonly #state = signal<CallState>({ kind: 'joining' });
  readonly #reconnecting = signal(false);
  readonly #roomKeptMs = signal<number | undefined>(undefined);

  readonly state: ReadonlySignal<CallState> = this.#state;
  /** The connection to the server is lost and being restored. */
  readonly reconnecting: ReadonlySignal<boolean> = this.#reconnecting;
  /** How long the server keeps the room without participants, in ms. */
  readonly roomKeptMs: ReadonlySignal<number | undefined> = this.#roomKeptMs;
  /** When the call was started, in ms. */
  readonly startedAt = Date.now();

  readonly toasts = new Toasts();
  readonly notices = new Notices();
  readonly membership = new Membership();
  readonly media: CallMedia;
  readonly audioLevels: AudioLevels;
  readonly moderation: RoomModeration;
  readonly #shutdownNotice = new ShutdownNotice();
  readonly shutdown = this.#shutdownNotice.shutdown;
  readonly chat = new Chat(this.membership.roster, {
    send: (sendId, content) => {
      if (this.#state.value.kind === 'live') this.#connection?.workers.sendMessage(sendId, content);
    },
    handRaised: (name) => this.toasts.add('other', sentence('toast.hand', { name })),
  });
  readonly sas = new SasVerification({
    start: () => this.#connection?.workers.startSas(),
    confirm: () => this.#connection?.workers.confirmSas(),
    invited: () => this.notices.add(sentence('notice.sas')),
  });
  readonly tiles = computed(() =>
    buildTiles(
      this.membership.roster.value,
      this.membership.presence.value,
      this.media.received.labels.value,
      this.membership.nonMembers.overdue.value,
    ),
  );

  #connection: CallConnection | undefined;
  #rejoinTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #rejoinPolicy = new RejoinPolicy();
  /** The participant that the next join replaces. */
  #predecessor: Predecessor | undefined;
  /** The identity key is stored. A client with another key cannot replace a participant. */
  #identityStored = false;
  readonly #connectionEvents: ConnectionEvents = {
    tokenIssued: ({ roomKeptMs }) => (this.#roomKeptMs.value = roomKeptMs),
    joinFailed: (error) => this.#handleJoinFailure(error),
    serverMessage: (message, text) => this.#handleServerMessage(message, text),
    mlsMessage: (message) => this.#handleMlsMessage(message),
    mediaWorkerMessage: (message) => this.#handleMediaWorkerMessage(message),
    reconnecting: () => (this.#reconnecting.value = true),
    closed: (refusal) => this.#handleClosed(refusal),
  };
  readonly #handleOnline = (): void => {
    if (this.#rejoinTimer !== undefined) this.#join();
    this.#connection?.handleNetworkChange();
    void this.media.handleNetworkChange();
  };

  constructor(
    readonly link: MeetingLink,
    readonly entry: { name: string; fragment: string },
    readonly devices: Devices,
  ) {
    const send = (message: ClientMessage): void => this.#connection?.send(message);
    this.#predecessor = takePredecessor(link.room);
    this.moderation = new RoomModeration(link, this.membership.ownParticipant, {
      send,
      joinPolicyChanged: (joinPolicy) => this.toasts.add('other', joinPolicySentence(joinPolicy)),
    });
    this.media = new CallMedia(devices, {
      send,
      connectFailed: () => this.#end(sentence('notice.media_failed')),
      answerFailed: () => this.notices.add(sentence('notice.media_failed')),
    });
    this.audioLevels = new AudioLevels(devices.microphone, {
      slots: this.media.slots,
      labels: this.media.received.labels,
      ownLeaf: this.membership.ownLeaf,
      leaves: this.membership.leaves,
    });
    addEventListener('online', this.#handleOnline);
    this.#join();
  }

  /** Returns the person's own name. */
  get name(): string {
    return this.entry.name;
  }

  /** Ends the call by choice. */
  leave(): void {
    this.#end(undefined);
  }

  /** Ends the call with the page. If the page is reloaded, it replaces this participant. */
  handlePageHide(): void {
    const predecessor = this.#connection?.predecessorForRejoin;
    if (this.#identityStored && predecessor !== undefined) {
      storePredecessor(this.link.room, predecessor);
      this.#connection?.handlePageHide();
    }
    this.#end(undefined);
  }

  /** Pins the identity key of a leaf after its code was compared, or unpins it. */
  setVerified(leaf: number, verified: boolean): void {
    this.#connection?.workers.setVerified(leaf, verified);
  }

  /** Joins the room with new keys; the first time, and after the call was lost. */
  #join(): void {
    this.#disconnect();
    batch(() => {
      this.membership.reset();
      this.media.reset();
      this.sas.reset();
      this.moderation.reset();
    });
    const { room } = this.link;
    this.#connection = new CallConnection(
      {
        room,
        link: this.entry.fragment,
        name: this.name,
        trace: settings.trace.value,
        predecessor: this.#predecessor,
        issueToken: () => joinToken(room),
      },
      this.#connectionEvents,
    );
  }

  #handleJoinFailure(error: unknown): void {
    const why = failureSentence(error);
    const refused = error instanceof RefusedError;
    // A first join that cannot reach the server ends the call; a rejoin is tried again.
    const retry = refused ? isRetryable(error.refusal) : this.#reconnecting.value;
    if (retry) this.#rejoin(refused ? 'lost' : 'unreachable', why);
    else this.#end(why);
  }

  /** Passes a message of the server to the parts that read its topic. */
  #handleServerMessage(message: ServerMessage, text: string): void {
    switch (message.topic) {
      case 'room':
        batch(() => {
          this.membership.handleRoomMessage(message);
          this.moderation.handleRoomMessage(message);
          this.#shutdownNotice.handleRoomMessage(message);
        });
        this.#handleRoomMessage(message, text);
        break;
      case 'log':
        this.#connection?.workers.handleServerMessage(text);
        break;
      case 'media':
        this.media.handleMediaMessage(message);
        break;
      case 'control':
        this.moderation.handleControlMessage(message);
        this.#shutdownNotice.handleControlMessage(message, Date.now());
        this.#handleControlMessage(message, text);
        break;
    }
  }

  /** Connects after a join, and passes the log on to the encryption. */
  #handleRoomMessage(message: RoomMessage, text: string): void {
    switch (message.type) {
      case 'waiting':
        batch(() => {
          this.#reconnecting.value = false;
          this.#state.value = { kind: 'waiting' };
        });
        void this.moderation.knock(this.name);
        break;
      case 'joined':
        this.#state.value = { kind: 'joining' };
        this.#reconnecting.value = false;
        this.#connection?.workers.handleServerMessage(text);
        this.#connectMedia(message.slots);
        break;
      case 'resumed':
        this.#reconnecting.value = false;
        this.#connection?.workers.handleServerMessage(text);
        this.media.handleResumed();
        break;
      case 'snapshot':
        this.#connection?.workers.handleServerMessage(text);
        break;
      case 'delta':
        if (message.delta.change === 'log' || message.delta.change === 'message') {
          this.#connection?.workers.handleServerMessage(text);
        }
        break;
      default:
        break;
    }
  }

  #connectMedia(slots: Slots): void {
    const { workers, turn } = this.#connection ?? {};
    if (workers !== undefined && turn !== undefined) this.media.connect(slots, workers, turn);
  }

  #handleControlMessage(message: ControlMessage, text: string): void {
    if (message.type !== 'refused') return;
    this.#connection?.workers.handleServerMessage(text);
    if (!isHandledByEncryption(message.refusal)) {
      this.notices.add(refusalSentence(message.refusal));
    }
  }

  #handleMlsMessage(message: FromMls): void {
    switch (message.type) {
      case 'ready':
        this.#identityStored = message.identityStored;
        break;
      case 'send':
        this.#connection?.sendText(message.text);
        break;
      case 'roster':
        this.#rejoinPolicy.reset();
        this.#handleRoster(message.roster);
        break;
      case 'message':
        this.chat.handleMessage(message.message);
        break;
      case 'message_sent':
        this.chat.handleSent(message.sendId, message.id);
        break;
      case 'message_failed':
        this.chat.handleSendFailed(message.sendId);
        this.notices.add(sentence('notice.message_not_sent'));
        break;
      case 'unconfirmed':
        this.membership.handleUnconfirmed(message.participants);
        break;
      case 'sas':
        this.sas.handleProgress(message.state);
        break;
      case 'problem':
        this.notices.add(encryptionProblemSentence(message.code));
        break;
      case 'trace':
        // Enabled by a setting, for debugging.
        // oxlint-disable-next-line no-console
        console.debug(message.line);
        break;
      case 'rejoin':
        this.#rejoin('lost', sentence('ended.encryption_lost'));
        break;
      case 'failed':
        this.#end(sentence('ended.encryption_failed'));
        break;
    }
  }

  #handleMediaWorkerMessage(message: FromMedia): void {
    if (message.type === 'failed') this.#end(sentence('ended.encryption_failed'));
    else this.media.handleWorkerMessage(message);
  }

  /** Takes the members of a new epoch; with the first one the call is live. */
  #handleRoster(roster: Roster): void {
    const first = this.#state.value.kind !== 'live';
    batch(() => {
      const { joined, left } = this.membership.handleRoster(roster);
      this.#state.value = { kind: 'live' };
      this.chat.handleMembers(roster.members.map((one) => one.participant));
      if (joined.length > 0) {
        const values = { names: list(joined), count: joined.length };
        this.toasts.add('joined', sentence('toast.joined', values));
      }
      if (left.length > 0) {
        const values = { names: list(left), count: left.length };
        this.toasts.add('left', sentence('toast.left', values));
      }
    });
    if (first) this.chat.resend();
  }

  #handleClosed(refusal: Refusal | undefined): void {
    const why = refusal === undefined ? sentence('refusal.unreachable') : refusalSentence(refusal);
    if (!isRetryable(refusal)) this.#end(why);
    else this.#rejoin(refusal === undefined ? 'unreachable' : 'lost', why, refusal);
  }

  /** Joins again as a new participant, with new keys, after a delay. */
  #rejoin(cause: RejoinCause, why: Sentence, refusal?: Refusal): void {
    if (this.#state.value.kind === 'ended') return;
    this.#disconnect();
    const delay = this.#rejoinPolicy.nextDelay(cause, refusal);
    if (delay === undefined) {
      this.#end(why);
      return;
    }
    batch(() => {
      this.#reconnecting.value = true;
      this.#state.value = { kind: 'joining' };
    });
    this.#rejoinTimer = setTimeout(() => this.#join(), delay);
  }

  #end(why: Sentence | undefined): void {
    if (this.#state.value.kind === 'ended') return;
    this.#connection?.leave();
    this.#disconnect();
    removeEventListener('online', this.#handleOnline);
    this.membership.stop();
    this.audioLevels.stop();
    this.media.stop();
    batch(() => {
      this.#reconnecting.value = false;
      this.#state.value = { kind: 'ended', why };
    });
  }

  /** Drops the connection, with every key, and the media. */
  #disconnect(): void {
    clearTimeout(this.#rejoinTimer);
    this.#rejoinTimer = undefined;
    if (this.#identityStored) {
      this.#predecessor = this.#connection?.predecessorForRejoin ?? this.#predecessor;
    }
    this.#connection?.close();
    this.#connection = undefined;
    this.media.disconnect();
  }
}
