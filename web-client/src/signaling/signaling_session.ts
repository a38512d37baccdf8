/**
 * The conversation with the signalling service as a pure state machine: hello, resume after a
 * broken socket with growing waits, and the numbers of deltas and log entries from which a resume
 * goes on. What happens to the socket comes in, with the time; what to do about it comes out.
 */

import { backoff } from './backoff';
import { decodeMessage, type PageMessage } from './decode';
import { HEARTBEAT_SECONDS, VERSION } from './protocol.gen';
import type { ClientMessage, Predecessor, Refusal } from './protocol.gen';

/** No word from the server for so long: the socket is dead, whatever the browser thinks. */
export const SILENCE_MS = 12_000;
/** A resume is tried for so long. The server keeps a place for a minute, from when it notices: a dead
 * network it notices after a while. */
export const RESUME_MS = 80_000;
/** Longer than any snapshot: a few hundred commits and KeyPackages. */
const TEXT_CHARS = 32 * 1024 * 1024;

/** What the shell around it is to do. */
export type Command =
  /** Open a socket; there is none. */
  | { do: 'open' }
  /** Close the socket and think no more of it. */
  | { do: 'close' }
  | { do: 'send'; text: string }
  /** Hand a message on: parsed for the page, and whole for the end-to-end encryption. */
  | { do: 'deliver'; message: PageMessage; text: string }
  /** The socket broke and is being brought back. */
  | { do: 'reconnecting' }
  /** The conversation is over; only a new join goes on. */
  | { do: 'over'; refusal: Refusal | undefined };

type State =
  /** A socket opens, or its hello is not answered yet. */
  | { kind: 'greeting'; heard: number }
  /** Before the door, until a host opens it; `beat` is when to give the next sign of life. */
  | { kind: 'admission'; heard: number; beat: number }
  /** Messages go both ways. */
  | { kind: 'talking'; heard: number }
  /** No socket until then. */
  | { kind: 'waiting'; until: number }
  | { kind: 'over' };

interface Identity {
  participant: number;
  resumeToken: string;
}

export class Conversation {
  #state: State = { kind: 'over' };
  #identity: Identity | undefined;
  #seq = 0;
  #position = 0;
  #attempt = 0;
  #brokenSince: number | undefined;
  #closing: Refusal | undefined;

  constructor(
    readonly token: string,
    /** In 0…1, for the waits. */
    readonly random: () => number,
    /** Whom this client was before it lost its keys. */
    readonly predecessor: Predecessor | undefined = undefined,
  ) {}

  /** Who to be the successor of, after this conversation. */
  get place(): Predecessor | undefined {
    if (this.#identity === undefined) return this.predecessor;
    const { participant, resumeToken } = this.#identity;
    return { participant, resume_token: resumeToken };
  }

  /** When `handleTimeout` wants to be called, in ms; never if there is nothing to wait for. */
  get timeout(): number | undefined {
    switch (this.#state.kind) {
      case 'greeting':
      case 'talking':
        return this.#state.heard + SILENCE_MS;
      case 'admission':
        return Math.min(this.#state.heard + SILENCE_MS, this.#state.beat);
      case 'waiting':
        return this.#state.until;
      case 'over':
        return undefined;
    }
  }

  start(now: number): Command[] {
    this.#state = { kind: 'greeting', heard: now };
    return [{ do: 'open' }];
  }

  /** The socket is open. */
  handleOpen(now: number): Command[] {
    if (this.#state.kind !== 'greeting') return [];
    this.#state = { kind: 'greeting', heard: now };
    const identity = this.#identity;
    const hello: ClientMessage = {
      type: 'hello',
      version: VERSION,
      token: this.token,
      resume:
        identity === undefined
          ? null
          : {
              participant: identity.participant,
              resume_token: identity.resumeToken,
              seq: this.#seq,
              position: this.#position,
            },
      predecessor: identity === undefined ? (this.predecessor ?? null) : null,
    };
    return [{ do: 'send', text: JSON.stringify(hello) }];
  }

  /** The socket is gone. */
  handleClosed(now: number): Command[] {
    if (this.#state.kind === 'waiting' || this.#state.kind === 'over') return [];
    this.#brokenSince ??= now;
    const final = this.#closing !== undefined && this.#closing.code !== 'storage_unavailable';
    if (final || this.#identity === undefined || now - this.#brokenSince > RESUME_MS) {
      this.#state = { kind: 'over' };
      return [{ do: 'over', refusal: this.#closing }];
    }
    this.#closing = undefined;
    this.#state = { kind: 'waiting', until: now + backoff(this.#attempt, this.random()) };
    this.#attempt += 1;
    return [{ do: 'reconnecting' }];
  }

  handleTimeout(now: number): Command[] {
    const due = this.timeout;
    if (due === undefined || now < due) return [];
    if (this.#state.kind === 'waiting') {
      this.#state = { kind: 'greeting', heard: now };
      return [{ do: 'open' }];
    }
    const state = this.#state;
    if (state.kind === 'admission' && now < state.heard + SILENCE_MS) {
      this.#state = { ...state, beat: now + HEARTBEAT_SECONDS * 1000 };
      const heartbeat: ClientMessage = { type: 'heartbeat', position: 0 };
      return [{ do: 'send', text: JSON.stringify(heartbeat) }];
    }
    // A dead connection may take minutes to close by itself.
    return [{ do: 'close' }, ...this.handleClosed(now)];
  }

  /** The network is another one, or is back: a new socket is tried at once. */
  handleNetworkChange(now: number): Command[] {
    switch (this.#state.kind) {
      case 'waiting':
        this.#state = { kind: 'greeting', heard: now };
        return [{ do: 'open' }];
      case 'talking': {
        const commands: Command[] = [{ do: 'close' }, ...this.handleClosed(now)];
        return [...commands, ...this.handleTimeout(now)];
      }
      case 'greeting':
      case 'admission':
      case 'over':
        return [];
    }
  }

  /** A text message came. One that cannot be read is passed over: it concerns nobody. */
  handleText(text: string, now: number): Command[] {
    const state = this.#state;
    if (state.kind === 'waiting' || state.kind === 'over') return [];
    this.#state = { ...state, heard: now };
    if (text.length > TEXT_CHARS) return [];
    const message = decodeMessage(text);
    if (message === undefined) return [];
    const deliver: Command = { do: 'deliver', message, text };
    switch (message.type) {
      case 'joined':
        this.#identity = { participant: message.participant, resumeToken: message.resume_token };
        this.#seq = message.seq;
        this.#position = message.log.position;
        this.#healthy(now);
        return [deliver];
      case 'resumed':
        this.#healthy(now);
        return [deliver];
      case 'snapshot':
        this.#seq = message.seq;
        this.#position = Math.max(this.#position, message.log.entries.at(-1)?.position ?? 0);
        return [deliver];
      case 'delta':
        if (message.seq <= this.#seq) return [];
        // A missed delta comes again with a resume.
        if (message.seq > this.#seq + 1) return [{ do: 'close' }, ...this.handleClosed(now)];
        this.#seq = message.seq;
        if (message.delta.change === 'log') this.#position = message.delta.entry.position;
        return [deliver];
      case 'waiting':
        // Once inside, one hears of the outside no more.
        if (this.#identity !== undefined) return [];
        this.#state = { kind: 'admission', heard: now, beat: now + HEARTBEAT_SECONDS * 1000 };
        return [deliver];
      case 'closing':
        this.#closing = message.refusal;
        return [deliver];
      case 'commit_pending':
      case 'commit_rejected':
      case 'answer':
      case 'media_lost':
      case 'subscribed_quality':
      case 'downlink':
      case 'heartbeat_echo':
      case 'lobby_participants':
      case 'asked_to_mute':
      case 'shutdown_notice':
      case 'shutdown_cancelled':
      case 'refused':
        return [deliver];
    }
  }

  #healthy(now: number): void {
    this.#state = { kind: 'talking', heard: now };
    this.#attempt = 0;
    this.#brokenSince = undefined;
  }
}
