/** Owns a room's rules, its lobby and what hosts do, as this participant sees them. */

import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { MeetingLink } from '../../link';
import type { ControlMessage, RoomMessage } from '../../signaling/decode';
import type {
  ClientMessage,
  JoinPolicy,
  LobbyParticipant,
  Moderation,
  Rules,
} from '../../signaling/protocol.gen';
import { openName, sealName } from './knock';
import { ModerationOutbox } from './moderation_outbox';
import { initialRules, updateRules } from './rules';

/** A participant in the lobby, under the name that it claims. */
export interface NamedLobbyParticipant {
  lobbyParticipant: number;
  /** Empty until it arrives, or if it was sealed for another link. */
  name: string;
}

export interface ModerationEvents {
  send(message: ClientMessage): void;
  /** A host changed the join policy. */
  joinPolicyChanged(joinPolicy: JoinPolicy): void;
}

export class RoomModeration {
  readonly #rules = signal(initialRules);
  readonly #lobby = signal<readonly NamedLobbyParticipant[]>([]);
  readonly #muteRequestedBy = signal<number | undefined>(undefined);
  readonly #outbox = new ModerationOutbox();
  /** Counts lobby updates: names that were opened for an older one are dropped. */
  #lobbyUpdate = 0;

  readonly rules: ReadonlySignal<Rules> = this.#rules;
  /** Told to hosts only. */
  readonly lobby: ReadonlySignal<readonly NamedLobbyParticipant[]> = this.#lobby;
  /** The host who asked this participant to mute. */
  readonly muteRequestedBy: ReadonlySignal<number | undefined> = this.#muteRequestedBy;
  /** This participant is a host. */
  readonly isHost: ReadonlySignal<boolean>;

  constructor(
    readonly link: MeetingLink,
    ownParticipant: ReadonlySignal<number>,
    readonly events: ModerationEvents,
  ) {
    this.isHost = computed(() => this.#rules.value.hosts.includes(ownParticipant.value));
  }

  handleRoomMessage(message: RoomMessage): void {
    const before = this.#rules.value.join_policy;
    this.#rules.value = updateRules(this.#rules.value, message);
    switch (message.type) {
      case 'delta': {
        const { join_policy: joinPolicy } = this.#rules.value;
        // Only changes during the call are news, not what a snapshot brings.
        if (joinPolicy !== before) this.events.joinPolicyChanged(joinPolicy);
        break;
      }
      case 'lobby_participants':
        void this.#openNames(message.lobby_participants);
        break;
      case 'asked_to_mute':
        this.#muteRequestedBy.value = message.by;
        break;
      case 'joined':
      case 'resumed':
        for (const action of this.#outbox.takeForResend()) this.#send(action);
        break;
      default:
        break;
    }
  }

  handleControlMessage(message: ControlMessage): void {
    if (message.type === 'heartbeat_echo') this.#outbox.handleHeartbeatEcho();
  }

  /** Tells the hosts the name under which this participant waits in the lobby. */
  async knock(name: string): Promise<void> {
    this.events.send({ type: 'knock', name: await sealName(this.link, name) });
  }

  /** Sends a host's action; it is sent again if the socket breaks before the server has it. */
  moderate(action: Moderation): void {
    this.#outbox.add(action);
    this.#send(action);
  }

  /** Forgets a host's request to mute: it was followed or dismissed. */
  dismissMuteRequest(): void {
    this.#muteRequestedBy.value = undefined;
  }

  /** Forgets the room's state before a rejoin. */
  reset(): void {
    this.#lobbyUpdate += 1;
    this.#rules.value = initialRules;
    this.#lobby.value = [];
    this.#muteRequestedBy.value = undefined;
  }

  #send(action: Moderation): void {
    this.events.send({ type: 'moderate', ...action });
  }

  async #openNames(lobby: readonly LobbyParticipant[]): Promise<void> {
    this.#lobbyUpdate += 1;
    const update = this.#lobbyUpdate;
    const names = await Promise.all(
      lobby.map(({ name }) => (name === null ? undefined : openName(this.link, name))),
    );
    if (update !== this.#lobbyUpdate) return;
    this.#lobby.value = lobby.map(({ lobby_participant: lobbyParticipant }, at) => ({
      lobbyParticipant,
      name: names[at] ?? '',
    }));
  }
}
