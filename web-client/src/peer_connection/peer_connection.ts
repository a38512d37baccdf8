/**
 * A connection to the SFU: four m-lines to send on, and a fixed pool of slots to receive on. What a
 * slot carries changes without renegotiation; the frames' labels say whose they are.
 */

import type { EncryptionWorkers } from '../e2ee/workers';
import { CONTEXTS, type Context } from '../e2ee/messages';
import type { Slots } from '../signaling/decode';
import type { Track } from '../signaling/protocol.gen';
import { receiveCodecs } from './codecs';
import { payloadTypes, withOpusNack } from './sdp';
import { TrackSender } from './track_sender';
import type { TurnServers } from './turn';

/** How long to wait for a disconnected path to recover before an ICE restart. The browser reports it
 * as disconnected after about five seconds. */
const ICE_RESTART_DELAY_MS = 1000;

export interface Slot {
  /** Its id in the media worker. */
  id: string;
  kind: 'audio' | 'video';
  stream: MediaStream;
}

export interface ConnectionEvents {
  offer(sdp: string): void;
  /** The connection was established or lost. */
  connected(connected: boolean): void;
}

export class PeerConnection {
  readonly slots: Slot[] = [];
  readonly #receivers: RTCRtpTransceiver[] = [];
  readonly #connection = new RTCPeerConnection(configuration([]));
  readonly #senders = new Map<Context, TrackSender>();
  #restartTimer: ReturnType<typeof setTimeout> | undefined;
  #offering = false;
  /** The offer changed while another one was unanswered. */
  #offerPending = false;

  constructor(
    slots: Slots,
    readonly workers: EncryptionWorkers,
    readonly turn: TurnServers,
    readonly events: ConnectionEvents,
  ) {
    for (const [context, source] of CONTEXTS.entries()) this.#addSender(source, context);
    for (let n = 0; n < slots.audio; n += 1) this.#addSlot('audio', `audio ${n}`);
    for (let n = 0; n < slots.video; n += 1) this.#addSlot('video', `video ${n}`);
    this.#connection.onconnectionstatechange = () => this.#handleStateChange();
  }

  /** Sends an offer: the first one, or with `restart` one for a new path (ICE restart). */
  async offer(restart = false): Promise<void> {
    if (this.#offering) return;
    this.#offering = true;
    try {
      // Expired credentials would be refused.
      const servers = await this.turn.usable();
      if (servers.length > 0) this.#connection.setConfiguration(configuration(servers));
      const offer = await this.#connection.createOffer({ iceRestart: restart });
      await this.#setLocal(offer);
      const sdp = this.#connection.localDescription?.sdp ?? '';
      this.workers.setPayloadTypes(payloadTypes(sdp));
      this.events.offer(sdp);
    } finally {
      this.#offering = false;
    }
  }

  /** Applies the SFU's answer. */
  async answer(sdp: string): Promise<void> {
    if (this.#connection.signalingState !== 'have-local-offer') return;
    await this.#connection.setRemoteDescription({ type: 'answer', sdp });
    if (!this.#offerPending) return;
    this.#offerPending = false;
    await this.offer();
  }

  /** Returns whether an offer has no answer yet. */
  get unanswered(): boolean {
    return this.#connection.signalingState === 'have-local-offer';
  }

  /** Replaces the track of a source; `undefined` sends nothing. */
  async send(source: Context, track: MediaStreamTrack | undefined): Promise<void> {
    await this.#senders.get(source)?.replaceTrack(track);
  }

  /** Returns the announcement of a source; `undefined` before the first offer. */
  announcement(source: Context, muted: boolean): Track | undefined {
    const mid = this.#senders.get(source)?.transceiver.mid;
    return typeof mid === 'string' ? { mid, source, muted } : undefined;
  }

  /** Sends a key frame, from which receivers can start to decode. */
  sendKeyFrame(context: number): void {
    const source = CONTEXTS[context];
    if (source !== undefined) this.#senders.get(source)?.sendKeyFrame();
  }

  /** Takes which encodings of a source have subscribers. */
  setSubscribedQuality(source: Context, wanted: readonly boolean[]): void {
    this.#senders.get(source)?.setSubscribedQuality(wanted);
  }

  /** Reconnects after the SFU lost the connection, and with it the subscribed qualities. */
  async renew(): Promise<void> {
    for (const sender of this.#senders.values()) sender.sendAllEncodings();
    await this.offer(true);
  }

  /** Restarts ICE after the device changed networks: the old path is gone, even if the browser still
   * reports it. */
  async handleNetworkChange(): Promise<void> {
    // An unanswered offer gathers candidates on the new network anyway.
    if (this.#connection.remoteDescription !== null && !this.unanswered) await this.offer(true);
  }

  /** Receives on this many video slots and deactivates the others. Before the first offer it only
   * sets what will be offered. */
  async receiveVideos(count: number): Promise<void> {
    let changed = false;
    const videos = this.#receivers.filter((one) => one.receiver.track.kind === 'video');
    for (const [at, transceiver] of videos.entries()) {
      const direction = at < count ? 'recvonly' : 'inactive';
      changed ||= transceiver.direction !== direction;
      transceiver.direction = direction;
    }
    if (!changed || this.#connection.localDescription === null) return;
    if (this.unanswered) this.#offerPending = true;
    else await this.offer();
  }

  /** Returns the browser's statistics. */
  stats(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  /** Returns the use of each m-line by its `mid`: a source that is sent, or a receiving slot's id. */
  get lines(): ReadonlyMap<string, string> {
    const lines = new Map<string, string>();
    for (const [source, { transceiver }] of this.#senders) {
      if (transceiver.mid !== null) lines.set(transceiver.mid, source);
    }
    for (const [at, { mid }] of this.#receivers.entries()) {
      const slot = this.slots[at];
      if (mid !== null && slot !== undefined) lines.set(mid, slot.id);
    }
    return lines;
  }

  close(): void {
    clearTimeout(this.#restartTimer);
    this.#connection.onconnectionstatechange = null;
    this.#connection.close();
  }

  #addSender(source: Context, context: number): void {
    const transform = this.workers.createTransform({ direction: 'send', context });
    this.#senders.set(source, new TrackSender(this.#connection, source, transform));
  }

  #addSlot(kind: 'audio' | 'video', id: string): void {
    const transceiver = this.#connection.addTransceiver(kind, { direction: 'recvonly' });
    transceiver.receiver.transform = this.workers.createTransform({
      direction: 'receive',
      slot: id,
    });
    const codecs = receiveCodecs(kind);
    if (codecs.length > 0) transceiver.setCodecPreferences(codecs);
    this.#receivers.push(transceiver);
    this.slots.push({ id, kind, stream: new MediaStream([transceiver.receiver.track]) });
  }

  /** Adds what the browser supports and does not offer by itself, if it accepts that. */
  async #setLocal({ sdp = '' }: RTCLocalSessionDescriptionInit): Promise<void> {
    try {
      await this.#connection.setLocalDescription({
        type: 'offer',
        sdp: withOpusNack(sdp),
      });
    } catch {
      await this.#connection.setLocalDescription({ type: 'offer', sdp });
    }
  }

  #handleStateChange(): void {
    const state = this.#connection.connectionState;
    clearTimeout(this.#restartTimer);
    this.events.connected(state === 'connected');
    if (state === 'failed') void this.offer(true);
    if (state === 'disconnected') {
      this.#restartTimer = setTimeout(() => void this.offer(true), ICE_RESTART_DELAY_MS);
    }
  }
}

/** Returns the configuration. With `?relay` in the page's address, media uses TURN only, for tests. */
function configuration(iceServers: RTCIceServer[]): RTCConfiguration {
  const relayOnly = new URLSearchParams(location.search).has('relay');
  const iceTransportPolicy = relayOnly ? 'relay' : 'all';
  return { bundlePolicy: 'max-bundle', iceServers, iceTransportPolicy };
}
