/** The WebSocket around a conversation: moves messages, keeps the timer, decides nothing. */

import { type Command, Conversation } from './signaling_session';
import type { PageMessage } from './decode';
import type { ClientMessage, Predecessor, Refusal } from './protocol.gen';

export interface SocketEvents {
  /** A message, parsed for the page and whole for the end-to-end encryption. */
  message(message: PageMessage, text: string): void;
  /** The socket broke and is being brought back. */
  reconnecting(): void;
  /** The conversation is over; only a new join goes on. */
  closed(refusal: Refusal | undefined): void;
}

export class SignalingSocket {
  readonly #conversation: Conversation;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(
    token: string,
    readonly events: SocketEvents,
    predecessor: Predecessor | undefined,
  ) {
    this.#conversation = new Conversation(token, Math.random, predecessor);
    this.#carryOut(this.#conversation.start(Date.now()));
  }

  /** Says something now, or not at all: what must survive a broken socket is said again by its
   * owner after the resume. */
  send(message: ClientMessage): void {
    this.sendText(JSON.stringify(message));
  }

  sendText(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  /** Who to be the successor of, after this conversation. */
  get place(): Predecessor | undefined {
    return this.#conversation.place;
  }

  /** Ends the conversation with the page, which may be loaded anew. */
  pageHide(): void {
    this.send({ type: 'page_hide' });
    this.stop();
  }

  /** The device has another network: the old socket is dead, or will be. */
  networkChanged(): void {
    if (!this.#stopped) this.#carryOut(this.#conversation.handleNetworkChange(Date.now()));
  }

  /** Ends the conversation for good. */
  leave(): void {
    this.send({ type: 'leave' });
    this.stop();
  }

  /** Ends it without a word: the server waits for a return that does not come. */
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
    const follow = (react: () => Command[]): void => {
      if (socket === this.#socket) this.#carryOut(react());
    };
    socket.onopen = () => follow(() => this.#conversation.handleOpen(Date.now()));
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data !== 'string') return;
      follow(() => this.#conversation.handleText(data, Date.now()));
    };
    socket.onclose = () => follow(() => this.#conversation.handleClosed(Date.now()));
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #carryOut(commands: Command[]): void {
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
    const due = this.#conversation.timeout;
    if (this.#stopped || due === undefined) return;
    this.#timer = setTimeout(
      () => this.#carryOut(this.#conversation.handleTimeout(Date.now())),
      Math.max(0, due - Date.now()),
    );
  }
}
