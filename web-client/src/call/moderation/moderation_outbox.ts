/**
 * A host's actions, kept until the server must have received them: messages that were sent just
 * before a socket breaks are lost. Sending one twice is harmless, since each names a state and not
 * a step.
 */

import type { Moderation } from '../../signaling/protocol.gen';

/** More actions than a host can click between two heartbeats. */
const MAX_ACTIONS = 32;
/** The first echo may answer a heartbeat that was sent before the action; the second one cannot. */
const ECHOES = 2;

export class ModerationOutbox {
  #pending: { action: Moderation; echoes: number }[] = [];

  /** Adds an action. It replaces an older one about the same subject. */
  add(action: Moderation): void {
    const subject = subjectOf(action);
    const others = this.#pending.filter((one) => subjectOf(one.action) !== subject);
    this.#pending = [...others, { action, echoes: 0 }].slice(-MAX_ACTIONS);
  }

  /** Removes the actions that the server has received, as its echo of a heartbeat shows. */
  handleHeartbeatEcho(): void {
    for (const one of this.#pending) one.echoes += 1;
    this.#pending = this.#pending.filter(({ echoes }) => echoes < ECHOES);
  }

  /** Returns the actions to send again on a new socket, oldest first. */
  takeForResend(): readonly Moderation[] {
    for (const one of this.#pending) one.echoes = 0;
    return this.#pending.map(({ action }) => action);
  }
}

/** Returns what an action is about, as a key. */
function subjectOf(action: Moderation): string {
  switch (action.action) {
    case 'set_join_policy':
      return 'join_policy';
    case 'admit':
    case 'deny':
      return `lobby_participant ${action.lobby_participant}`;
    case 'remove':
    case 'ask_to_mute':
      return `${action.action} ${action.participant}`;
  }
}
