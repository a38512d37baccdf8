import { describe, expect, it } from 'vitest';
import { evaluateTrust, type KnownIdentity, MAX_IDENTITIES, recordMeeting, selectEvictions } from './trust';

const person = (key: string, name = 'Ada'): { key: string; name: string } => ({ key, name });
const identities = (...known: KnownIdentity[]): Map<string, KnownIdentity> =>
  new Map(known.map((one) => [one.key, one]));
const met = (key: string, name = 'Ada', room = 'room'): KnownIdentity =>
  recordMeeting(new Map(), room, person(key, name), 0);
const alone = (key: string): Set<string> => new Set([key]);

describe('trust', () => {
  it('is new at first and known from the second visit on', () => {
    expect(evaluateTrust(identities(), 'room', person('a'), alone('a'))).toBe('new');
    expect(evaluateTrust(identities(met('a')), 'room', person('a'), alone('a'))).toBe('known');
    expect(evaluateTrust(identities(met('a')), 'elsewhere', person('a', 'A.'), alone('a'))).toBe('known');
  });

  it('is verified after comparing codes, whatever the name', () => {
    const pinned = { ...met('a'), verified: true };
    expect(evaluateTrust(identities(pinned), 'room', person('a', 'Somebody'), alone('a'))).toBe('verified');
  });

  it('is changed when a known name has another key', () => {
    const before = identities(met('a', 'Ada'));
    expect(evaluateTrust(before, 'room', person('b', ' ADA '), alone('b'))).toBe('changed');
    expect(evaluateTrust(before, 'another room', person('b'), alone('b'))).toBe('new');
    const both = identities(met('a'), met('b'));
    expect(evaluateTrust(both, 'room', person('b'), alone('b'))).toBe('changed');
  });

  it('is not changed by two present members of the same name', () => {
    const both = identities(met('a'), met('b'));
    expect(evaluateTrust(both, 'room', person('b'), new Set(['a', 'b']))).toBe('known');
  });

  it('evicts verified identities last', () => {
    const many = Array.from({ length: MAX_IDENTITIES }, (_, n) => ({ ...met(`k${n}`), lastMet: n + 1 }));
    const old = { ...met('old friend'), verified: true };
    expect(selectEvictions(identities(old, ...many))).toEqual(['k0']);
    expect(selectEvictions(identities(...many))).toEqual([]);
  });

  it('records the last name, the first meeting and the rooms', () => {
    const again = recordMeeting(identities(met('a', 'Ada', 'first')), 'second', person('a', 'Ada L.'), 9);
    expect(again).toMatchObject({ name: 'Ada L.', firstMet: 0, lastMet: 9 });
    expect(again.rooms).toEqual(['first', 'second']);
  });
});
