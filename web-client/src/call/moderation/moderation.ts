/** The room and its order, as this person sees it: the rules, who waits, and what a host does. */

import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { MeetingLink } from '../../link';
import type { PageMessage } from '../../signaling/decode';
import type {
  ClientMessage,
  Moderation,
  Rules,
  LobbyParticipant,
} from '../../signaling/protocol.gen';
import { openName, sealName } from './knock';
import { Orders } from './moderation_outbox';
import { followRules, openToAll } from './rules';

/** Somebody who waits, under the name that they say. */
export interface Guest {
  lobby_participant: number;
  /** Empty as long as it has not come, or if it was sealed by another link. */
  name: string;
}

export class House {
  readonly rules: Signal<Rules> = signal(openToAll);
  readonly guests: Signal<readonly Guest[]> = signal([]);
  /** The host who wants this person's microphone off. */
  readonly muteAsked: Signal<number | undefined> = signal(undefined);
  /** This person is a host. */
  readonly host: ReadonlySignal<boolean>;
  readonly #orders = new Orders();
  /** Counts what was heard of visitors: only the last word counts. */
  #word = 0;

  constructor(
    readonly link: MeetingLink,
    readonly own: ReadonlySignal<number>,
    readonly send: (message: ClientMessage) => void,
  ) {
    this.host = computed(() => this.rules.value.hosts.includes(own.value));
  }

  /** The server said something. */
  hear(message: PageMessage): void {
    this.rules.value = followRules(this.rules.value, message);
    if (message.type === 'lobby_participants') void this.#read(message.lobby_participants);
    if (message.type === 'asked_to_mute') this.muteAsked.value = message.by;
    for (const action of this.#orders.hear(message)) this.send({ type: 'moderate', ...action });
  }

  /** Says who one is while one waits. */
  async knock(name: string): Promise<void> {
    this.send({ type: 'knock', name: await sealName(this.link, name) });
  }

  /** Tells the room what a host wants; again, if the socket breaks before it is heard. */
  moderate(action: Moderation): void {
    this.#orders.add(action);
    this.send({ type: 'moderate', ...action });
  }

  /** The conversation begins anew. */
  reset(): void {
    this.#word += 1;
    this.rules.value = openToAll;
    this.guests.value = [];
    this.muteAsked.value = undefined;
  }

  async #read(lobby_participants: readonly LobbyParticipant[]): Promise<void> {
    this.#word += 1;
    const word = this.#word;
    const names = await Promise.all(
      lobby_participants.map(({ name }) => (name === null ? undefined : openName(this.link, name))),
    );
    if (word !== this.#word) return;
    this.guests.value = lobby_participants.map(({ lobby_participant }, at) => ({
      lobby_participant,
      name: names[at] ?? '',
    }));
  }
}
