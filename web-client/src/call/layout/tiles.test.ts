import { describe, expect, it } from 'vitest';
import type { Roster } from '../../e2ee/messages';
import type { Track } from '../../signaling/protocol.gen';
import { emptyPresence, updatePresence } from '../membership/presence';
import { initialRules } from '../moderation/rules';
import { buildTiles } from './tiles';

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
  it('are the members of the encrypted group in join order, without the own one', () => {
    expect(buildTiles(roster, emptyPresence, new Map(), []).map((one) => one.name)).toEqual([
      'Bob',
      'Ada',
    ]);
  });

  it('use the slot that the frame labels name', () => {
    const presence = new Map([[7, [track('camera'), track('microphone')]]]);
    const labels = new Map([
      ['audio 0', { leaf: 2, context: 1 }],
      ['video 0', { leaf: 1, context: 1 }],
      ['video 1', { leaf: 2, context: 1 }],
    ]);
    const ada = buildTiles(roster, presence, labels, []).find((one) => one.name === 'Ada');
    expect(ada).toMatchObject({ slot: 'video 1', muted: false });
  });

  it('follow a video that moved to another slot', () => {
    const presence = new Map([[7, [track('camera')]]]);
    const labels = new Map([
      ['video 4', { leaf: 2, context: 1 }],
      ['video 1', { leaf: 2, context: 1 }],
    ]);
    expect(buildTiles(roster, presence, labels, [])[1]).toMatchObject({ slot: 'video 1' });
  });

  it('show no frozen video of a camera that is off', () => {
    const presence = new Map([[7, [track('camera', true)]]]);
    const labels = new Map([['video 1', { leaf: 2, context: 1 }]]);
    const ada = buildTiles(roster, presence, labels, []).find((one) => one.name === 'Ada');
    expect(ada).toMatchObject({ slot: undefined, muted: true });
  });

  it('include a tile per shared screen', () => {
    const presence = new Map([[5, [track('camera'), track('screen')]]]);
    const labels = new Map([['video 3', { leaf: 1, context: 2 }]]);
    const screen = buildTiles(roster, presence, labels, []).find((one) => one.source === 'screen');
    expect(screen).toMatchObject({ name: 'Bob', slot: 'video 3' });
  });

  it('mark participants outside the group', () => {
    const presence = new Map([[9, [track('camera')]]]);
    const labels = new Map([['video 0', { leaf: 9, context: 1 }]]);
    const ghost = buildTiles(roster, presence, labels, [9]).at(-1);
    expect(ghost).toMatchObject({ outside: true, slot: undefined, name: '' });
  });
});

describe('presence', () => {
  it('follows deltas and ignores those about the own participant', () => {
    let presence = updatePresence(
      emptyPresence,
      {
        type: 'snapshot',
        seq: 1,
        room: {
          participants: [{ participant: 1, tracks: [] }],
          rules: initialRules,
          disconnected: [],
        },
        log: { entries: [] },
      },
      4,
    );
    const camera = [track('camera')];
    const change = (delta: Parameters<typeof updatePresence>[1]) =>
      (presence = updatePresence(presence, delta, 4));
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
