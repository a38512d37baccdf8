/**
 * One connection to the SFU: four m-lines to send on, and a fixed pool of slots to receive on.
 * Who fills a slot changes without negotiating; the frames themselves say whose they are.
 */

import type { EncryptionWorkers } from '../e2ee/workers';
import { CONTEXTS, type Context } from '../e2ee/messages';
import type { Slots } from '../signaling/decode';
import type { Track } from '../signaling/protocol.gen';
import { payloadTypes } from './sdp';

/** A broken path may mend itself; after so long it is asked for a new one. */
const ICE_PATIENCE_MS = 3000;

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
  readonly #connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  readonly #senders = new Map<Context, RTCRtpTransceiver>();
  #patience: ReturnType<typeof setTimeout> | undefined;
  #offering = false;
  /** What is wanted has changed while an offer was under way. */
  #offerAgain = false;

  constructor(
    slots: Slots,
    readonly workers: EncryptionWorkers,
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
      const offer = await this.#connection.createOffer({ iceRestart: restart });
      await this.#connection.setLocalDescription(offer);
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
    await this.#senders.get(source)?.sender.replaceTrack(track ?? null);
  }

  /** What is announced for a source; nothing before the first offer. */
  announcement(source: Context, muted: boolean): Track | undefined {
    const mid = this.#senders.get(source)?.mid;
    return typeof mid === 'string' ? { mid, source, muted } : undefined;
  }

  /** Makes the encoder begin anew, so that whoever comes late can follow. */
  async keyFrame(context: number): Promise<void> {
    const source = CONTEXTS[context];
    const sender = source && this.#senders.get(source)?.sender;
    if (sender?.track?.kind !== 'video') return;
    const parameters = sender.getParameters();
    const options = { encodingOptions: parameters.encodings.map(() => ({ keyFrame: true })) };
    // Where the browser does not know this, the receivers ask for the key frame.
    await (sender.setParameters as (p: unknown, o: unknown) => Promise<void>)
      .call(sender, parameters, options)
      .catch(() => undefined);
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
    for (const [source, { mid }] of this.#senders) if (mid !== null) lines.set(mid, source);
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
    const kind = source === 'microphone' || source === 'screen_audio' ? 'audio' : 'video';
    const transceiver = this.#connection.addTransceiver(kind, { direction: 'sendonly' });
    transceiver.sender.transform = this.workers.transform({ direction: 'send', context });
    preferCodecs(transceiver, kind);
    this.#senders.set(source, transceiver);
  }

  #addSlot(kind: 'audio' | 'video', id: string): void {
    const transceiver = this.#connection.addTransceiver(kind, { direction: 'recvonly' });
    transceiver.receiver.transform = this.workers.transform({ direction: 'receive', slot: id });
    preferCodecs(transceiver, kind);
    this.#receivers.push(transceiver);
    this.slots.push({ id, kind, stream: new MediaStream([transceiver.receiver.track]) });
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

/** VP9 before VP8, Opus; nothing else is protected here, so nothing else is offered. */
function preferCodecs(transceiver: RTCRtpTransceiver, kind: 'audio' | 'video'): void {
  const all = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const named = (name: string): RTCRtpCodec[] =>
    all.filter(({ mimeType }) => mimeType.toLowerCase() === `${kind}/${name}`);
  const wanted =
    kind === 'audio'
      ? named('opus')
      : [
          ...named('vp9').filter(
            ({ sdpFmtpLine }) => sdpFmtpLine?.includes('profile-id=0') ?? true,
          ),
          ...named('vp8'),
          ...named('rtx'),
        ];
  if (wanted.length > 0) transceiver.setCodecPreferences(wanted);
}
