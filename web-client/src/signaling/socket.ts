/** The WebSocket of a signaling session: carries out its commands and keeps its timer. */

import type { ServerMessage } from './decode';
import type { ClientMessage, Predecessor, Refusal } from './protocol.gen';
import { type Command, SignalingSession } from './signaling_session';

export interface SocketEvents {
  /** A message, decoded for the page and as text for the end-to-end encryption. */
  message(message: ServerMessage, text: string): void;
  /** The socket broke; the session will be resumed. */
  reconnecting(): void;
  /** The session is over; only a new join helps. */
  closed(refusal: Refusal | undefined): void;
}

export class SignalingSocket {
  readonly #session: SignalingSession;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(
    token: string,
    readonly events: SocketEvents,
    predecessor: Predecessor | undefined,
  ) {
    this.#session = new SignalingSession(token, Math.random, predecessor);
    this.#execute(this.#session.start(Date.now()));
  }

  /** Sends a message, or drops it if the socket is broken: what must survive is sent again by its
   * owner after the resume. */
  send(message: ClientMessage): void {
    this.sendText(JSON.stringify(message));
  }

  /** Sends an encoded message, or drops it if the socket is broken. */
  sendText(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  /** Returns the participant that a rejoin replaces. */
  get predecessorForRejoin(): Predecessor | undefined {
    return this.#session.predecessorForRejoin;
  }

  /** Ends the session with the page, which may be reloading. */
  handlePageHide(): void {
    this.send({ type: 'page_hide' });
    this.stop();
  }

  /** Replaces the socket after the device changed networks: the old one is dead, or will be. */
  handleNetworkChange(): void {
    if (!this.#stopped) this.#execute(this.#session.handleNetworkChange(Date.now()));
  }

  /** Leaves the room and ends the session. */
  leave(): void {
    this.send({ type: 'leave' });
    this.stop();
  }

  /** Ends the session without leaving: the server keeps the participant for a while. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#drop();
  }

  #open(): void {
    const url = new URL('/api/v1/socket', location.origin);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url);
    this.#socket = socket;
    const handle = (event: () => Command[]): void => {
      if (socket === this.#socket) this.#execute(event());
    };
    socket.onopen = () => handle(() => this.#session.handleOpen(Date.now()));
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data !== 'string') return;
      handle(() => this.#session.handleText(data, Date.now()));
    };
    socket.onclose = () => handle(() => this.#session.handleClosed(Date.now()));
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #execute(commands: Command[]): void {
    for (const command of commands) {
      if (this.#stopped) return;
      switch (command.do) {
        case 'open':
          this.#open();
          break;
        case 'close':
          this.#drop();
          break;
        case 'send':
          this.sendText(command.text);
          break;
        case 'deliver':
          this.events.message(command.message, command.text);
          break;
        case 'reconnecting':
          this.#drop();
          this.events.reconnecting();
          break;
        case 'over':
          this.stop();
          this.events.closed(command.refusal);
          return;
      }
    }
    this.#setTimer();
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const due = this.#session.timeout;
    if (this.#stopped || due === undefined) return;
    this.#timer = setTimeout(
      () => this.#execute(this.#session.handleTimeout(Date.now())),
      Math.max(0, due - Date.now()),
    );
  }
}
