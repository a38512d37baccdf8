/**
 * A session with the signaling service as a pure state machine: hello, resume after a broken socket
 * with growing delays, and the positions in the deltas and the log from which to resume. Socket
 * events come in with the time; commands for the socket come out.
 */

import { backoff } from './backoff';
import { decodeMessage, type ServerMessage } from './decode';
import { HEARTBEAT_SECONDS, VERSION } from './protocol.gen';
import type { ClientMessage, Predecessor, Refusal } from './protocol.gen';

/** A socket without any message for this long is dead, whatever the browser reports. */
export const HEARTBEAT_TIMEOUT_MS = 12_000;
/** How long to try to resume. The server keeps a disconnected participant for a minute after it has
 * noticed, which takes a while for a dead network. */
export const RESUME_MS = 80_000;
/** Longer than any snapshot: a few hundred commits and KeyPackages. */
const MAX_TEXT_CHARS = 32 * 1024 * 1024;

/** A command for the owner of the socket. */
export type Command =
  /** Open a socket; none is open. */
  | { do: 'open' }
  /** Close the socket and ignore its further events. */
  | { do: 'close' }
  | { do: 'send'; text: string }
  /** Deliver a message: decoded for the page, and as text for the end-to-end encryption. */
  | { do: 'deliver'; message: ServerMessage; text: string }
  /** The socket broke; the session will be resumed. */
  | { do: 'reconnecting' }
  /** The session is over; only a new join helps. */
  | { do: 'over'; refusal: Refusal | undefined };

type State =
  /** The socket is opening, or its hello is not answered yet. */
  | { kind: 'connecting'; lastReceivedAt: number }
  /** In the lobby, until a host admits this participant. */
  | { kind: 'lobby'; lastReceivedAt: number; nextHeartbeatAt: number }
  /** In the room. */
  | { kind: 'joined'; lastReceivedAt: number }
  /** No socket until the next attempt. */
  | { kind: 'backing_off'; until: number }
  | { kind: 'over' };

interface Identity {
  participant: number;
  resumeToken: string;
}

export class SignalingSession {
  #state: State = { kind: 'over' };
  #identity: Identity | undefined;
  #seq = 0;
  #position = 0;
  #attempt = 0;
  #brokenSince: number | undefined;
  #closing: Refusal | undefined;

  constructor(
    readonly token: string,
    /** Returns numbers in 0…1, for the delays. */
    readonly random: () => number,
    /** The participant that this one replaces. */
    readonly predecessor: Predecessor | undefined = undefined,
  ) {}

  /** Returns the participant that a rejoin replaces: the own one, once joined. */
  get predecessorForRejoin(): Predecessor | undefined {
    if (this.#identity === undefined) return this.predecessor;
    const { participant, resumeToken } = this.#identity;
    return { participant, resume_token: resumeToken };
  }

  /** Returns when to call `handleTimeout`, in ms; `undefined` for never. */
  get timeout(): number | undefined {
    switch (this.#state.kind) {
      case 'connecting':
      case 'joined':
        return this.#state.lastReceivedAt + HEARTBEAT_TIMEOUT_MS;
      case 'lobby':
        return Math.min(
          this.#state.lastReceivedAt + HEARTBEAT_TIMEOUT_MS,
          this.#state.nextHeartbeatAt,
        );
      case 'backing_off':
        return this.#state.until;
      case 'over':
        return undefined;
    }
  }

  /** Starts the session. */
  start(now: number): Command[] {
    this.#state = { kind: 'connecting', lastReceivedAt: now };
    return [{ do: 'open' }];
  }

  /** Sends the hello on a new socket. */
  handleOpen(now: number): Command[] {
    if (this.#state.kind !== 'connecting') return [];
    this.#state = { kind: 'connecting', lastReceivedAt: now };
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

  /** Schedules a resume after the socket closed, or ends the session. */
  handleClosed(now: number): Command[] {
    if (this.#state.kind === 'backing_off' || this.#state.kind === 'over') return [];
    this.#brokenSince ??= now;
    const isFinal = this.#closing !== undefined && this.#closing.code !== 'storage_unavailable';
    if (isFinal || this.#identity === undefined || now - this.#brokenSince > RESUME_MS) {
      this.#state = { kind: 'over' };
      return [{ do: 'over', refusal: this.#closing }];
    }
    this.#closing = undefined;
    this.#state = { kind: 'backing_off', until: now + backoff(this.#attempt, this.random()) };
    this.#attempt += 1;
    return [{ do: 'reconnecting' }];
  }

  /** Opens a socket, sends a heartbeat or drops a silent socket, whichever is due. */
  handleTimeout(now: number): Command[] {
    const due = this.timeout;
    if (due === undefined || now < due) return [];
    if (this.#state.kind === 'backing_off') {
      this.#state = { kind: 'connecting', lastReceivedAt: now };
      return [{ do: 'open' }];
    }
    const state = this.#state;
    if (state.kind === 'lobby' && now < state.lastReceivedAt + HEARTBEAT_TIMEOUT_MS) {
      this.#state = { ...state, nextHeartbeatAt: now + HEARTBEAT_SECONDS * 1000 };
      const heartbeat: ClientMessage = { type: 'heartbeat', position: 0 };
      return [{ do: 'send', text: JSON.stringify(heartbeat) }];
    }
    // A dead connection can take minutes to close by itself.
    return [{ do: 'close' }, ...this.handleClosed(now)];
  }

  /** Opens a new socket at once, since the network changed or is back. */
  handleNetworkChange(now: number): Command[] {
    switch (this.#state.kind) {
      case 'backing_off':
        this.#state = { kind: 'connecting', lastReceivedAt: now };
        return [{ do: 'open' }];
      case 'joined': {
        const commands: Command[] = [{ do: 'close' }, ...this.handleClosed(now)];
        return [...commands, ...this.handleTimeout(now)];
      }
      case 'connecting':
      case 'lobby':
      case 'over':
        return [];
    }
  }

  /** Handles a text message; ignores a malformed one. */
  handleText(text: string, now: number): Command[] {
    const state = this.#state;
    if (state.kind === 'backing_off' || state.kind === 'over') return [];
    this.#state = { ...state, lastReceivedAt: now };
    if (text.length > MAX_TEXT_CHARS) return [];
    const message = decodeMessage(text);
    if (message === undefined) return [];
    switch (message.topic) {
      case 'room':
        return this.#handleRoomMessage(message, text, now);
      case 'control':
        if (message.type === 'closing') this.#closing = message.refusal;
        return [{ do: 'deliver', message, text }];
      case 'log':
      case 'media':
        return [{ do: 'deliver', message, text }];
    }
  }

  #handleRoomMessage(
    message: ServerMessage & { topic: 'room' },
    text: string,
    now: number,
  ): Command[] {
    switch (message.type) {
      case 'joined':
        this.#identity = { participant: message.participant, resumeToken: message.resume_token };
        this.#seq = message.seq;
        this.#position = message.log.position;
        this.#markHealthy(now);
        break;
      case 'resumed':
        this.#markHealthy(now);
        break;
      case 'snapshot':
        this.#seq = message.seq;
        this.#position = Math.max(this.#position, message.log.entries.at(-1)?.position ?? 0);
        break;
      case 'delta':
        if (message.seq <= this.#seq) return [];
        // A missed delta is sent again after a resume.
        if (message.seq > this.#seq + 1) return [{ do: 'close' }, ...this.handleClosed(now)];
        this.#seq = message.seq;
        if (message.delta.change === 'log') this.#position = message.delta.entry.position;
        break;
      case 'waiting':
        // A participant does not return to the lobby.
        if (this.#identity !== undefined) return [];
        this.#state = {
          kind: 'lobby',
          lastReceivedAt: now,
          nextHeartbeatAt: now + HEARTBEAT_SECONDS * 1000,
        };
        break;
      default:
        break;
    }
    return [{ do: 'deliver', message, text }];
  }

  #markHealthy(now: number): void {
    this.#state = { kind: 'joined', lastReceivedAt: now };
    this.#attempt = 0;
    this.#brokenSince = undefined;
  }
}
