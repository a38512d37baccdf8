/** The rules of a room, as the server keeps them: its hosts and its join policy. */

import { type Sentence, sentence } from '../../i18n/i18n';
import type { RoomMessage } from '../../signaling/decode';
import type { JoinPolicy, Rules } from '../../signaling/protocol.gen';

/** The rules before the server has told any. */
export const initialRules: Rules = { join_policy: 'open', hosts: [] };

/** Returns the rules after a message. */
export function updateRules(rules: Rules, message: RoomMessage): Rules {
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
    default:
      return rules;
  }
}

/** Returns a join policy in words. */
export function joinPolicySentence(joinPolicy: JoinPolicy): Sentence {
  switch (joinPolicy) {
    case 'open':
      return sentence('join_policy.open');
    case 'lobby':
      return sentence('join_policy.lobby');
    case 'locked':
      return sentence('join_policy.locked');
  }
}
