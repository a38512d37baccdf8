/** Meeting links: `/<room>#v1.<secret>`. What stands after `#` never leaves the browser. */

const ROOM = /^[A-Za-z0-9_-]{22}$/;
const FRAGMENT = /^v1\.[A-Za-z0-9_-]{43}$/;

export interface MeetingLink {
  /** The room id: the server knows it. */
  room: string;
  /** The fragment with the link secret: the server never gets it. */
  fragment: string;
}

export type ParsedLink =
  { kind: 'none' } | { kind: 'meeting'; link: MeetingLink } | { kind: 'broken'; why: string };

/** What an address asks for. */
export function parseLink(address: { pathname: string; hash: string }): ParsedLink {
  const room = address.pathname.replace(/^\/+|\/+$/g, '');
  if (room === '') return { kind: 'none' };
  const fragment = address.hash.replace(/^#/, '');
  if (!ROOM.test(room)) {
    return { kind: 'broken', why: 'This is not a meeting link. Check that it was copied whole.' };
  }
  if (fragment === '') {
    return {
      kind: 'broken',
      why: 'The part of the link after “#” is missing. It is the key to the meeting: ask for the whole link.',
    };
  }
  if (!FRAGMENT.test(fragment)) {
    return {
      kind: 'broken',
      why: 'The part of the link after “#” is damaged. Ask for the link again, and copy it whole.',
    };
  }
  return { kind: 'meeting', link: { room, fragment } };
}

/** A fresh link secret: 32 random bytes. */
export function newFragment(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const base64 = btoa(String.fromCharCode(...bytes));
  return `v1.${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`;
}

/** The path and fragment of a meeting. */
export function linkPath(link: MeetingLink): string {
  return `/${link.room}#${link.fragment}`;
}
