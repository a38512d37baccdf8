/** The order of the room as the server keeps it: who its hosts are, and who may come in. A pure
 * fold over its messages. */

import type { PageMessage } from '../signaling/decode';
import type { Rules } from '../signaling/protocol.gen';

export const openToAll: Rules = { door: 'open', hosts: [] };

export function followRules(rules: Rules, message: PageMessage): Rules {
  switch (message.type) {
    case 'joined':
    case 'snapshot':
      return message.room.rules;
    case 'delta': {
      const { delta } = message;
      return delta.change === 'rules_changed' ? { door: delta.door, hosts: delta.hosts } : rules;
    }
    case 'waiting':
    case 'visitors':
    case 'asked_to_mute':
    case 'restart_ahead':
    case 'restart_off':
    case 'tentative':
    case 'dropped':
    case 'resumed':
    case 'answer':
    case 'media_lost':
    case 'encodings_wanted':
    case 'downlink':
    case 'heartbeat_echo':
    case 'refused':
    case 'closing':
      return rules;
  }
}
