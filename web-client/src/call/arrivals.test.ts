import { describe, expect, it } from 'vitest';
import type { Roster } from '../e2ee/messages';
import { arrivals } from './arrivals';

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

describe('between two epochs', () => {
  it('people come and go', () => {
    expect(arrivals(roster('Me', 'Ada'), roster('Me', 'Bob'))).toEqual({
      came: ['Bob'],
      went: ['Ada'],
    });
  });

  it('those who were there before did not come', () => {
    expect(arrivals(undefined, roster('Me', 'Ada'))).toEqual({ came: [], went: [] });
  });
});
