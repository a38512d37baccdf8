import { describe, expect, it } from 'vitest';
import type { Roster } from '../../e2ee/messages';
import { rosterChanges } from './roster_changes';

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

/** A roster in which Ada has this participant id and this pairwise code. */
function coded(participant: number, pairwiseCode: string): Roster {
  const { members, ...rest } = roster('Me', 'Ada');
  const changed = members.map((one) => (one.own ? one : { ...one, participant, pairwiseCode }));
  return { ...rest, members: changed };
}

describe('roster changes', () => {
  it('reports who joined and who left', () => {
    expect(rosterChanges(roster('Me', 'Ada'), roster('Me', 'Bob'))).toEqual({
      joined: ['Bob'],
      left: ['Ada'],
    });
  });

  it('does not report a member whose page was reloaded', () => {
    expect(rosterChanges(coded(2, 'same'), coded(3, 'same'))).toEqual({ joined: [], left: [] });
    expect(rosterChanges(coded(2, 'one'), coded(3, 'other'))).toEqual({
      joined: ['Ada'],
      left: ['Ada'],
    });
  });

  it('does not report the members of the first roster', () => {
    expect(rosterChanges(undefined, roster('Me', 'Ada'))).toEqual({ joined: [], left: [] });
  });
});
