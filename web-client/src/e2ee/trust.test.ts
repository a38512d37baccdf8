import { describe, expect, it } from 'vitest';
import { excess, type Known, meet, PEOPLE, trustIn } from './trust';

const person = (key: string, name = 'Ada'): { key: string; name: string } => ({ key, name });
const people = (...known: Known[]): Map<string, Known> =>
  new Map(known.map((one) => [one.key, one]));
const met = (key: string, name = 'Ada', room = 'room'): Known =>
  meet(new Map(), room, person(key, name), 0);
const alone = (key: string): Set<string> => new Set([key]);

describe('trust', () => {
  it('is none at first and grows with the second meeting', () => {
    expect(trustIn(people(), 'room', person('a'), alone('a'))).toBe('new');
    expect(trustIn(people(met('a')), 'room', person('a'), alone('a'))).toBe('known');
    expect(trustIn(people(met('a')), 'elsewhere', person('a', 'A.'), alone('a'))).toBe('known');
  });

  it('is pinned by comparing codes, whatever the name', () => {
    const pinned = { ...met('a'), verified: true };
    expect(trustIn(people(pinned), 'room', person('a', 'Somebody'), alone('a'))).toBe('verified');
  });

  it('is lost when a known name comes with another key', () => {
    const before = people(met('a', 'Ada'));
    expect(trustIn(before, 'room', person('b', ' ADA '), alone('b'))).toBe('changed');
    expect(trustIn(before, 'another room', person('b'), alone('b'))).toBe('new');
    const both = people(met('a'), met('b'));
    expect(trustIn(both, 'room', person('b'), alone('b'))).toBe('changed');
  });

  it('is not lost between two people of one name who are both here', () => {
    const both = people(met('a'), met('b'));
    expect(trustIn(both, 'room', person('b'), new Set(['a', 'b']))).toBe('known');
  });

  it('keeps the verified longest when there are too many', () => {
    const many = Array.from({ length: PEOPLE }, (_, n) => ({ ...met(`k${n}`), lastMet: n + 1 }));
    const old = { ...met('old friend'), verified: true };
    expect(excess(people(old, ...many))).toEqual(['k0']);
    expect(excess(people(...many))).toEqual([]);
  });

  it('remembers the last name, the first meeting and the rooms', () => {
    const again = meet(people(met('a', 'Ada', 'first')), 'second', person('a', 'Ada L.'), 9);
    expect(again).toMatchObject({ name: 'Ada L.', firstMet: 0, lastMet: 9 });
    expect(again.rooms).toEqual(['first', 'second']);
  });
});
