import { describe, expect, it } from 'vitest';
import { linkPath, newFragment, parseLink } from './link';

const room = 'AAAAAAAAAAAAAAAAAAAAAA';

describe('a meeting link', () => {
  it('survives being written and read', () => {
    const link = { room, fragment: newFragment() };
    const url = new URL(linkPath(link), 'http://localhost');
    expect(parseLink(url)).toEqual({ kind: 'meeting', link });
  });

  it('is different each time', () => {
    expect(newFragment()).not.toBe(newFragment());
  });

  it.each([
    ['/', '', 'none'],
    ['/short', '#v1.x', 'broken'],
    [`/${room}`, '', 'broken'],
    [`/${room}`, '#v1.abc', 'broken'],
    [`/${room}`, `#v2.${'A'.repeat(43)}`, 'broken'],
    [`/${room}/`, `#v1.${'A'.repeat(43)}`, 'meeting'],
  ])('%s%s is %s', (pathname, hash, kind) => {
    expect(parseLink({ pathname, hash }).kind).toBe(kind);
  });
});
