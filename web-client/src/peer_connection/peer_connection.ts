/**
 * One connection to the SFU: four m-lines to send on, and a fixed pool of slots to receive on.
 * Who fills a slot changes without negotiating; the frames themselves say whose they are.
 */

import type { EncryptionWorkers } from '../e2ee/workers';
import { CONTEXTS, type Context } from '../e2ee/messages';
import type { Slots } from '../signaling/decode';
import type { Track } from '../signaling/protocol.gen';
import { receivable } from './codecs';
import type { Relays } from './turn';
import { payloadTypes, withSoundAskedForAgain } from './sdp';
import { Sending } from './track_sender';

/** A path on which nothing comes is called broken by the browser after some five seconds; it may
 * mend itself, but after so much longer a new one is asked for. */
const ICE_PATIENCE_MS = 1000;

export interface Slot {
  /** Its name towards the media worker. */
  id: string;
  kind: 'audio' | 'video';
  stream: MediaStream;
}

export interface ConnectionEvents {
  offer(sdp: string): void;
  /** Media flows, or no longer does. */
  connected(connected: boolean): void;
}

export class PeerConnection {
  readonly slots: Slot[] = [];
  readonly #receivers: RTCRtpTransceiver[] = [];
  readonly #connection = new RTCPeerConnection(configuration([]));
  readonly #senders = new Map<Context, Sending>();
  #patience: ReturnType<typeof setTimeout> | undefined;
  #offering = false;
  /** What is wanted has changed while an offer was under way. */
  #offerAgain = false;

  constructor(
    slots: Slots,
    readonly workers: EncryptionWorkers,
    readonly relays: Relays,
    readonly events: ConnectionEvents,
  ) {
    for (const [context, source] of CONTEXTS.entries()) this.#addSender(source, context);
    for (let n = 0; n < slots.audio; n += 1) this.#addSlot('audio', `audio ${n}`);
    for (let n = 0; n < slots.video; n += 1) this.#addSlot('video', `video ${n}`);
    this.#connection.onconnectionstatechange = () => this.#stateChanged();
  }

  /** Offers: at first, and again with a new path when the old one is broken. */
  async offer(restart = false): Promise<void> {
    if (this.#offering) return;
    this.#offering = true;
    try {
      // What ran out since the last time would be refused.
      const relays = await this.relays.usable();
      if (relays.length > 0) this.#connection.setConfiguration(configuration(relays));
      const offer = await this.#connection.createOffer({ iceRestart: restart });
      await this.#setLocal(offer);
      const sdp = this.#connection.localDescription?.sdp ?? '';
      this.workers.payloadTypes(payloadTypes(sdp));
      this.events.offer(sdp);
    } finally {
      this.#offering = false;
    }
  }

  /** Takes the SFU's answer. */
  async answer(sdp: string): Promise<void> {
    if (this.#connection.signalingState !== 'have-local-offer') return;
    await this.#connection.setRemoteDescription({ type: 'answer', sdp });
    if (!this.#offerAgain) return;
    this.#offerAgain = false;
    await this.offer();
  }

  /** Whether an offer waits for its answer. */
  get unanswered(): boolean {
    return this.#connection.signalingState === 'have-local-offer';
  }

  /** Sends a track, or nothing. */
  async send(source: Context, track: MediaStreamTrack | undefined): Promise<void> {
    await this.#senders.get(source)?.replace(track);
  }

  /** What is announced for a source; nothing before the first offer. */
  announcement(source: Context, muted: boolean): Track | undefined {
    const mid = this.#senders.get(source)?.transceiver.mid;
    return typeof mid === 'string' ? { mid, source, muted } : undefined;
  }

  /** Makes the encoder begin anew, so that whoever comes late can follow. */
  keyFrame(context: number): void {
    const source = CONTEXTS[context];
    if (source !== undefined) this.#senders.get(source)?.keyFrame();
  }

  /** Which encodings of a source anybody wants. */
  want(source: Context, wanted: readonly boolean[]): void {
    this.#senders.get(source)?.want(wanted);
  }

  /** The SFU has lost the connection, and with it what it said about encodings. */
  async renew(): Promise<void> {
    for (const sending of this.#senders.values()) sending.wantAll();
    await this.offer(true);
  }

  /** Another network: the old path is gone, whatever the browser still thinks of it. */
  async networkChanged(): Promise<void> {
    // An offer that is under way gathers on the new network by itself.
    if (this.#connection.remoteDescription !== null && !this.unanswered) await this.offer(true);
  }

  /** Receives on so many video slots; on the others nothing is to be sent to us. Before the first
   * offer it only sets what will be offered. */
  async receiveVideos(most: number): Promise<void> {
    let changed = false;
    const videos = this.#receivers.filter((one) => one.receiver.track.kind === 'video');
    for (const [at, transceiver] of videos.entries()) {
      const direction = at < most ? 'recvonly' : 'inactive';
      changed ||= transceiver.direction !== direction;
      transceiver.direction = direction;
    }
    if (!changed || this.#connection.localDescription === null) return;
    if (this.unanswered) this.#offerAgain = true;
    else await this.offer();
  }

  /** The browser's counters. */
  stats(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  /** What each m-line is for, by its `mid`: a source that is sent, or the slot that receives. */
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
    clearTimeout(this.#patience);
    this.#connection.onconnectionstatechange = null;
    this.#connection.close();
  }

  #addSender(source: Context, context: number): void {
    const transform = this.workers.transform({ direction: 'send', context });
    this.#senders.set(source, new Sending(this.#connection, source, transform));
  }

  #addSlot(kind: 'audio' | 'video', id: string): void {
    const transceiver = this.#connection.addTransceiver(kind, { direction: 'recvonly' });
    transceiver.receiver.transform = this.workers.transform({ direction: 'receive', slot: id });
    const codecs = receivable(kind);
    if (codecs.length > 0) transceiver.setCodecPreferences(codecs);
    this.#receivers.push(transceiver);
    this.slots.push({ id, kind, stream: new MediaStream([transceiver.receiver.track]) });
  }

  /** Offers more than the browser does by itself, if it lets us. */
  async #setLocal({ sdp = '' }: RTCLocalSessionDescriptionInit): Promise<void> {
    try {
      await this.#connection.setLocalDescription({
        type: 'offer',
        sdp: withSoundAskedForAgain(sdp),
      });
    } catch {
      await this.#connection.setLocalDescription({ type: 'offer', sdp });
    }
  }

  #stateChanged(): void {
    const state = this.#connection.connectionState;
    clearTimeout(this.#patience);
    this.events.connected(state === 'connected');
    if (state === 'failed') void this.offer(true);
    if (state === 'disconnected') {
      this.#patience = setTimeout(() => void this.offer(true), ICE_PATIENCE_MS);
    }
  }
}

/** With `?relay` in the page's address media goes over a relay or not at all, to try one out. */
function configuration(iceServers: RTCIceServer[]): RTCConfiguration {
  const relayOnly = new URLSearchParams(location.search).has('relay');
  const iceTransportPolicy = relayOnly ? 'relay' : 'all';
  return { bundlePolicy: 'max-bundle', iceServers, iceTransportPolicy };
}
