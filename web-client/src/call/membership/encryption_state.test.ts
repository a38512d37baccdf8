import { describe, expect, it } from 'vitest';
import type { Member, Roster } from '../../e2ee/messages';
import { encryptionState } from './encryption_state';

const member = (participant: number, name: string, trust: Member['trust'] = 'new'): Member => ({
  leaf: participant,
  participant,
  name,
  own: trust === 'own',
  trust,
  pairwiseCode: undefined,
});
const roster = (...members: Member[]): Roster => ({ epoch: 1, roomCode: '', members });

describe('the state of the encryption', () => {
  it('is forming until there are members', () => {
    expect(encryptionState(undefined, [])).toEqual({ kind: 'forming' });
  });

  it('is confirmed when no member is unconfirmed', () => {
    expect(encryptionState(roster(member(1, 'Ada', 'own'), member(2, 'Bob')), [])).toEqual({
      kind: 'confirmed',
    });
  });

  it('names unconfirmed members and ignores departed ones', () => {
    const two = roster(member(1, 'Ada', 'own'), member(2, 'Bob'));
    expect(encryptionState(two, [2, 9])).toEqual({ kind: 'unconfirmed', names: ['Bob'] });
    expect(encryptionState(two, [9])).toEqual({ kind: 'confirmed' });
  });

  it('puts a changed key first', () => {
    const three = roster(member(1, 'Ada', 'own'), member(2, 'Bob'), member(3, 'Eve', 'changed'));
    expect(encryptionState(three, [2])).toEqual({ kind: 'changed', names: ['Eve'] });
  });
});
