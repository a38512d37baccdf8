import { describe, expect, it } from 'vitest';
import { Comparison } from './sas';

function comparison(): { one: Comparison; done: string[] } {
  const done: string[] = [];
  const note = (what: string) => () => void done.push(what);
  const one = new Comparison({
    begin: note('begin'),
    allSame: note('all same'),
    invited: note('invited'),
  });
  return { one, done };
}

describe('a comparison by voice', () => {
  it('pins everybody once the person has heard the same, and only then', () => {
    const { one, done } = comparison();
    one.heard(true);
    one.begin();
    one.follow({ state: 'waiting', participants: [2] });
    one.heard(true);
    expect(done).toEqual(['begin']);
    one.follow({ state: 'emoji', emoji: [0, 1, 2, 3, 63] });
    one.heard(true);
    expect(done).toEqual(['begin', 'all same']);
    expect(one.view.value).toEqual({ kind: 'same' });
  });

  it('pins nobody when they differ', () => {
    const { one, done } = comparison();
    one.begin();
    one.follow({ state: 'emoji', emoji: [0, 1, 2, 3, 63] });
    one.heard(false);
    expect(done).toEqual(['begin']);
    expect(one.view.value).toEqual({ kind: 'different' });
  });

  it('tells once that somebody else has begun', () => {
    const { one, done } = comparison();
    one.follow({ state: 'waiting', participants: [1, 2] });
    one.follow({ state: 'waiting', participants: [2] });
    expect(done).toEqual(['invited']);
    one.follow({ state: 'interrupted' });
    one.follow({ state: 'waiting', participants: [1] });
    expect(done).toEqual(['invited', 'invited']);
  });
});
