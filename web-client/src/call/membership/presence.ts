/** The participants that the server reports and the tracks they publish, as a pure fold over its
 * messages. Names and identities come from the encrypted roster only. */

import type { RoomMessage } from '../../signaling/decode';
import type { Track } from '../../signaling/protocol.gen';

/** Published tracks by participant. */
export type Presence = ReadonlyMap<number, readonly Track[]>;

export const emptyPresence: Presence = new Map();

/** Returns the presence after a message. Deltas about the own participant are ignored. */
export function updatePresence(
  presence: Presence,
  message: RoomMessage,
  ownParticipant: number,
): Presence {
  switch (message.type) {
    case 'joined':
    case 'snapshot':
      return new Map(message.room.participants.map((one) => [one.participant, one.tracks]));
    case 'delta': {
      const { delta } = message;
      if ('participant' in delta && delta.participant === ownParticipant) return presence;
      switch (delta.change) {
        case 'participant_joined':
        case 'tracks_changed':
          return new Map(presence).set(delta.participant, delta.tracks);
        case 'participant_left':
          return new Map([...presence].filter(([one]) => one !== delta.participant));
        default:
          return presence;
      }
    }
    default:
      return presence;
  }
}
