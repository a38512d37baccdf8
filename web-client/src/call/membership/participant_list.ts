/** The participant list in display order: oneself, raised hands, then by name. */

import type { Roster } from '../../e2ee/messages';
import type { Quality } from '../../stats/quality';
import type { Presence } from './presence';

export interface ListedParticipant {
  participant: number;
  name: string;
  own: boolean;
  /** Reported by the server, but not in the encrypted group. */
  outside: boolean;
  verified: boolean;
  host: boolean;
  microphone: boolean;
  camera: boolean;
  screen: boolean;
  hand: boolean;
  speaking: boolean;
  quality: Quality | undefined;
}

export interface ParticipantListInput {
  roster: Roster | undefined;
  presence: Presence;
  /** Participants without a place in the group. */
  nonMembers: Iterable<number>;
  hosts: readonly number[];
  /** Participants with a raised hand, first raised first. */
  hands: readonly number[];
  /** Leaves that are speaking. */
  speaking: ReadonlySet<number>;
  /** By leaf. */
  quality: ReadonlyMap<number, Quality>;
  /** The server does not report the own tracks. */
  own: Pick<ListedParticipant, 'microphone' | 'camera' | 'screen' | 'quality'>;
}

/** Returns all participants in display order; those outside the group come last. */
export function participantList(input: ParticipantListInput): ListedParticipant[] {
  const { presence, hosts, hands } = input;
  const members = (input.roster?.members ?? []).map((member): ListedParticipant => {
    const { participant, name, own, leaf } = member;
    const sends = (source: string): boolean =>
      presence.get(participant)?.some((one) => one.source === source && !one.muted) ?? false;
    return {
      participant,
      name,
      own,
      outside: false,
      verified: member.trust === 'verified',
      host: hosts.includes(participant),
      microphone: sends('microphone'),
      camera: sends('camera'),
      screen: sends('screen'),
      hand: hands.includes(participant),
      speaking: input.speaking.has(leaf),
      quality: input.quality.get(leaf),
      ...(own ? input.own : {}),
    };
  });
  const nonMembers = [...input.nonMembers].map((participant): ListedParticipant => ({
    ...NON_MEMBER,
    participant,
    host: hosts.includes(participant),
  }));
  const handRank = (one: ListedParticipant): number => {
    const rank = hands.indexOf(one.participant);
    return rank < 0 ? hands.length : rank;
  };
  const ordered = members.toSorted(
    (a, b) =>
      Number(b.own) - Number(a.own) || handRank(a) - handRank(b) || a.name.localeCompare(b.name),
  );
  return [...ordered, ...nonMembers];
}

const NON_MEMBER: Omit<ListedParticipant, 'participant' | 'host'> = {
  name: '',
  own: false,
  outside: true,
  verified: false,
  microphone: false,
  camera: false,
  screen: false,
  hand: false,
  speaking: false,
  quality: undefined,
};
