/** Owns the chat of a call: what was received, and own messages until they are delivered. */

import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { Content, Message, Roster } from '../../e2ee/messages';
import { ChatOutbox } from './chat_outbox';
import {
  addMessage,
  addPending,
  assignId,
  type ChatState,
  emptyChat,
  expireReactions,
  markFailed,
  REACTION_MS,
  retainMembers,
} from './chat_state';

export interface ChatEvents {
  /** Sends content to the group, if there is one; the outcome is reported with the send id. */
  send(sendId: number, content: Content): void;
  /** Another member raised a hand. */
  handRaised(name: string): void;
}

export class Chat {
  readonly #state = signal(emptyChat);
  readonly #outbox = new ChatOutbox();
  readonly state: ReadonlySignal<ChatState> = this.#state;
  /** The own hand is raised. */
  readonly handRaised: ReadonlySignal<boolean>;

  constructor(
    readonly roster: ReadonlySignal<Roster | undefined>,
    readonly events: ChatEvents,
  ) {
    this.handRaised = computed(() => {
      const self = roster.value?.members.find((member) => member.own);
      return self !== undefined && this.#state.value.hands.includes(self.participant);
    });
  }

  /** Sends content to all members. It is sent again if the call rejoins before it is delivered. */
  send(content: Content): void {
    const sendId = this.#outbox.add(content);
    this.#state.value = addPending(this.#state.value, sendId, content, Date.now());
    this.events.send(sendId, content);
  }

  /** Sends everything again that was not delivered to the previous group. */
  resend(): void {
    for (const [sendId, content] of this.#outbox.takeForResend()) {
      this.events.send(sendId, content);
    }
  }

  /** Records the message id under which the encryption sealed a message. */
  handleSent(sendId: number, id: string): void {
    this.#outbox.assignId(sendId, id);
    this.#state.value = assignId(this.#state.value, sendId, id);
  }

  /** Marks a message as failed that the encryption refused. */
  handleSendFailed(sendId: number): void {
    this.#outbox.remove(sendId);
    this.#state.value = markFailed(this.#state.value, sendId);
  }

  /** Adds a message of the group, own ones included. */
  handleMessage(message: Message): void {
    this.#reportRaisedHand(message);
    this.#outbox.handleDelivered(message.id);
    this.#state.value = addMessage(this.#state.value, message, Date.now());
    if (message.content.kind !== 'reaction') return;
    setTimeout(
      () => (this.#state.value = expireReactions(this.#state.value, Date.now())),
      REACTION_MS,
    );
  }

  /** Takes the participants of a new epoch. */
  handleMembers(participants: readonly number[]): void {
    this.#state.value = retainMembers(this.#state.value, participants);
  }

  #reportRaisedHand({ participant, content }: Message): void {
    if (content.kind !== 'hand' || !content.raised) return;
    if (this.#state.value.hands.includes(participant)) return;
    const member = this.roster.value?.members.find((one) => one.participant === participant);
    if (member === undefined || member.own) return;
    this.events.handRaised(member.name);
  }
}
