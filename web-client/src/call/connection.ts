/**
 * One connection of a call to the server: the encryption workers and the signaling socket, from the
 * request for a join token until it is closed. A rejoin opens another one, with new keys.
 */

import type { FromMedia, FromMls } from '../e2ee/messages';
import { EncryptionWorkers } from '../e2ee/workers';
import { TurnServers } from '../peer_connection/turn';
import type { ServerMessage } from '../signaling/decode';
import type { JoinToken } from '../signaling/http';
import type { ClientMessage, Predecessor, Refusal } from '../signaling/protocol.gen';
import { SignalingSocket } from '../signaling/socket';

export interface JoinRequest {
  room: string;
  /** The fragment of the meeting link. */
  link: string;
  name: string;
  /** Report every step of key agreement. */
  trace: boolean;
  /** The participant that this join replaces. */
  predecessor: Predecessor | undefined;
  issueToken(): Promise<JoinToken>;
}

/** None of them is called after `close`. */
export interface ConnectionEvents {
  /** A join token was issued. */
  tokenIssued(issued: JoinToken): void;
  /** No join token was issued. */
  joinFailed(error: unknown): void;
  serverMessage(message: ServerMessage, text: string): void;
  mlsMessage(message: FromMls): void;
  mediaWorkerMessage(message: FromMedia): void;
  /** The socket broke; the session will be resumed. */
  reconnecting(): void;
  /** The session is over; only a new join helps. */
  closed(refusal: Refusal | undefined): void;
}

export class CallConnection {
  readonly workers: EncryptionWorkers;
  readonly #request: JoinRequest;
  readonly #events: ConnectionEvents;
  #turn: TurnServers | undefined;
  #socket: SignalingSocket | undefined;
  #closed = false;

  constructor(request: JoinRequest, events: ConnectionEvents) {
    this.#request = request;
    this.#events = events;
    const { room, link, name, trace } = request;
    this.workers = new EncryptionWorkers(
      { room, link, name, trace },
      {
        mls: (message) => {
          if (!this.#closed) events.mlsMessage(message);
        },
        media: (message) => {
          if (!this.#closed) events.mediaWorkerMessage(message);
        },
      },
    );
    void this.#open();
  }

  /** Returns the TURN servers that came with the join token; `undefined` before it was issued. */
  get turn(): TurnServers | undefined {
    return this.#turn;
  }

  /** Returns the participant that a rejoin replaces. */
  get predecessorForRejoin(): Predecessor | undefined {
    return this.#socket?.predecessorForRejoin;
  }

  /** Sends a message, or drops it if the socket is not open. */
  send(message: ClientMessage): void {
    this.#socket?.send(message);
  }

  /** Sends an encoded message, or drops it if the socket is not open. */
  sendText(text: string): void {
    this.#socket?.sendText(text);
  }

  /** Replaces the socket after the device changed networks. */
  handleNetworkChange(): void {
    this.#socket?.handleNetworkChange();
  }

  /** Ends the session with the page, which may be reloading. */
  handlePageHide(): void {
    this.#socket?.handlePageHide();
  }

  /** Leaves the room. */
  leave(): void {
    this.#socket?.leave();
  }

  /** Drops the socket without leaving, and the workers with every key. */
  close(): void {
    this.#closed = true;
    this.#socket?.stop();
    this.workers.terminate();
  }

  async #open(): Promise<void> {
    const { issueToken, predecessor } = this.#request;
    let issued: JoinToken;
    try {
      issued = await issueToken();
    } catch (error) {
      if (!this.#closed) this.#events.joinFailed(error);
      return;
    }
    if (this.#closed) return;
    this.#events.tokenIssued(issued);
    this.#turn = new TurnServers(issued, issueToken);
    this.#socket = new SignalingSocket(
      issued.token,
      {
        message: (message, text) => this.#events.serverMessage(message, text),
        reconnecting: () => this.#events.reconnecting(),
        closed: (refusal) => this.#events.closed(refusal),
      },
      predecessor,
    );
  }
}
