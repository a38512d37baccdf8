/**
 * What a host has told the room, kept until the server must have heard it: a socket that breaks
 * takes with it what was said last. All of it may be said twice, for it names a state and no step.
 */

import type { PageMessage } from '../../signaling/decode';
import type { Moderation } from '../../signaling/protocol.gen';

/** More than a host can click between two signs of life. */
const MOST = 32;
/** The first echo may answer a heartbeat that went before the order; messages keep their order. */
const ECHOES = 2;

export class Orders {
  #unheard: { action: Moderation; echoes: number }[] = [];

  /** The host says something. */
  add(action: Moderation): void {
    const same = JSON.stringify(about(action));
    const others = this.#unheard.filter((one) => JSON.stringify(about(one.action)) !== same);
    this.#unheard = [...others, { action, echoes: 0 }].slice(-MOST);
  }

  /** What to say again, after this message of the server's. */
  hear(message: PageMessage): readonly Moderation[] {
    switch (message.type) {
      case 'heartbeat_echo':
        for (const one of this.#unheard) one.echoes += 1;
        this.#unheard = this.#unheard.filter(({ echoes }) => echoes < ECHOES);
        return [];
      case 'joined':
      case 'resumed':
        for (const one of this.#unheard) one.echoes = 0;
        return this.#unheard.map(({ action }) => action);
      default:
        return [];
    }
  }
}

/** Of two orders about the same, the later one counts. */
function about(action: Moderation): unknown[] {
  switch (action.action) {
    case 'set_join_policy':
      return ['join_policy'];
    case 'admit':
    case 'deny':
      return ['lobby_participant', action.lobby_participant];
    case 'remove':
    case 'ask_to_mute':
      return [action.action, action.participant];
  }
}
