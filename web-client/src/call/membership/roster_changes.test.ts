import { describe, expect, it } from 'vitest';
import type { Roster } from '../../e2ee/messages';
import { arrivals } from './roster_changes';

function roster(...names: string[]): Roster {
  const members = names.map((name, at) => ({
    leaf: at,
    participant: name.charCodeAt(0),
    name,
    own: name === 'Me',
    trust: 'new' as const,
    pairwiseCode: undefined,
  }));
  return { epoch: 1, roomCode: '', members };
}

/** Ada has this number and this code. */
function coded(participant: number, pairwiseCode: string): Roster {
  const { members, ...rest } = roster('Me', 'Ada');
  const moved = members.map((one) => (one.own ? one : { ...one, participant, pairwiseCode }));
  return { ...rest, members: moved };
}

describe('between two epochs', () => {
  it('people come and go', () => {
    expect(arrivals(roster('Me', 'Ada'), roster('Me', 'Bob'))).toEqual({
      came: ['Bob'],
      went: ['Ada'],
    });
  });

  it('who changes places does neither', () => {
    expect(arrivals(coded(2, 'same'), coded(3, 'same'))).toEqual({ came: [], went: [] });
    expect(arrivals(coded(2, 'one'), coded(3, 'other'))).toEqual({ came: ['Ada'], went: ['Ada'] });
  });

  it('those who were there before did not come', () => {
    expect(arrivals(undefined, roster('Me', 'Ada'))).toEqual({ came: [], went: [] });
  });
});
