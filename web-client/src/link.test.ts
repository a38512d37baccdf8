import { describe, expect, it } from 'vitest';
import { linkPath, newFragment, parseLink } from './link';

const room = 'AAAAAAAAAAAAAAAAAAAAAA';

describe('a meeting link', () => {
  it('is the same after writing and parsing', () => {
    const link = { room, fragment: newFragment(), protected: false };
    const url = new URL(linkPath(link), 'http://localhost');
    expect(parseLink(url)).toEqual({ kind: 'meeting', link });
  });

  it('has a different secret each time', () => {
    expect(newFragment()).not.toBe(newFragment());
  });

  it('shows whether it needs a passphrase', () => {
    const hash = `#v1p.${'A'.repeat(43)}.AAAA`;
    expect(parseLink({ pathname: `/${room}`, hash })).toEqual({
      kind: 'meeting',
      link: { room, fragment: hash.slice(1), protected: true },
    });
  });

  it.each([
    ['/', '', 'none'],
    ['/short', '#v1.x', 'broken'],
    [`/${room}`, '', 'broken'],
    [`/${room}`, '#v1.abc', 'broken'],
    [`/${room}`, `#v2.${'A'.repeat(43)}`, 'broken'],
    [`/${room}/`, `#v1.${'A'.repeat(43)}`, 'meeting'],
    [`/${room}`, `#v1p.${'A'.repeat(43)}.AAAA`, 'meeting'],
    [`/${room}`, `#v1p.${'A'.repeat(43)}`, 'broken'],
    [`/${room}`, `#v1.${'A'.repeat(43)}.AAAA`, 'broken'],
  ])('%s%s is %s', (pathname, hash, kind) => {
    expect(parseLink({ pathname, hash }).kind).toBe(kind);
  });
});
