/** Owns what is known of the participants: the server's presence, the encrypted group's roster, and
 * how the two compare. */

import { batch, computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import type { Roster } from '../../e2ee/messages';
import type { RoomMessage } from '../../signaling/decode';
import { DisconnectedParticipants } from './disconnected';
import { encryptionState } from './encryption_state';
import { NonMembers } from './non_members';
import { emptyPresence, type Presence, updatePresence } from './presence';
import { type RosterChanges, rosterChanges } from './roster_changes';

export class Membership {
  readonly #ownParticipant = signal(0);
  readonly #roster = signal<Roster | undefined>(undefined);
  readonly #presence = signal(emptyPresence);
  readonly #unconfirmed = signal<readonly number[]>([]);
  readonly #stopComparing: () => void;

  /** This client's participant id; 0 before the first join. */
  readonly ownParticipant: ReadonlySignal<number> = this.#ownParticipant;
  /** The members of the encrypted group; `undefined` while keys are being agreed on. */
  readonly roster: ReadonlySignal<Roster | undefined> = this.#roster;
  /** The participants that the server reports, without the own one. */
  readonly presence: ReadonlySignal<Presence> = this.#presence;
  readonly disconnected = new DisconnectedParticipants();
  readonly nonMembers = new NonMembers();
  /** The own leaf in the group. */
  readonly ownLeaf = computed(() => this.#roster.value?.members.find((one) => one.own)?.leaf);
  /** The leaves of all members. */
  readonly leaves = computed(() => new Set(this.#roster.value?.members.map((one) => one.leaf)));
  readonly encryption = computed(() => {
    const exempt = this.disconnected.exempt.value;
    const silent = this.#unconfirmed.value.filter((one) => !exempt.has(one));
    return encryptionState(this.#roster.value, silent);
  });

  constructor() {
    this.#stopComparing = effect(() => {
      // Without a group there is no outside.
      const members = this.#roster.value?.members.map((one) => one.participant);
      const present = members === undefined ? [] : this.#presence.value.keys();
      this.nonMembers.update(present, new Set(members));
    });
  }

  handleRoomMessage(message: RoomMessage): void {
    if (message.type === 'joined') this.#ownParticipant.value = message.participant;
    const own = this.#ownParticipant.value;
    this.#presence.value = updatePresence(this.#presence.value, message, own);
    this.disconnected.handleRoomMessage(message, own);
  }

  /** Takes the roster of a new epoch; returns who joined and who left since the last one. */
  handleRoster(roster: Roster): RosterChanges {
    const changes = rosterChanges(this.#roster.value, roster);
    this.#roster.value = roster;
    return changes;
  }

  /** Takes the participants without a recent valid heartbeat: the server may keep them apart. */
  handleUnconfirmed(participants: readonly number[]): void {
    this.#unconfirmed.value = participants;
  }

  /** Forgets the group before a rejoin. */
  reset(): void {
    batch(() => {
      this.#roster.value = undefined;
      this.#presence.value = emptyPresence;
      this.disconnected.reset();
      this.#unconfirmed.value = [];
    });
  }

  /** Stops all timers at the end of the call. */
  stop(): void {
    this.#stopComparing();
    this.nonMembers.update([], new Set());
    this.disconnected.reset();
  }
}
