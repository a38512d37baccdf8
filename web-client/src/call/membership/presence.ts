/** Who the server says is here and what they send: a pure fold over its messages. It says
 * nothing about who somebody is; that is the encrypted roster's word. */

import type { PageMessage } from '../../signaling/decode';
import type { Track } from '../../signaling/protocol.gen';

/** Tracks by participant. */
export type Presence = ReadonlyMap<number, readonly Track[]>;

export const nobody: Presence = new Map();

export function follow(presence: Presence, message: PageMessage, own: number): Presence {
  switch (message.type) {
    case 'joined':
    case 'snapshot':
      return new Map(message.room.participants.map((one) => [one.participant, one.tracks]));
    case 'delta': {
      const { delta } = message;
      if (delta.change === 'log' || delta.change === 'message') return presence;
      if (delta.change === 'rules_changed' || delta.change === 'connection_changed')
        return presence;
      if (delta.participant === own) return presence;
      const next = new Map(presence);
      if (delta.change === 'participant_left') next.delete(delta.participant);
      else next.set(delta.participant, delta.tracks);
      return next;
    }
    case 'waiting':
    case 'lobby_participants':
    case 'asked_to_mute':
    case 'shutdown_notice':
    case 'shutdown_cancelled':
    case 'resumed':
    case 'commit_pending':
    case 'commit_rejected':
    case 'answer':
    case 'media_lost':
    case 'subscribed_quality':
    case 'downlink':
    case 'heartbeat_echo':
    case 'refused':
    case 'closing':
      return presence;
  }
}
