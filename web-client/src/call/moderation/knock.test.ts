import { describe, expect, it } from 'vitest';
import { newFragment } from '../../link';
import { KNOCK_BYTES } from '../../signaling/protocol.gen';
import { openName, sealName } from './knock';

const link = { room: 'BwcHBwcHBwcHBwcHBwcHBw', fragment: newFragment() };

describe('a sealed name', () => {
  it('can be opened with the same link', async () => {
    expect(await openName(link, await sealName(link, 'Zoë 🎈'))).toBe('Zoë 🎈');
  });

  it('can be opened without the passphrase of a protected link', async () => {
    const locked = { ...link, fragment: `${link.fragment.replace('v1.', 'v1p.')}.AAAA` };
    expect(await openName(locked, await sealName(locked, 'Ada'))).toBe('Ada');
  });

  it('cannot be opened with another link, in another room, or after a change', async () => {
    const sealed = await sealName(link, 'Ada');
    const changed = sealed.startsWith('A') ? `B${sealed.slice(1)}` : `A${sealed.slice(1)}`;
    expect(await openName({ ...link, fragment: newFragment() }, sealed)).toBeUndefined();
    expect(await openName({ ...link, room: 'CwcHBwcHBwcHBwcHBwcHBw' }, sealed)).toBeUndefined();
    expect(await openName(link, changed)).toBeUndefined();
    expect(await openName(link, 'nonsense')).toBeUndefined();
    expect(await openName(link, '')).toBeUndefined();
  });

  it("has one length for every name, within the server's limit", async () => {
    const [short, long] = await Promise.all([sealName(link, 'A'), sealName(link, '漢'.repeat(64))]);
    expect(long.length).toBe(short.length);
    expect(atob(long).length).toBeLessThanOrEqual(KNOCK_BYTES);
    expect(await openName(link, long)).toBe('漢'.repeat(64));
  });
});
