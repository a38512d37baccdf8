import { describe, expect, it } from 'vitest';
import type { Roster } from '../../e2ee/messages';
import { participantList, type ParticipantListInput } from './participant_list';

const member = (leaf: number, name: string, own = false): Roster['members'][number] => ({
  leaf,
  participant: leaf + 10,
  name,
  own,
  trust: own ? 'own' : 'new',
  pairwiseCode: undefined,
});

const input: ParticipantListInput = {
  roster: {
    epoch: 1,
    roomCode: '',
    members: [member(1, 'Zoe'), member(2, 'Bob'), member(3, 'Me', true)],
  },
  presence: new Map([
    [11, [{ mid: '0', source: 'microphone', muted: false }]],
    [12, [{ mid: '1', source: 'camera', muted: true }]],
  ]),
  hosts: [12],
  nonMembers: [],
  hands: [],
  speaking: new Set([1]),
  quality: new Map([[2, 'poor']]),
  own: { microphone: true, camera: false, screen: true, quality: 'good' },
};

describe('the participant list', () => {
  it('begins with oneself and continues by name', () => {
    expect(participantList(input).map((one) => one.name)).toEqual(['Me', 'Bob', 'Zoe']);
  });

  it('puts raised hands first, in their order', () => {
    const hands = [11, 12];
    expect(participantList({ ...input, hands }).map((one) => one.name)).toEqual([
      'Me',
      'Zoe',
      'Bob',
    ]);
  });

  it('marks hosts', () => {
    const hosts = participantList(input).filter((one) => one.host);
    expect(hosts.map((one) => one.name)).toEqual(['Bob']);
  });

  it('shows what each participant publishes', () => {
    const [me, bob, zoe] = participantList(input);
    expect(me).toMatchObject({ own: true, microphone: true, camera: false, screen: true });
    expect(bob).toMatchObject({ camera: false, microphone: false, quality: 'poor' });
    expect(zoe).toMatchObject({ microphone: true, speaking: true });
  });

  it('ends with participants outside the group', () => {
    expect(participantList({ ...input, nonMembers: [99] }).at(-1)).toMatchObject({
      participant: 99,
      outside: true,
    });
  });
});
