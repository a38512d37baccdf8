/** The list of everybody, in the order in which it is read: oneself, raised hands, then by name. */

import type { Roster } from '../../e2ee/messages';
import type { Quality } from '../../stats/quality';
import type { Presence } from './presence';

export interface Person {
  participant: number;
  name: string;
  own: boolean;
  /** Known to the server alone, without a place in the encrypted group. */
  outside: boolean;
  verified: boolean;
  /** May let in, remove and lock. */
  host: boolean;
  microphone: boolean;
  camera: boolean;
  screen: boolean;
  hand: boolean;
  speaking: boolean;
  quality: Quality | undefined;
}

export interface Seen {
  roster: Roster | undefined;
  presence: Presence;
  /** Whom the server names without a place in the group. */
  outsiders: Iterable<number>;
  hosts: readonly number[];
  hands: readonly number[];
  speaking: ReadonlySet<number>;
  quality: ReadonlyMap<number, Quality>;
  /** The server does not tell us about ourselves. */
  own: Pick<Person, 'microphone' | 'camera' | 'screen' | 'quality'>;
}

export function people(seen: Seen): Person[] {
  const { presence, hosts, hands } = seen;
  const members = seen.roster?.members ?? [];
  const inside = members.map((member): Person => {
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
      speaking: seen.speaking.has(leaf),
      quality: seen.quality.get(leaf),
      ...(own ? seen.own : {}),
    };
  });
  const outside = [...seen.outsiders].map((participant): Person => ({
    ...STRANGER,
    participant,
    host: hosts.includes(participant),
  }));
  const turn = (one: Person): number => {
    const place = hands.indexOf(one.participant);
    return place < 0 ? hands.length : place;
  };
  const ordered = inside.toSorted(
    (a, b) => Number(b.own) - Number(a.own) || turn(a) - turn(b) || a.name.localeCompare(b.name),
  );
  return [...ordered, ...outside];
}

const STRANGER: Omit<Person, 'participant' | 'host'> = {
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
