import { describe, expect, it } from 'vitest';
import type { Roster } from '../../e2ee/messages';
import type { Track } from '../../signaling/protocol.gen';
import { follow, nobody } from '../membership/presence';
import { openToAll } from '../moderation/rules';
import { tiles } from './tiles';

const track = (source: Track['source'], muted = false): Track => ({ mid: '1', source, muted });

const roster: Roster = {
  epoch: 3,
  roomCode: '',
  members: [
    { leaf: 2, participant: 7, name: 'Ada', own: false, trust: 'new', pairwiseCode: '' },
    { leaf: 0, participant: 4, name: 'Me', own: true, trust: 'own', pairwiseCode: undefined },
    { leaf: 1, participant: 5, name: 'Bob', own: false, trust: 'new', pairwiseCode: '' },
  ],
};

describe('tiles', () => {
  it('are those of the encrypted group, without the own one, in the order of joining', () => {
    expect(tiles(roster, nobody, new Map(), []).map((one) => one.name)).toEqual(['Bob', 'Ada']);
  });

  it('show the slot that the frames themselves name', () => {
    const presence = new Map([[7, [track('camera'), track('microphone')]]]);
    const labels = new Map([
      ['audio 0', { leaf: 2, context: 1 }],
      ['video 0', { leaf: 1, context: 1 }],
      ['video 1', { leaf: 2, context: 1 }],
    ]);
    const ada = tiles(roster, presence, labels, []).find((one) => one.name === 'Ada');
    expect(ada).toMatchObject({ slot: 'video 1', muted: false });
  });

  it('follow a picture that moved to another slot', () => {
    const presence = new Map([[7, [track('camera')]]]);
    const labels = new Map([
      ['video 4', { leaf: 2, context: 1 }],
      ['video 1', { leaf: 2, context: 1 }],
    ]);
    expect(tiles(roster, presence, labels, [])[1]).toMatchObject({ slot: 'video 1' });
  });

  it('show no frozen picture of a camera that is off', () => {
    const presence = new Map([[7, [track('camera', true)]]]);
    const labels = new Map([['video 1', { leaf: 2, context: 1 }]]);
    const ada = tiles(roster, presence, labels, []).find((one) => one.name === 'Ada');
    expect(ada).toMatchObject({ slot: undefined, muted: true });
  });

  it('give a shared screen one of its own', () => {
    const presence = new Map([[5, [track('camera'), track('screen')]]]);
    const labels = new Map([['video 3', { leaf: 1, context: 2 }]]);
    const screen = tiles(roster, presence, labels, []).find((one) => one.source === 'screen');
    expect(screen).toMatchObject({ name: 'Bob', slot: 'video 3' });
  });

  it('name somebody whom only the server knows as outside', () => {
    const presence = new Map([[9, [track('camera')]]]);
    const labels = new Map([['video 0', { leaf: 9, context: 1 }]]);
    const ghost = tiles(roster, presence, labels, [9]).at(-1);
    expect(ghost).toMatchObject({ outside: true, slot: undefined, name: '' });
  });
});

describe('presence', () => {
  it('follows the deltas and passes over the own ones', () => {
    let presence = follow(
      nobody,
      {
        type: 'snapshot',
        seq: 1,
        room: {
          participants: [{ participant: 1, tracks: [] }],
          rules: openToAll,
          disconnected: [],
        },
        log: { entries: [] },
      },
      4,
    );
    const camera = [track('camera')];
    const change = (delta: Parameters<typeof follow>[1]) => (presence = follow(presence, delta, 4));
    change({
      type: 'delta',
      seq: 2,
      delta: { change: 'participant_joined', participant: 2, tracks: [] },
    });
    change({
      type: 'delta',
      seq: 3,
      delta: { change: 'tracks_changed', participant: 2, tracks: camera },
    });
    change({
      type: 'delta',
      seq: 4,
      delta: { change: 'tracks_changed', participant: 4, tracks: camera },
    });
    change({ type: 'delta', seq: 5, delta: { change: 'participant_left', participant: 1 } });
    expect([...presence]).toEqual([[2, camera]]);
  });
});
