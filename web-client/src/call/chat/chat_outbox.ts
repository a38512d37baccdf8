/** What this person says to the call, from the keyboard to the moment when everybody has it. */

import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { Content, Message, Roster } from '../../e2ee/messages';
import {
  type Chat,
  quiet,
  REACTION_MS,
  read,
  said,
  sending,
  settle,
  stay,
  unsaid,
} from './chat_state';

/** Hands something to the encryption, if it runs. */
type Say = (saying: number, content: Content) => void;

export class Conversation {
  readonly chat: Signal<Chat> = signal(quiet);
  readonly handRaised: ReadonlySignal<boolean>;
  #saying = 0;
  /** What was said and is not read back yet. */
  readonly #unread = new Map<number, { content: Content; id: string | undefined }>();

  constructor(
    readonly roster: Signal<Roster | undefined>,
    readonly send: Say,
  ) {
    this.handRaised = computed(() => {
      const self = roster.value?.members.find((member) => member.own);
      return self !== undefined && this.chat.value.hands.includes(self.participant);
    });
  }

  /** Says something to all members. What is under way when the encryption begins anew is said
   * again. */
  say(content: Content): void {
    this.#saying += 1;
    this.#unread.set(this.#saying, { content, id: undefined });
    this.chat.value = sending(this.chat.value, this.#saying, content, Date.now());
    this.send(this.#saying, content);
  }

  /** The encryption has begun anew: what nobody can have read is said again. */
  sayAgain(): void {
    for (const [saying, unread] of this.#unread) {
      unread.id = undefined;
      this.send(saying, unread.content);
    }
  }

  /** It will come back under this id. */
  said(saying: number, id: string): void {
    const unread = this.#unread.get(saying);
    if (unread !== undefined) unread.id = id;
    this.chat.value = said(this.chat.value, saying, id);
  }

  unsaid(saying: number): void {
    this.#unread.delete(saying);
    this.chat.value = unsaid(this.chat.value, saying);
  }

  read(message: Message): void {
    for (const [saying, { id }] of this.#unread) {
      if (id === message.id) this.#unread.delete(saying);
    }
    this.chat.value = read(this.chat.value, message, Date.now());
    if (message.content.kind !== 'reaction') return;
    setTimeout(() => (this.chat.value = settle(this.chat.value, Date.now())), REACTION_MS);
  }

  /** These are the members now. */
  members(participants: readonly number[]): void {
    this.chat.value = stay(this.chat.value, participants);
  }
}
