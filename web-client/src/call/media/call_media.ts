/** Owns the media of a call: the connection to the SFU across rejoins, what is published on it, and
 * what is received. */

import { type ReadonlySignal, signal } from '@preact/signals';
import type { Devices } from '../../devices/devices';
import { CONTEXTS, type Context, type FromMedia } from '../../e2ee/messages';
import type { EncryptionWorkers } from '../../e2ee/workers';
import { PeerConnection, type Slot } from '../../peer_connection/peer_connection';
import type { TurnServers } from '../../peer_connection/turn';
import type { MediaMessage, Slots } from '../../signaling/decode';
import type {
  ClientMessage,
  Downlink,
  ReceiverVideoConstraint,
} from '../../signaling/protocol.gen';
import { StatisticsPoller } from '../../stats/statistics_poller';
import { PublishedTracks } from './published_tracks';
import { type ReceiveMode, videoSlots } from './receive_mode';
import { ReceivedFrames } from './received_frames';
import { ScreenShare } from './screen_share';
import { VideoConstraintSender } from './video_constraints';

export interface CallMediaEvents {
  send(message: ClientMessage): void;
  /** The first offer could not be made. */
  connectFailed(): void;
  /** The browser rejected the SFU's answer. */
  answerFailed(): void;
}

export class CallMedia {
  readonly #connected = signal(false);
  readonly #slots = signal<readonly Slot[]>([]);
  readonly #receiveMode = signal<ReceiveMode>('all');
  readonly #downlink = signal<Downlink | undefined>(undefined);
  readonly #constraints: VideoConstraintSender;
  readonly #published: PublishedTracks;
  readonly #poller = new StatisticsPoller(() => this.#connection);
  readonly #unsubscribe: (() => void)[] = [];
  #connection: PeerConnection | undefined;

  readonly connected: ReadonlySignal<boolean> = this.#connected;
  readonly slots: ReadonlySignal<readonly Slot[]> = this.#slots;
  readonly receiveMode: ReadonlySignal<ReceiveMode> = this.#receiveMode;
  /** The SFU's view of the bandwidth to this client, in kbit/s. */
  readonly downlink: ReadonlySignal<Downlink | undefined> = this.#downlink;
  readonly statistics = this.#poller.statistics;
  readonly received = new ReceivedFrames();
  readonly screenShare = new ScreenShare(() => {
    void this.#publish('screen');
    void this.#publish('screen_audio');
  });

  constructor(
    readonly devices: Devices,
    readonly events: CallMediaEvents,
  ) {
    this.#published = new PublishedTracks(devices, this.screenShare);
    this.#constraints = new VideoConstraintSender((constraints) =>
      events.send({ type: 'receiver_video_constraints', constraints }),
    );
    for (const source of ['microphone', 'camera'] as const) {
      const { track } = devices[source];
      this.#unsubscribe.push(track.subscribe(() => void this.#publish(source)));
    }
  }

  /** Connects to the SFU after a join. */
  connect(slots: Slots, workers: EncryptionWorkers, turn: TurnServers): void {
    const connection = new PeerConnection(slots, workers, turn, {
      offer: (sdp) => {
        this.events.send({ type: 'offer', sdp });
        this.#announce();
      },
      connected: (connected) => (this.#connected.value = connected),
    });
    this.#connection = connection;
    this.#slots.value = connection.slots;
    for (const source of CONTEXTS) void connection.send(source, this.#published.track(source));
    void connection.receiveVideos(videoSlots(this.#receiveMode.value));
    connection.offer().catch(() => this.events.connectFailed());
    this.#constraints.sendNow();
  }

  /** Repeats everything that may have been lost with the old socket. */
  handleResumed(): void {
    this.#announce();
    this.#constraints.sendNow();
    if (this.#connection?.unanswered) void this.#connection.offer(true);
  }

  handleMediaMessage(message: MediaMessage): void {
    switch (message.type) {
      case 'answer':
        this.#connection?.answer(message.sdp).catch(() => this.events.answerFailed());
        break;
      case 'media_lost':
        void this.#connection?.renew();
        break;
      case 'subscribed_quality':
        this.#connection?.setSubscribedQuality(message.source, message.wanted);
        break;
      case 'downlink':
        this.#downlink.value = message;
        break;
    }
  }

  /** Handles a report of the media worker. */
  handleWorkerMessage(message: Exclude<FromMedia, { type: 'failed' }>): void {
    switch (message.type) {
      case 'label':
        this.received.handleLabel(message);
        break;
      case 'key_frame':
        this.#connection?.sendKeyFrame(message.context);
        break;
      case 'counters':
        this.received.handleCounters(message);
        break;
    }
  }

  async handleNetworkChange(): Promise<void> {
    await this.#connection?.handleNetworkChange();
  }

  /** Sets how much video is received, and sends a smaller own video unless it is `all`. */
  async setReceiveMode(mode: ReceiveMode): Promise<void> {
    this.#receiveMode.value = mode;
    await Promise.all([
      this.devices.camera.setLowResolution(mode !== 'all'),
      this.#connection?.receiveVideos(videoSlots(mode)),
    ]);
  }

  /** Takes the constraints of the current layout; the SFU is told when they settle. */
  setVideoConstraints(constraints: readonly ReceiverVideoConstraint[]): void {
    this.#constraints.update(constraints);
  }

  /** Forgets the room's media before a rejoin. */
  reset(): void {
    this.received.reset();
    this.#downlink.value = undefined;
  }

  /** Closes the connection; `connect` opens another one. */
  disconnect(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Stops everything at the end of the call, the devices included. */
  stop(): void {
    this.disconnect();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.screenShare.end();
    this.#poller.stop();
    this.#constraints.stop();
    this.devices.stop();
  }

  async #publish(source: Context): Promise<void> {
    await this.#connection?.send(source, this.#published.track(source));
    this.#announce();
  }

  #announce(): void {
    if (this.#connection === undefined) return;
    const tracks = this.#published.announcement(this.#connection);
    this.events.send({ type: 'set_tracks', tracks });
  }
}
