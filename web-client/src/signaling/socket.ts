/**
 * The conversation with the signalling service: hello, resume after a broken socket, and the
 * numbers of deltas and log entries from which a resume goes on. It decides when to try again;
 * what the messages mean is its owner's business.
 */

import { backoff } from './backoff';
import { decodeMessage, type PageMessage } from './decode';
import type { ClientMessage, Refusal } from './protocol.gen';
import { VERSION } from './protocol.gen';

/** No word from the server for so long: the socket is dead, whatever the browser thinks. */
const SILENCE_MS = 12_000;
/** A resume is tried for so long; the server forgets after ten seconds, give or take the way. */
const RESUME_MS = 30_000;

export interface SocketEvents {
  /** A message, parsed for the page and whole for the end-to-end encryption. */
  message(message: PageMessage, text: string): void;
  /** The socket broke and is being brought back. */
  reconnecting(): void;
  /** The conversation is over; only a new join goes on. */
  closed(refusal: Refusal | undefined): void;
}

interface Identity {
  participant: number;
  resumeToken: string;
}

export class SignalingSocket {
  #socket: WebSocket | undefined;
  #identity: Identity | undefined;
  #seq = 0;
  #position = 0;
  #attempt = 0;
  #brokenSince: number | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #closing: Refusal | undefined;
  #over = false;

  constructor(
    readonly token: string,
    readonly events: SocketEvents,
  ) {
    this.#open();
  }

  /** Says something now, or not at all: what must survive a broken socket is said again by its owner. */
  send(message: ClientMessage): boolean {
    return this.sendText(JSON.stringify(message));
  }

  sendText(text: string): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    return true;
  }

  /** Ends the conversation for good. */
  leave(): void {
    this.send({ type: 'leave' });
    this.stop();
  }

  /** Ends it without a word: the server waits for a return that does not come. */
  stop(): void {
    this.#over = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    this.#socket?.close();
    this.#socket = undefined;
  }

  #open(): void {
    const url = new URL('/api/v1/socket', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#closing = undefined;
    socket.onopen = () => this.#hello(socket);
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (socket === this.#socket && typeof event.data === 'string') this.#receive(event.data);
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#broken();
    };
    this.#watchSilence();
  }

  #hello(socket: WebSocket): void {
    const resume = this.#identity && {
      participant: this.#identity.participant,
      resume_token: this.#identity.resumeToken,
      seq: this.#seq,
      position: this.#position,
    };
    const hello: ClientMessage = {
      type: 'hello',
      version: VERSION,
      token: this.token,
      resume: resume ?? null,
    };
    socket.send(JSON.stringify(hello));
  }

  #receive(text: string): void {
    this.#watchSilence();
    const message = decodeMessage(text);
    if (message === undefined) return;
    switch (message.type) {
      case 'joined':
        this.#identity = { participant: message.participant, resumeToken: message.resume_token };
        this.#seq = message.seq;
        this.#position = logPosition(text);
        this.#healthy();
        break;
      case 'resumed':
        this.#healthy();
        break;
      case 'snapshot':
        this.#seq = message.seq;
        this.#position = Math.max(this.#position, lastPosition(text));
        break;
      case 'delta':
        this.#seq = message.seq;
        if (message.delta.change === 'log') this.#position = message.delta.entry.position;
        break;
      case 'closing':
        this.#closing = message.refusal;
        break;
      case 'answer':
      case 'media_lost':
      case 'heartbeat_echo':
      case 'refused':
        break;
    }
    this.events.message(message, text);
  }

  #healthy(): void {
    this.#attempt = 0;
    this.#brokenSince = undefined;
  }

  #broken(): void {
    this.#socket = undefined;
    clearTimeout(this.#watch);
    if (this.#over) return;
    const now = Date.now();
    this.#brokenSince ??= now;
    const final = this.#closing !== undefined && this.#closing.code !== 'storage_unavailable';
    if (final || this.#identity === undefined || now - this.#brokenSince > RESUME_MS) {
      this.#over = true;
      this.events.closed(this.#closing);
      return;
    }
    this.events.reconnecting();
    this.#retry = setTimeout(() => this.#open(), backoff(this.#attempt, Math.random()));
    this.#attempt += 1;
  }

  #watchSilence(): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      const socket = this.#socket;
      if (socket === undefined) return;
      // A dead connection may take minutes to close by itself.
      this.#broken();
      socket.close();
    }, SILENCE_MS);
  }
}

/** Where the log stood at the join. */
function logPosition(joined: string): number {
  const { log } = JSON.parse(joined) as { log?: { position?: unknown } };
  return typeof log?.position === 'number' ? log.position : 0;
}

/** The last log entry of a snapshot. */
function lastPosition(snapshot: string): number {
  const { log } = JSON.parse(snapshot) as { log?: { entries?: { position?: unknown }[] } };
  const last = log?.entries?.at(-1)?.position;
  return typeof last === 'number' ? last : 0;
}
