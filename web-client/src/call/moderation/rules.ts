/** The order of the room as the server keeps it: who its hosts are, and who may come in. A pure
 * fold over its messages. */

import type { PageMessage } from '../../signaling/decode';
import type { Rules } from '../../signaling/protocol.gen';

export const openToAll: Rules = { join_policy: 'open', hosts: [] };

export function followRules(rules: Rules, message: PageMessage): Rules {
  switch (message.type) {
    case 'joined':
    case 'snapshot':
      return message.room.rules;
    case 'delta': {
      const { delta } = message;
      return delta.change === 'rules_changed'
        ? { join_policy: delta.join_policy, hosts: delta.hosts }
        : rules;
    }
    case 'waiting':
    case 'lobby_participants':
    case 'asked_to_mute':
    case 'shutdown_notice':
    case 'shutdown_cancelled':
    case 'commit_pending':
    case 'commit_rejected':
    case 'resumed':
    case 'answer':
    case 'media_lost':
    case 'subscribed_quality':
    case 'downlink':
    case 'heartbeat_echo':
    case 'refused':
    case 'closing':
      return rules;
  }
}
