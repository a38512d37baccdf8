import { describe, expect, it } from 'vitest';
import { linkPath, newFragment, parseLink } from './link';

const room = 'AAAAAAAAAAAAAAAAAAAAAA';

describe('a meeting link', () => {
  it('survives being written and read', () => {
    const link = { room, fragment: newFragment(), locked: false };
    const url = new URL(linkPath(link), 'http://localhost');
    expect(parseLink(url)).toEqual({ kind: 'meeting', link });
  });

  it('is different each time', () => {
    expect(newFragment()).not.toBe(newFragment());
  });

  it('says whether it asks for a passphrase', () => {
    const hash = `#v1p.${'A'.repeat(43)}.AAAA`;
    expect(parseLink({ pathname: `/${room}`, hash })).toEqual({
      kind: 'meeting',
      link: { room, fragment: hash.slice(1), locked: true },
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
